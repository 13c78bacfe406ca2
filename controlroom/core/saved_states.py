"""Whether saved detector states are of this version of the program, looked at once when a partition is taken."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping

from controlroom.core.slot import BankName, version_of
from controlroom.errors import ProgramTooOld
from detectors.cheap import VERSION as CHEAP_VERSION

log = logging.getLogger(__name__)


def look_at_states(name: BankName, states: Mapping[str, bytes], where: str) -> None:
    """Tell in one line which saved states cannot be used.

    Args:
        name: the bank that they are for.
        states: by sensor; an empty one is that of a sensor which was met after the checkpoint.
        where: whose they are, for the log.

    Raises:
        ProgramTooOld: a newer version of the program has saved some: it would lose what they hold.
    """
    versions = Counter(state[0] for state in states.values() if state)
    version = version_of(name)
    of_the_other_bank = sum(count for found, count in versions.items() if (found >= CHEAP_VERSION) != (name == "cheap"))
    newer = [found for found in versions if found > version and (found >= CHEAP_VERSION) == (name == "cheap")]
    if newer:
        raise ProgramTooOld(
            f"{where}: detector states are of version {max(newer)}, this program's are of {version}",
            hint="a newer controlroom has saved them: start that one",
        )
    older = sum(count for found, count in versions.items() if found != version) - of_the_other_bank
    reasons = [
        *([f"{older} are of an older version"] if older else ()),
        *([f"{of_the_other_bank} are of the other bank (setting `detectors`)"] if of_the_other_bank else ()),
    ]
    if reasons:
        log.warning(
            "%s: of %d detector states %s: what these sensors' detectors have learned is lost, and they learn it again",
            where, versions.total(), ", ".join(reasons),
        )  # fmt: skip
