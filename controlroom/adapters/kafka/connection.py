"""How every client of ours talks to the brokers, and a plain answer when it cannot."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from controlroom.config import Settings
from controlroom.errors import ConfigError, KafkaUnreachable

REQUEST_TIMEOUT_MS = 10_000
#: How old a consumer's list of partitions may be; aiokafka's own five minutes are as long as new ones would lie unread.
METADATA_MAX_AGE_MS = 5_000
#: How long a broker may take to say why it does not let us in.
ANSWER_S = 5
_OF_A_CONNECTION = (
    "ssl_context", "security_protocol", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password",
)  # fmt: skip


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
        for address in self.brokers.split(","):
            refusal = await self._refusal(address.strip())
            if refusal is not None:
                return refusal
        return self.unreachable(error)

    async def _refusal(self, address: str) -> KafkaUnreachable | None:
        """Why the broker at `address` does not let us in; None: it does, or it is not there."""
        host, _, port = address.rpartition(":")
        options = {name: self.options[name] for name in _OF_A_CONNECTION if name in self.options}
        try:
            async with asyncio.timeout(ANSWER_S):
                connection = await create_conn(host, int(port), request_timeout_ms=ANSWER_S * 1000, **options)
                try:
                    # Under TLS 1.3 a broker that wants a certificate of ours says so with the first answer.
                    await connection.send(MetadataRequest([]))
                finally:
                    connection.close()
        except ssl.SSLCertVerificationError as error:
            return KafkaUnreachable(
                f"the certificate of the broker at {address} is not accepted ({error.verify_message})",
                hint="check ssl_cafile, the name that the certificate is for, and until when it is good",
            )
        except ssl.SSLError as error:
            return KafkaUnreachable(
                f"the broker at {address} does not speak TLS with us ({error.reason or error})",
                hint="check security_protocol, the port, ssl_certfile and ssl_keyfile",
            )
        except (SaslAuthenticationFailed, AuthenticationFailedError) as error:
            return KafkaUnreachable(
                f"the broker at {address} refuses the login of {self.options.get('sasl_plain_username')} ({error})",
                hint="check sasl_username, sasl_password and sasl_mechanism",
            )
        except UnsupportedSaslMechanismError as error:
            return KafkaUnreachable(f"the broker at {address}: {error}", hint="check sasl_mechanism")
        except (KafkaError, OSError, TimeoutError, ValueError) as error:
            if isinstance(error, KafkaError) and self.options.get("security_protocol") != "PLAINTEXT":
                return KafkaUnreachable(
                    f"the broker at {address} takes the connection and ends it ({error})",
                    hint="check security_protocol, and whether it wants a certificate of ours (ssl_certfile)",
                )
            return None
        return None


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
