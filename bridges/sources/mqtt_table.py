"""What the bridge's file says of an MQTT broker: `[[source]]` with `type = "mqtt"`."""

from __future__ import annotations

import ssl
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from bridges.mapping import Model, TagTable
from bridges.secrets import Secret
from bridges.tls import TlsFiles

#: The port of each scheme, where a url says none.
MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}


class BrokerTable(Secret, TlsFiles, Model):
    """What is said of an MQTT broker, whatever it is asked for."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    url: str
    client_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    user: str | None = None
    keepalive: Annotated[int, Field(ge=5, le=3600)] = 30

    @field_validator("url")
    @classmethod
    def _is_url(cls, text: str) -> str:
        return mqtt_url(text)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.require_tls(tls=self.url.startswith("mqtts:"), by="a url of mqtts://")
        if self.user is None and self.has_secret:
            raise ValueError("a password needs a user")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or MQTT_PORTS[parts.scheme]

    def same_connection(self, other: Model) -> bool:
        """Whether another table differs in its tags alone, so that the connection can stay."""
        return self.model_copy(update={"tag": []}) == other.model_copy(update={"tag": []})


class MqttTable(BrokerTable):
    """`[[source]]` with `type = "mqtt"`."""

    type: Literal["mqtt"]
    version: Literal["3.1.1", "5"] = "5"
    qos: Literal[0, 1] = 1
    share: Annotated[str, Field(pattern=r"^[^/+#\x00]{1,64}$")] | None = None
    retained: Literal["ignore", "accept"] = "ignore"
    session_expiry: Annotated[int, Field(ge=0, le=4_294_967_295)] = 604_800
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    max_payload: Annotated[int, Field(ge=16, le=16 * 1024 * 1024)] = 65_536
    max_tags: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    status_topic: Annotated[str, Field(pattern=r"^[^+#\x00]{1,256}$")] | None = None
    tag: Annotated[list[TagTable], Field(min_length=1)]


def no_connection(url: str, error: OSError) -> str:
    """Why there is no connection to a broker, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{url}: its certificate is not accepted ({error.verify_message}); check ca_file"
    return f"{url} does not answer ({error.strerror or error})"


def mqtt_url(text: str) -> str:
    """The address of a broker.

    Raises:
        ValueError: it is none.
    """
    try:
        parts = urlsplit(text)
        more = parts.path.strip("/") or parts.query or parts.fragment
        good = parts.scheme in MQTT_PORTS and parts.hostname and not more and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be mqtt://host:port or, with TLS, mqtts://host:port")
    if parts.username or parts.password:
        raise ValueError("a user is given by user and password_env or password_file, not in the url")
    return text
