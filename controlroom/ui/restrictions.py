"""What Textual can do beside drawing, refused in the restricted mode: files, links, and the way back to a shell."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from textual.app import App


class Restrictions(App[int]):
    """An app that can be restricted."""

    #: set before it runs
    restricted = False

    def on_mount(self) -> None:
        """Textual's driver takes SIGTSTP and would stop for it: it is ignored again."""
        if self.restricted:
            signal.signal(signal.SIGTSTP, signal.SIG_IGN)

    def action_suspend_process(self) -> None:
        """To the shell, if there is one."""
        if not self.restricted:
            super().action_suspend_process()

    @contextmanager
    def suspend(self) -> Iterator[None]:
        """To another program, if there may be one."""
        if self.restricted:
            raise PermissionError("not in the restricted mode")
        with super().suspend():
            yield

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """To a file, if one may be written."""
        if not self.restricted:
            super().action_screenshot(filename, path)

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """To a browser, if one may be started."""
        if not self.restricted:
            super().open_url(url, new_tab=new_tab)

    def deliver_text(self, *args: Any, **kwargs: Any) -> str | None:  # noqa: ANN401 - Textual's signature, passed on
        """To a file, if one may be written."""
        return None if self.restricted else super().deliver_text(*args, **kwargs)

    def deliver_binary(self, *args: Any, **kwargs: Any) -> str | None:  # noqa: ANN401 - as above
        """To a file, if one may be written."""
        return None if self.restricted else super().deliver_binary(*args, **kwargs)
