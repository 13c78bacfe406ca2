"""What the bridge's file says of an OPC UA server: `[[source]]` with `type = "opcua"`."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator

from bridges.mapping import Model, TagTable
from bridges.secrets import Secret
from bridges.toml_file import PathBeside

#: A node id as the specification writes it (Part 6, 5.3.1.10).
_NODE = re.compile(r"(?:ns=\d{1,5};|nsu=[^;]+;)?(?:i=\d{1,10}|s=.+|g=[0-9A-Fa-f-]{36}|b=[A-Za-z0-9+/]+=*)", re.DOTALL)
#: What a variable that is named by its node id is called, for templates: its browse name.
BROWSE_NAME = "{sensor}"
_OF_MAPPING = ("id", "type", "unit", "section", "machine", "zone", "warning", "critical", "scale", "offset")
_Seconds = Annotated[float, Field(gt=0, le=3600)]
_Queue = Annotated[int, Field(ge=1, le=10_000)]
_Deadband = Annotated[float, Field(gt=0, le=1e15)]
_Percent = Annotated[float, Field(gt=0, le=100)]


class OpcuaTag(Model):
    """One variable by its node id, or all variables whose browse path fits a template."""

    node: str | None = None
    path: str | None = None
    id: str | None = None
    type: str | None = None
    unit: str | None = None
    section: str | None = None
    machine: str | None = None
    zone: str | None = None
    warning: float | None = None
    critical: float | None = None
    scale: float | None = None
    offset: float | None = None
    limits: Literal["none", "range"] = "none"
    sampling: _Seconds | None = None
    queue: _Queue | None = None
    deadband: _Deadband | None = None
    deadband_percent: _Percent | None = None

    @field_validator("node")
    @classmethod
    def _is_node(cls, text: str | None) -> str | None:
        if text is not None and _NODE.fullmatch(text) is None:
            raise ValueError("must be a node id such as nsu=http://example.org/line;s=Press.Temp, ns=2;i=1001 or i=85")
        return text

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.node is None and self.path is None:
            raise ValueError("give node (a variable), path (a template of browse names), or both")
        if self.deadband is not None and self.deadband_percent is not None:
            raise ValueError("give deadband or deadband_percent, not both")
        self.mapping()
        return self

    def mapping(self) -> TagTable:
        """The same as a tag whose topics are browse paths.

        Raises:
            ValueError: its templates do not fit; says why.
        """
        given = {key: found for key in _OF_MAPPING if (found := getattr(self, key)) is not None}
        try:
            return TagTable.model_validate({"topic": self.path or BROWSE_NAME, **given})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            key = ".".join(str(part) for part in first["loc"] if part != "topic")
            message = first["msg"].removeprefix("Value error, ").replace("topic", "path")
            raise ValueError(f"{key}: {message}" if key else message) from None


class OpcuaTable(Secret, Model):
    """`[[source]]` with `type = "opcua"`."""

    type: Literal["opcua"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    url: str
    user: str | None = None
    user_cert_file: PathBeside | None = None
    user_key_file: PathBeside | None = None
    security: Literal["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = "None"
    mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    cert_file: PathBeside | None = None
    key_file: PathBeside | None = None
    trust: list[PathBeside] | Literal["any"] | None = None
    sampling: _Seconds = 1.0
    publishing: Annotated[float, Field(ge=0.01, le=60)] = 0.5
    queue: _Queue = 60
    deadband: _Deadband | None = None
    deadband_percent: _Percent | None = None
    refresh: Annotated[float, Field(ge=0, le=86_400)] | None = None
    rescan: Annotated[float, Field(ge=1, le=86_400)] = 30.0
    timeout: Annotated[float, Field(ge=1, le=120)] = 10.0
    max_tags: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    tag: Annotated[list[OpcuaTag], Field(min_length=1)]

    @field_validator("url")
    @classmethod
    def _is_url(cls, text: str) -> str:
        return server_url(text)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.security == "None":
            for key in ("cert_file", "key_file", "trust"):
                if getattr(self, key) is not None:
                    raise ValueError(f"{key} needs security, such as Basic256Sha256")
        else:
            for key in ("cert_file", "key_file"):
                if getattr(self, key) is None:
                    raise ValueError(f"security = {self.security!r} needs {key}: the bridge's own certificate and key")
            if not self.trust:
                raise ValueError(
                    "trust is missing: name the files of the server's certificate or of its authority;"
                    ' trust = "any" accepts every server'
                )
        if (self.user_cert_file is None) != (self.user_key_file is None):
            raise ValueError("user_cert_file and user_key_file are given together")
        if self.user is not None and self.user_cert_file is not None:
            raise ValueError("give user or user_cert_file, not both")
        if self.user is None and self.has_secret:
            raise ValueError("a password needs a user")
        if self.deadband is not None and self.deadband_percent is not None:
            raise ValueError("give deadband or deadband_percent, not both")
        return self

    @property
    def refresh_s(self) -> float:
        """After so many seconds without a new value the old one is read; 0: never."""
        return self.refresh if self.refresh is not None else 3 * self.sampling

    def same_connection(self, other: Model) -> bool:
        """Whether another table differs in its tags alone, so that the connection can stay."""
        return self.model_copy(update={"tag": []}) == other.model_copy(update={"tag": []})


def server_url(text: str) -> str:
    """The address of a server.

    Raises:
        ValueError: it is none.
    """
    try:
        parts = urlsplit(text)
        good = parts.scheme == "opc.tcp" and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be opc.tcp://host:port or opc.tcp://host:port/path")
    if parts.username or parts.password:
        raise ValueError("a user is given by user and password_env or password_file, not in the url")
    return text if parts.port else text.replace(parts.netloc, f"{parts.netloc}:4840", 1)
