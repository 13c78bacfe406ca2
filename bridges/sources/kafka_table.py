"""What the bridge's file says of Kafka topics of others: `[[source]]` with `type = "kafka"`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from bridges.json_path import JsonPath
from bridges.mapping import Model, TagTable, Template
from bridges.name_template import NameTemplate
from bridges.secrets import Secret
from bridges.tls import TlsFiles, tls_of

_BROKER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})")
#: As Kafka has it.
_TOPIC = re.compile(r"[A-Za-z0-9._{}*-]{1,249}")
REQUEST_TIMEOUT_MS = 10_000
#: What stands before the name of a header, and before a path into the value.
HEADER, FIELD = "header:", "field:"


class KafkaTagTable(TagTable):
    """Records that are alike: how to read their values, and what sensor each of them is of."""

    key: Annotated[str, Field(min_length=1, max_length=512)] | None = None

    @field_validator("topic")
    @classmethod
    def _is_topic(cls, text: str) -> str:
        NameTemplate(text, ".")
        if _TOPIC.fullmatch(text) is None:
            raise ValueError(f"{text!r} has a character that no Kafka topic has")
        return text

    @field_validator("key")
    @classmethod
    def _is_key(cls, text: str | None) -> str | None:
        if text is not None:
            NameTemplate(text)
        return text

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        for name in self.names:
            if self.names.count(name) > 1:
                raise ValueError(f"key: {name!r} is a name in the topic already")
        return self

    @property
    def template(self) -> Template:
        """Its topics."""
        return NameTemplate(self.topic, ".")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of parts of the topic, and of the key."""
        of_key = NameTemplate(self.key).names if self.key is not None else ()
        return (*NameTemplate(self.topic, ".").names, *of_key)

    def lacks(self, name: str) -> str | None:
        """Why `{name}` cannot be used in the tag's templates; None: it can."""
        if name in {"topic", "key"} or name in self.names:
            return None
        if name.startswith(HEADER) and len(name) > len(HEADER):
            return None
        if name.startswith(FIELD):
            if self.payload != "json":
                return f'{{{name}}} is for payload = "json"'
            try:
                JsonPath(name.removeprefix(FIELD))
            except ValueError as error:
                return str(error)
            return None
        known = ", ".join(f"{{{one}}}" for one in (*self.names, "topic", "key", f"{HEADER}NAME", f"{FIELD}PATH"))
        return f"there is no {{{name}}}; there are: {known}"


class KafkaTable(Secret, TlsFiles, Model):
    """`[[source]]` with `type = "kafka"`."""

    type: Literal["kafka"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    brokers: str
    tls: bool = False
    user: str | None = None
    sasl: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    group: Annotated[str, Field(min_length=1, max_length=249)] | None = None
    shared: bool = False
    start: Literal["latest", "earliest"] = "latest"
    read_committed: bool = True
    max_payload: Annotated[int, Field(ge=16, le=16 * 1024 * 1024)] = 65_536
    max_tags: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    tag: Annotated[list[KafkaTagTable], Field(min_length=1)]

    @field_validator("brokers")
    @classmethod
    def _are_brokers(cls, text: str) -> str:
        for one in text.split(","):
            found = _BROKER.fullmatch(one.strip())
            if found is None or not 0 < int(found[2]) < 65_536:
                raise ValueError(f"{one.strip()!r} is not host:port; several are separated by commas")
        return text

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.require_tls(tls=self.tls, by="tls = true")
        if self.user is None and (self.has_secret or self.sasl is not None):
            raise ValueError("sasl and a password need a user")
        if self.user is not None and not self.has_secret:
            raise ValueError("a user needs password_env or password_file")
        if self.shared and self.group is None:
            raise ValueError("shared needs a group, which the other bridges name too")
        return self

    def group_of(self, bridge: str) -> str:
        """The consumer group."""
        return self.group if self.group is not None else f"controlroom-{bridge}-{self.name}"

    def options(self, bridge: str) -> dict[str, Any]:
        """Arguments for aiokafka's clients.

        Raises:
            BridgeFileError: a certificate or a password cannot be read.
        """
        protocol = ("SASL_" if self.user is not None else "") + ("SSL" if self.tls else "PLAINTEXT")
        found: dict[str, Any] = {
            "bootstrap_servers": self.brokers,
            "client_id": f"controlroom-{bridge}-{self.name}",
            "security_protocol": protocol,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
        }
        if self.tls:
            found["ssl_context"] = tls_of(self, self.name)
        if self.user is not None:
            found |= {
                "sasl_mechanism": self.sasl or "SCRAM-SHA-512",
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.secret(),
            }
        return found

    def reads(self, topic: str, brokers: str) -> bool:
        """Whether a topic of these brokers is among its own."""
        here = {one.strip() for one in self.brokers.split(",")} & {one.strip() for one in brokers.split(",")}
        return bool(here) and any(tag.template.match(topic) is not None for tag in self.tag)

    def same_connection(self, other: Model) -> bool:
        """Whether another table differs in its tags alone, so that the connection can stay."""
        return self.model_copy(update={"tag": []}) == other.model_copy(update={"tag": []})
