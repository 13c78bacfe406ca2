"""Who has signed a server's certificate, and what we show it of ours: the same keys in every source that has TLS."""

from __future__ import annotations

import ssl

from pydantic import BaseModel

from bridges.errors import BridgeFileError
from bridges.toml_file import PathBeside


class TlsFiles(BaseModel):
    """The keys `ca_file`, `cert_file` and `key_file` of a table."""

    ca_file: PathBeside | None = None
    cert_file: PathBeside | None = None
    key_file: PathBeside | None = None

    def require_tls(self, *, tls: bool, by: str) -> None:
        """Whether the keys fit to each other, and to a connection that has TLS or has not.

        Raises:
            ValueError: they do not; `by` says how TLS is asked for.
        """
        if not tls and (self.ca_file or self.cert_file or self.key_file):
            raise ValueError(f"ca_file, cert_file and key_file need {by}")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file are given together")


def tls_of(table: TlsFiles, source: str) -> ssl.SSLContext:
    """How the server proves who it is, and we.

    Raises:
        BridgeFileError: a certificate or a key cannot be read; names the source and the key.
    """
    name, path = "ca_file", table.ca_file
    try:
        context = ssl.create_default_context(cafile=str(path) if path is not None else None)
        if table.cert_file is not None:
            name, path = "cert_file", table.cert_file
            context.load_cert_chain(table.cert_file, table.key_file, lambda: "")
    except (OSError, ValueError) as error:
        raise BridgeFileError(f"source {source!r}, {name}: {path}: {error}") from None
    return context
