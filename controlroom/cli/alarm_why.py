"""Why an alarm was raised, for `controlroom alarms show --why`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controlroom.adapters.postgres.alarm_query import AlarmQueries
    from controlroom.config import Settings
    from controlroom.core.alarms.definitions import Definitions
    from controlroom.core.alarms.model import Alarm
    from controlroom.core.why.model import Why

#: columns where stdout is no terminal, and lines that the picture takes
_WIDTH, _HEIGHT = 100, 28
_NARROWEST = 60


async def reasons_of(queries: AlarmQueries, alarm: Alarm, definitions: Definitions, settings: Settings) -> Why:
    """Ask the database, with detectors that are set as those of this plant."""
    from controlroom.adapters.files.detectors_file import load_profiles
    from controlroom.core.profiles import profiles_of

    profile_for = profiles_of(definitions, load_profiles(settings.detectors_file))
    return await queries.why(alarm, profile_for, group=settings.group, topic=settings.topics.data)


def picture(why: Why, width: int | None) -> Iterable[str]:
    """As the alarm's page in the terminal draws it, in plain text."""
    from controlroom.ui.render.glyphs import UNICODE
    from controlroom.ui.render.line import plain
    from controlroom.ui.render.why_lines import why_lines

    yield ""
    for line in why_lines(why, time.time(), max(_NARROWEST, width or _WIDTH), _HEIGHT, UNICODE):
        yield plain(line).rstrip()
