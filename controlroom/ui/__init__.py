"""The terminal program. The only place that imports Textual, and only when `run` is called.

::

    from controlroom.ui import run, options_for
    run(state, commands, options_for(os.environ, banner="local plant"))
"""

from controlroom.ui.launch import check_terminal, run
from controlroom.ui.options import UiOptions, options_for
from controlroom.ui.settings import from_settings

__all__ = ["UiOptions", "check_terminal", "from_settings", "options_for", "run"]
