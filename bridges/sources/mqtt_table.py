"""What the bridge's file says of an MQTT broker: `[[source]]` with `type = "mqtt"`."""

from __future__ import annotations

import ssl
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from bridges.errors import BridgeFileError
from bridges.mapping import Model, TagTable
from bridges.secrets import Secret
from bridges.toml_file import PathBeside

_PORTS = {"mqtt": 1883, "mqtts": 8883}


class MqttTable(Secret, Model):
    """`[[source]]` with `type = "mqtt"`."""

    type: Literal["mqtt"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    url: str
    version: Literal["3.1.1", "5"] = "5"
    client_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    user: str | None = None
    ca_file: PathBeside | None = None
    cert_file: PathBeside | None = None
    key_file: PathBeside | None = None
    qos: Literal[0, 1] = 1
    share: Annotated[str, Field(pattern=r"^[^/+#\x00]{1,64}$")] | None = None
    retained: Literal["ignore", "accept"] = "ignore"
    keepalive: Annotated[int, Field(ge=5, le=3600)] = 30
    session_expiry: Annotated[int, Field(ge=0, le=4_294_967_295)] = 604_800
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    max_payload: Annotated[int, Field(ge=16, le=16 * 1024 * 1024)] = 65_536
    max_tags: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    status_topic: Annotated[str, Field(pattern=r"^[^+#\x00]{1,256}$")] | None = None
    tag: Annotated[list[TagTable], Field(min_length=1)]

    @field_validator("url")
    @classmethod
    def _is_url(cls, text: str) -> str:
        try:
            parts = urlsplit(text)
            more = parts.path.strip("/") or parts.query or parts.fragment
            good = parts.scheme in _PORTS and parts.hostname and not more and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise ValueError("must be mqtt://host:port or, with TLS, mqtts://host:port")
        if parts.username or parts.password:
            raise ValueError("a user is given by user and password_env or password_file, not in the url")
        return text

    @model_validator(mode="after")
    def _fits(self) -> Self:
        tls = self.url.startswith("mqtts:")
        if not tls and (self.ca_file or self.cert_file or self.key_file):
            raise ValueError("ca_file, cert_file and key_file need a url of mqtts://")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file are given together")
        if self.user is None and self.has_secret:
            raise ValueError("a password needs a user")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or _PORTS[parts.scheme]

    def same_connection(self, other: Model) -> bool:
        """Whether another table differs in its tags alone, so that the connection can stay."""
        return self.model_copy(update={"tag": []}) == other.model_copy(update={"tag": []})


def tls_of(table: MqttTable) -> ssl.SSLContext:
    """How the broker proves who it is, and we.

    Raises:
        BridgeFileError: a certificate or a key cannot be read.
    """
    name, path = "ca_file", table.ca_file
    try:
        context = ssl.create_default_context(cafile=str(path) if path is not None else None)
        if table.cert_file is not None:
            name, path = "cert_file", table.cert_file
            context.load_cert_chain(table.cert_file, table.key_file, lambda: "")
    except (OSError, ValueError) as error:
        raise BridgeFileError(f"source {table.name!r}, {name}: {path}: {error}") from None
    return context
