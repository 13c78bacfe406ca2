"""How every client of ours talks to the brokers, and a plain answer when it cannot."""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from controlroom.config import Settings
from controlroom.errors import ConfigError, KafkaUnreachable
from kafka_clients.refusal import Cause, why_refused

REQUEST_TIMEOUT_MS = 10_000
#: How old a consumer's list of partitions may be; aiokafka's own five minutes are as long as new ones would lie unread.
METADATA_MAX_AGE_MS = 5_000
_HINTS = {
    Cause.CERTIFICATE: "check ssl_cafile, the name that the certificate is for, and until when it is good",
    Cause.TLS: "check security_protocol, the port, ssl_certfile and ssl_keyfile",
    Cause.LOGIN: "check sasl_username, sasl_password and sasl_mechanism",
    Cause.MECHANISM: "check sasl_mechanism",
    Cause.PROTOCOL: "check security_protocol, and whether it wants a certificate of ours (ssl_certfile)",
}


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Bootstrap brokers and security, as keyword arguments that aiokafka's clients share."""

    brokers: str
    options: dict[str, Any]

    @classmethod
    def of(cls, brokers: str, settings: Settings) -> KafkaConnection:
        """The connection that the settings describe.

        Raises:
            ConfigError: a certificate or key cannot be used.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": brokers,
            # By it brokers' logs, quotas and lists of a group's members tell us from others.
            "client_id": f"controlroom-{socket.gethostname()}-{os.getpid()}",
            "security_protocol": settings.security_protocol,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
        }
        if "SSL" in settings.security_protocol:
            options["ssl_context"] = _ssl_context(settings)
        if settings.security_protocol.startswith("SASL"):
            password = settings.sasl_password
            options |= {
                "sasl_mechanism": settings.sasl_mechanism,
                "sasl_plain_username": settings.sasl_username,
                "sasl_plain_password": password.get_secret_value() if password else None,
            }
        return cls(brokers, options)

    @property
    def reading(self) -> dict[str, Any]:
        """The same for consumers: what a transaction wrote is read once it is committed, and never if aborted.

        The end of a partition is then the last stable offset, so that lag counts what can be read. Partitions that are
        added to a topic are noticed within seconds, and a group shares them out.
        """
        return {**self.options, "isolation_level": "read_committed", "metadata_max_age_ms": METADATA_MAX_AGE_MS}

    async def require(self) -> None:
        """Prove that a broker answers.

        Raises:
            KafkaUnreachable: none does, or it refuses us; the message says which.
        """
        # Not a consumer: one that is stopped right after its start cancels whoever waits for it.
        admin = AIOKafkaAdminClient(**self.options)
        try:
            await admin.start()
        except KafkaError as error:
            raise await self.why_unreachable(error) from None
        finally:
            await admin.close()

    def unreachable(self, error: Exception) -> KafkaUnreachable:
        """What a client's failure to connect means for the user."""
        return KafkaUnreachable(
            f"no Kafka broker answers at {self.brokers} ({type(error).__name__})",
            hint="check that they run (`controlroom status`), and --brokers",
        )

    async def why_unreachable(self, error: Exception) -> KafkaUnreachable:
        """The same after a look at why: aiokafka's clients do not tell that a certificate or a login is refused."""
        refusal = await why_refused(self.options | {"bootstrap_servers": self.brokers})
        if refusal is None:
            return self.unreachable(error)
        return KafkaUnreachable(refusal.message, hint=_HINTS[refusal.cause])


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    cafile, certfile, keyfile = settings.ssl_cafile, settings.ssl_certfile, settings.ssl_keyfile
    password = settings.ssl_key_password
    name, path = "ssl_cafile", cafile
    try:
        context = ssl.create_default_context(cafile=str(cafile) if cafile else None)
        if certfile is not None:
            name, path = "ssl_certfile", certfile
            # A key that is encrypted, and no password: without one of some kind OpenSSL would ask on the terminal.
            secret = password.get_secret_value() if password else ""
            context.load_cert_chain(certfile, keyfile, secret)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{name}: {path}: {error}", hint="it must be a readable PEM file, the key that of it"
        ) from None
    return context
