"""A client of an OPC UA server: how it proves who it is, which server it trusts, and what its errors mean."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from asyncua import Client, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from bridges.errors import BridgeFileError
from bridges.sources.opcua_table import OpcuaTable

# What the client library logs of each request and each lost connection is said by us, once.
logging.getLogger("asyncua").setLevel(logging.CRITICAL)

#: So long a server keeps the session of a bridge that was killed.
_SESSION_MS = 120_000
_CLOSE_S = 5.0
_UNTRUSTED = {
    ua.StatusCodes.BadCertificateUntrusted,
    ua.StatusCodes.BadCertificateTimeInvalid,
}


class EndpointError(Exception):
    """The server has no endpoint with the security that the file asks for."""


def check_files(table: OpcuaTable) -> None:
    """Read certificates, keys and password, so that what is wrong with them is said at once.

    Raises:
        BridgeFileError: one cannot be read.
    """
    table.secret()
    for name in ("cert_file", "user_cert_file"):
        if (path := getattr(table, name)) is not None:
            _certificate(table, name, path)
    for name in ("key_file", "user_key_file"):
        if (path := getattr(table, name)) is not None:
            _key(table, name, path)
    if isinstance(table.trust, list):
        for path in table.trust:
            _certificate(table, "trust", path)


async def connect(table: OpcuaTable, name: str) -> Client:
    """A client with a session.

    Raises:
        Exception: of many kinds; `reason` says in a line what happened.
    """
    client = Client(table.url, timeout=table.timeout, watchdog_intervall=min(5.0, table.timeout))
    client.name = client.description = name
    client.session_timeout = _SESSION_MS
    async with asyncio.timeout(table.timeout * 3):
        try:
            await _identify(client, table)
            # For a while it tries to go on with the same session; who has got it looks whether that worked.
            await client.connect(auto_reconnect=True, reconnect_max_delay=5.0)
        except ua.UaError as error:
            if not str(error).startswith("No matching endpoints"):
                raise
            wanted = table.security if table.security == "None" else f"{table.security} {table.mode}"
            raise EndpointError(f"the server does not offer {wanted}; it offers {await _offered(table)}") from None
    return client


async def close(client: Client) -> None:
    """End the session, and with it its subscriptions; a server that does not answer is not waited for."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await client.disconnect()
    except Exception:  # noqa: BLE001 - there is nothing left to be done about it
        client.disconnect_socket()


def reason(error: BaseException, table: OpcuaTable) -> str:
    """Why there is no connection, or none any more, in a line."""
    if isinstance(error, ServiceError):
        error = ua.UaStatusCodeError(error.code)
    if isinstance(error, ua.UaStatusCodeError):
        status = ua.StatusCode(ua.UInt32(error.code))
        if error.code in _UNTRUSTED:
            return f"{table.url}: its certificate is not accepted ({status.name}); check trust"
        return f"the server refuses us: {status.name} ({status.doc})"
    if isinstance(error, TimeoutError):
        return f"{table.url} does not answer in time"
    if isinstance(error, OSError):
        return f"{table.url} does not answer ({os.strerror(error.errno) if error.errno else error})"
    return str(error) or type(error).__name__


async def _offered(table: OpcuaTable) -> str:
    """The security of a server's endpoints, in words."""
    endpoints = await Client(table.url, timeout=table.timeout).connect_and_get_server_endpoints()
    names = []
    for endpoint in endpoints:
        policy = str(endpoint.SecurityPolicyUri).rpartition("#")[2]
        mode = endpoint.SecurityMode
        names.append("None" if mode == ua.MessageSecurityMode.None_ else f"{policy} {mode.name}")
    return ", ".join(dict.fromkeys(names)) or "none"


def check_trust(shown: x509.Certificate, trusted: Sequence[x509.Certificate], now: datetime) -> None:
    """A server's certificate must be one of those that are trusted, or be signed by one that is an authority's.

    Raises:
        ServiceError: it is not, or not at this time.
    """
    if not shown.not_valid_before_utc <= now <= shown.not_valid_after_utc:
        raise ServiceError(ua.StatusCodes.BadCertificateTimeInvalid)
    if not any(shown == one or _signed(shown, one, now) for one in trusted):
        raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)


def _signed(shown: x509.Certificate, by: x509.Certificate, now: datetime) -> bool:
    try:
        authority = by.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        shown.verify_directly_issued_by(by)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return authority and by.not_valid_before_utc <= now <= by.not_valid_after_utc


async def _identify(client: Client, table: OpcuaTable) -> None:
    if table.user is not None:
        client.set_user(table.user)
        client.set_password(table.secret() or "")
    if table.user_cert_file is not None and table.user_key_file is not None:
        await client.load_client_certificate(str(table.user_cert_file), _kind(table.user_cert_file))
        await client.load_private_key(table.user_key_file, None, _kind(table.user_key_file))
    if table.security == "None":
        return
    assert table.cert_file is not None
    assert table.key_file is not None
    certificate = _certificate(table, "cert_file", table.cert_file)
    # A server compares the two, and refuses us if they differ.
    if (uri := _uri(certificate)) is not None:
        client.application_uri = uri
    if isinstance(table.trust, list):
        trusted = [_certificate(table, "trust", path) for path in table.trust]

        async def validate(shown: x509.Certificate, _server: object) -> None:
            check_trust(shown, trusted, datetime.now(UTC))

        client.certificate_validator = validate
    await client.set_security(
        getattr(security_policies, f"SecurityPolicy{table.security}"),
        CertProperties(table.cert_file, _kind(table.cert_file)),
        CertProperties(table.key_file, _kind(table.key_file)),
        mode=ua.MessageSecurityMode[table.mode],
    )


def _kind(path: Path) -> str:
    return "pem" if path.read_bytes().lstrip().startswith(b"-----") else "der"


def _certificate(table: OpcuaTable, name: str, path: Path) -> x509.Certificate:
    try:
        content = path.read_bytes()
        if content.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except (OSError, ValueError) as error:
        raise BridgeFileError(f"source {table.name!r}, {name}: {path}: {_line(error)}") from None


def _key(table: OpcuaTable, name: str, path: Path) -> None:
    try:
        content = path.read_bytes()
        load = load_pem_private_key if content.lstrip().startswith(b"-----") else load_der_private_key
        load(content, None)
    except (OSError, ValueError, TypeError) as error:
        raise BridgeFileError(f"source {table.name!r}, {name}: {path}: {_line(error)}") from None


def _line(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else str(error)
    return (text or type(error).__name__).splitlines()[0]


def _uri(certificate: x509.Certificate) -> str | None:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    found = names.get_values_for_type(x509.UniformResourceIdentifier)
    return found[0] if found else None
