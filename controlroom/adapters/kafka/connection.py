"""How every client of ours talks to the brokers, and a plain answer when it cannot."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from controlroom.config import Settings
from controlroom.errors import KafkaUnreachable

REQUEST_TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Bootstrap brokers and security, as keyword arguments that aiokafka's clients share."""

    brokers: str
    options: dict[str, Any]

    @classmethod
    def of(cls, brokers: str, settings: Settings) -> KafkaConnection:
        """The connection that the settings describe."""
        options: dict[str, Any] = {
            "bootstrap_servers": brokers,
            "security_protocol": settings.security_protocol,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
        }
        if "SSL" in settings.security_protocol:
            cafile = str(settings.ssl_cafile) if settings.ssl_cafile else None
            options["ssl_context"] = ssl.create_default_context(cafile=cafile)
        if settings.security_protocol.startswith("SASL"):
            password = settings.sasl_password
            options |= {
                "sasl_mechanism": settings.sasl_mechanism,
                "sasl_plain_username": settings.sasl_username,
                "sasl_plain_password": password.get_secret_value() if password else None,
            }
        return cls(brokers, options)

    async def require(self) -> None:
        """Prove that a broker answers.

        Raises:
            KafkaUnreachable: none does, or it refuses us.
        """
        # Not a consumer: one that is stopped right after its start cancels whoever waits for it.
        admin = AIOKafkaAdminClient(**self.options)
        try:
            await admin.start()
        except KafkaError as error:
            raise self.unreachable(error) from None
        finally:
            await admin.close()

    def unreachable(self, error: Exception) -> KafkaUnreachable:
        """What a client's failure to connect means for the user."""
        return KafkaUnreachable(
            f"no Kafka broker answers at {self.brokers} ({type(error).__name__})",
            hint="check that they run (`controlroom status`), and --brokers",
        )
