"""One message to one receiver, by Apprise; nothing that it says holds a secret."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from controlroom.config import secret_of
from controlroom.core.alarms.dispatch import Message
from controlroom.core.alarms.model import Severity
from controlroom.core.alarms.policy import Policy, Receiver
from controlroom.errors import ConfigError, Unreachable
from controlroom.extras import require

#: A part of a URL that is shorter gives nothing away, and would hide half of what an error says.
_SECRET_LENGTH = 4


class DeliveryFailed(Unreachable):
    """The receiver did not take the message; the text holds no secret."""


class Sender(Protocol):
    """Sends one message; called on a thread, one at a time for each receiver."""

    def send(self, receiver: Receiver, message: Message) -> None:
        """Send it; raises DeliveryFailed."""
        ...


class AppriseSender:
    """Sends by Apprise: mail, text messages, chat, webhooks, one URL each.

    Args:
        policy: the receivers.
        lookup: finds the URLs that are not in the file, by the name of their environment variable.

    Raises:
        ConfigError: Apprise is not installed, a URL is missing or not understood; names the receiver, never the URL.
    """

    def __init__(self, policy: Policy, lookup: Callable[[str], str | None] = secret_of) -> None:
        if policy.receiver:
            require("apprise", "notify", "Apprise, which sends notifications,")
        self._urls = {receiver.name: _url(receiver, lookup) for receiver in policy.receiver}
        self._redact = redactor(self._urls.values())
        if self._urls:
            # Apprise tells its failures to its log alone, with parts of URLs in it: taken from there and redacted.
            logging.getLogger("apprise").propagate = False
        for name in self._urls:
            self._service(name)

    def send(self, receiver: Receiver, message: Message) -> None:
        """Send it and wait for the receiver's answer; Apprise bounds the wait.

        Raises:
            DeliveryFailed: it was not taken.
        """
        import apprise

        service = self._service(receiver.name)
        critical = message.severity is Severity.CRITICAL
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
            taken = service.notify(
                title=message.title,
                body=f"{message.body}\n\nid {message.id}",
                notify_type=apprise.NotifyType.FAILURE if critical else apprise.NotifyType.WARNING,
                body_format=apprise.NotifyFormat.TEXT,
            )
            reasons = said.getvalue().strip().splitlines()
        if not taken:
            raise DeliveryFailed(self._redact(reasons[-1] if reasons else "not delivered")[:300])

    def _service(self, name: str) -> Any:  # noqa: ANN401 - an Apprise, imported only when there are receivers
        import apprise

        # A redirect (301, 302) would turn the POST into a GET without the message, and its 200 into a delivery.
        service = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
        if not service.add(self._urls[name]):
            raise ConfigError(f"receiver {name}: Apprise does not understand its URL", hint="check the URL's scheme")
        return service


def redactor(urls: Iterable[str]) -> Callable[[str], str]:
    """A function that takes every part of `urls` out of a text, and whatever stands before the @ of any URL."""
    secrets: set[str] = set()
    for url in urls:
        split = urlsplit(url)
        parts = {url, split.username or "", split.password or "", split.query, *split.path.split("/")}
        secrets |= {part for part in parts | {unquote(part) for part in parts} if len(part) >= _SECRET_LENGTH}
    longest_first = sorted(secrets, key=len, reverse=True)

    def redact(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, "***")
        return re.sub(r"://[^@\s/]*@", "://***@", text)

    return redact


def _url(receiver: Receiver, lookup: Callable[[str], str | None]) -> str:
    if receiver.url is not None:
        return receiver.url.get_secret_value()
    found = lookup(receiver.url_env)
    if not found:
        raise ConfigError(f"receiver {receiver.name}: the environment has no {receiver.url_env}", hint="set it")
    return found
