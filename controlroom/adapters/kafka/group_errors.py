"""What keeps a worker out of its consumer group, said while it has no partition, and asked again.

aiokafka hands such an error to whoever polls next, and does not try to join again before. A worker without partitions
polls nothing: it would wait for ever, without a word, also when the cause has gone.
"""

from __future__ import annotations

import asyncio
import logging
import time

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import GroupAuthorizationFailedError, InconsistentGroupProtocolError, KafkaError

log = logging.getLogger(__name__)

#: between two tries to join, and between two lines about it
RETRY_S = 2.0
TELL_S = 60.0


class GroupErrors:
    """Takes the errors of a consumer's group, for one that polls nothing now.

    Args:
        group: its id.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        self._tell_at = 0.0

    async def take(self, consumer: AIOKafkaConsumer) -> None:
        """Say the error that keeps it out of the group, if there is one, and let it try again after a while."""
        try:
            consumer._coordinator.check_errors()  # noqa: SLF001 - aiokafka does this only in a poll
        except KafkaError as error:
            if time.monotonic() >= self._tell_at:
                self._tell_at = time.monotonic() + TELL_S
                log.warning("cannot join the consumer group %s: %s", self._group, _reason(error))
            await asyncio.sleep(RETRY_S)


def _reason(error: KafkaError) -> str:
    if isinstance(error, InconsistentGroupProtocolError):
        return "another program is in it, which shares partitions in another way; --group names another group"
    if isinstance(error, GroupAuthorizationFailedError):
        return "the brokers' access control lists do not allow it"
    return str(error) or type(error).__name__
