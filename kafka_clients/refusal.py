"""Why a broker does not let us in: aiokafka's clients do not tell that a certificate or a login is refused."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

#: How long a broker may take to say why it does not let us in.
_ANSWER_S = 5
_OF_A_CONNECTION = (
    "ssl_context", "security_protocol", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password",
)  # fmt: skip


class Cause(Enum):
    """What it is about."""

    CERTIFICATE = "certificate"
    TLS = "tls"
    LOGIN = "login"
    MECHANISM = "mechanism"
    PROTOCOL = "protocol"


class Refusal(NamedTuple):
    """A broker refuses us."""

    cause: Cause
    #: one line
    message: str


async def why_refused(options: Mapping[str, Any]) -> Refusal | None:
    """Ask each bootstrap broker; the first refusal. None: none refuses us, or none is there."""
    for address in str(options["bootstrap_servers"]).split(","):
        refusal = await _asked(address.strip(), options)
        if refusal is not None:
            return refusal
    return None


async def _asked(address: str, options: Mapping[str, Any]) -> Refusal | None:
    host, _, port = address.rpartition(":")
    own = {name: options[name] for name in _OF_A_CONNECTION if name in options}
    try:
        async with asyncio.timeout(_ANSWER_S):
            connection = await create_conn(host, int(port), request_timeout_ms=_ANSWER_S * 1000, **own)
            try:
                # Under TLS 1.3 a broker that wants a certificate of ours says so with the first answer.
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
    except ssl.SSLCertVerificationError as error:
        line = f"the certificate of the broker at {address} is not accepted ({error.verify_message})"
        return Refusal(Cause.CERTIFICATE, line)
    except ssl.SSLError as error:
        return Refusal(Cause.TLS, f"the broker at {address} does not speak TLS with us ({error.reason or error})")
    except (SaslAuthenticationFailed, AuthenticationFailedError) as error:
        user = options.get("sasl_plain_username")
        return Refusal(Cause.LOGIN, f"the broker at {address} refuses the login of {user} ({error})")
    except UnsupportedSaslMechanismError as error:
        return Refusal(Cause.MECHANISM, f"the broker at {address}: {error}")
    except (KafkaError, OSError, TimeoutError, ValueError) as error:
        if isinstance(error, KafkaError) and options.get("security_protocol") != "PLAINTEXT":
            return Refusal(Cause.PROTOCOL, f"the broker at {address} takes the connection and ends it ({error})")
        return None
    return None
