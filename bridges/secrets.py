"""Passwords stand in the environment or in a file of their own, never in the bridge's file."""

from __future__ import annotations

import os
import stat
from typing import Annotated

from pydantic import BaseModel, Field

from bridges.errors import BridgeFileError
from bridges.toml_file import PathBeside


class Secret(BaseModel):
    """The keys `password_env` and `password_file` of a table."""

    password_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    password_file: PathBeside | None = None

    @property
    def has_secret(self) -> bool:
        """Whether one of the two is given."""
        return self.password_env is not None or self.password_file is not None

    def secret(self) -> str | None:
        """The password; None: there is none.

        Raises:
            BridgeFileError: it is not where the file says, or others may read it.
        """
        if self.password_env is not None:
            found = os.environ.get(self.password_env)
            if found is None:
                raise BridgeFileError(f"password_env: there is no environment variable {self.password_env}")
            return found
        path = self.password_file
        if path is None:
            return None
        try:
            mode = path.stat().st_mode
            text = path.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BridgeFileError(f"password_file: {path}: {error}") from None
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BridgeFileError(f"password_file: {path}: others may read it; chmod 600 {path}")
        return text
