"""Who may open the control room in a browser.

A browser sends requests that any page it shows has caused. So the host that a request names must be ours (a foreign
name that resolves to us, DNS rebinding, is refused), and a session is opened only for a page of ours (`Origin`).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

COOKIE = "controlroom"
#: in the environment of a session: where its browser is, for the audit
BROWSER_AT = "CONTROLROOM_BROWSER_AT"
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")


@dataclass(frozen=True, slots=True)
class Request:
    """What is looked at of a request: header names in lower case."""

    headers: Mapping[str, str]
    cookies: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that is not answered: an HTTP status and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Access:
    """Decides on requests.

    Args:
        token: what a request must carry, in its query, its cookie or as `Authorization: Bearer`; empty: nothing.
        public_url: where the browser finds the server, if that is a proxy; empty: where the server listens.
        user_header: the header in which the proxy names who has signed in; empty: nobody does.
    """

    token: str = ""
    public_url: str = ""
    user_header: str = ""

    @property
    def cookie(self) -> str:
        """What the cookie holds that stands for the token."""
        return hashlib.sha256(b"controlroom cookie " + self.token.encode()).hexdigest()

    def check(self, request: Request) -> bool:
        """Whether the token came in the query, and should go into a cookie.

        Raises:
            Refused: the request may not be answered.
        """
        host = request.headers.get("host", "")
        if self.public_url:
            if host != urlsplit(self.public_url).netloc and not is_loopback(host):
                raise Refused(403, "this is not the server's name")
        elif not self.token and not is_loopback(host):
            raise Refused(403, "this is not the server's name")
        if self.user_header and not self.user(request):
            raise Refused(401, "the proxy names nobody who has signed in")
        if not self.token:
            return False
        if _same(request.query.get("token", ""), self.token):
            return True
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if _same(request.cookies.get(COOKIE, ""), self.cookie) or _same(bearer, self.token):
            return False
        raise Refused(401, "a token is needed: open the address that `controlroom serve` has printed")

    def check_origin(self, request: Request) -> None:
        """Whether the page that opens a session is one of ours.

        Raises:
            Refused: it is not.
        """
        origin = urlsplit(request.headers.get("origin", "")).netloc
        if origin != (urlsplit(self.public_url).netloc or request.headers.get("host", "")) or not origin:
            raise Refused(403, "the session was asked for by a page of another server")

    def user(self, request: Request) -> str:
        """Who has signed in, as the proxy says; empty: nobody."""
        name = request.headers.get(self.user_header.lower(), "").strip() if self.user_header else ""
        return name if _NAME.fullmatch(name) and not name.startswith("-") else ""


def is_loopback(host: str) -> bool:
    """Whether a host, perhaps with a port, is this machine's own.

    >>> [is_loopback(host) for host in ("localhost:8000", "127.0.0.1", "[::1]:80", "evil.example", "0.0.0.0", "")]
    [True, True, True, False, False, False]
    """
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
