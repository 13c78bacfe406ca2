"""What is sent to one receiver now: its due rows become messages, within its rate limit.

A batch (a digest, a flood) is one message. What exceeds the rate limit becomes one summary. Rows of one occurrence
never overtake each other: a row waits while an earlier one of its occurrence does. Pure: randomness is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from controlroom.core.alarms import ids
from controlroom.core.alarms.model import Severity
from controlroom.core.alarms.notify import Planned, Topic
from controlroom.core.alarms.policy import Receiver

__all__ = ["Dispatch", "Message", "back_off", "dispatch"]

_LINES = 20
"""Lines of a digest or summary; the rest is counted."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message: the store writes ``id`` into its rows before the first attempt, so that a retry is the same."""

    id: str
    rows: tuple[str, ...]
    occurrences: tuple[str, ...]
    title: str
    body: str
    severity: Severity


class Dispatch(msgspec.Struct, frozen=True):
    """The messages to send now, in order, and when to look again (None: when a new row comes)."""

    messages: tuple[Message, ...] = ()
    next_at: float | None = None


def back_off(attempt: int, random: float, *, base_s: float = 1.0, most_s: float = 300.0) -> float:
    """Seconds to wait after the failed ``attempt`` (0 is the first): full jitter, ``random`` in [0, 1).

    From Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).

    >>> [back_off(n, 0.5) for n in (0, 1, 2, 30)]
    [0.5, 1.0, 2.0, 150.0]
    """
    return random * min(most_s, base_s * 2.0 ** min(attempt, 60))


def dispatch(rows: Sequence[Planned], sent_at: Sequence[float], now: float, receiver: Receiver) -> Dispatch:
    """Messages for ``receiver`` from all its unsent ``rows``; ``sent_at`` are its latest sends (wall-clock time).

    Send them in order; when one fails, hold back the later ones that share an occurrence with it. There are never
    more than the rate limit has left: the last one then takes all that remains. What failed before (its rows have a
    ``message_id``) is sent again as it was.
    """
    due, waiting = _due(rows, now)
    recent = sorted(t for t in sent_at if now - t < receiver.rate_window_s)
    slots = receiver.rate_limit - len(recent)
    if not due:
        return Dispatch((), waiting)
    if slots <= 0:
        return Dispatch((), recent[-receiver.rate_limit] + receiver.rate_window_s)
    groups = _groups(due)
    again = [group for group in groups if group[0].message_id][:slots]
    fresh = [group for group in groups if not group[0].message_id]
    room = slots - len(again)
    left_over = len(groups) > len(again) + len(fresh)
    if len(fresh) > room:
        rest = [row for group in fresh[max(room - 1, 0) :] for row in group]
        fresh = [*fresh[: room - 1], rest] if room else []
        left_over = left_over or not room
    if left_over:  # what may have arrived keeps its id and cannot join a summary: it waits for a slot
        waiting = (recent[0] if recent else now) + receiver.rate_window_s
    return Dispatch(tuple(_message(group, receiver) for group in (*again, *fresh)), waiting)


def _due(rows: Sequence[Planned], now: float) -> tuple[list[Planned], float | None]:
    """The rows that may go now in the order of sending, and the earliest moment that another may.

    What was tried before goes first, then what belongs to critical occurrences, then by time.
    """
    waiting: list[float] = []
    blocked: set[str] = set()
    since: dict[str, float] = {}
    rank: dict[str, int] = {}
    due: list[tuple[float, Planned]] = []
    for row in sorted(rows, key=lambda r: (r.occurrence_id, r.version, r.step)):
        key = row.occurrence_id or row.id
        if row.due_at > now:
            waiting.append(row.due_at)
            if row.topic is not Topic.ESCALATED:  # an escalation to come holds nothing up
                blocked.add(key)
        elif key not in blocked:
            since[key] = max(row.due_at, since.get(key, row.due_at))
            rank[key] = max(row.severity.rank, rank.get(key, 0))
            due.append((since[key], row))
    due.sort(
        key=lambda entry: (
            not entry[1].message_id,
            -rank[entry[1].occurrence_id or entry[1].id],
            entry[0],
            entry[1].occurrence_id,
            entry[1].version,
            entry[1].step,
        )
    )
    return [row for _, row in due], min(waiting, default=None)


def _groups(due: Sequence[Planned]) -> list[list[Planned]]:
    groups: dict[str, list[Planned]] = {}
    for row in due:
        groups.setdefault(row.message_id or row.batch or row.id, []).append(row)
    return list(groups.values())


def _message(rows: Sequence[Planned], receiver: Receiver) -> Message:
    lines = [_line(row) for row in rows[:_LINES]]
    title = lines[0][0] if len(rows) == 1 else _title(rows)
    body = [" ".join(part for part in line if part) for line in lines]
    if len(rows) > _LINES:
        body.append(f"and {len(rows) - _LINES} more")
    members = sorted(row.id for row in rows)
    return Message(
        id=rows[0].message_id or ids.notification_id("message", receiver.name, *members),
        rows=tuple(row.id for row in rows),
        occurrences=tuple(sorted({row.occurrence_id for row in rows if row.occurrence_id})),
        title=title,
        body="\n".join(body),
        severity=max((row.severity for row in rows), key=lambda severity: severity.rank),
    )


def _title(rows: Sequence[Planned]) -> str:
    critical = len({row.occurrence_id for row in rows if row.severity is Severity.CRITICAL})
    warning = len({row.occurrence_id for row in rows if row.severity is Severity.WARNING and row.occurrence_id})
    counts = [f"{critical} critical"] if critical else []
    counts += [f"{warning} warning"] if warning else []
    flood = "ALARM FLOOD: " if any(row.batch.startswith("flood") for row in rows) else ""
    drill = "DRILL " if all(row.simulated for row in rows) else ""
    return f"{drill}{flood}{', '.join(counts)} ({len(rows)} events)"


def _line(row: Planned) -> tuple[str, str]:
    """Head and detail of one row, on one line each: names come from the network and must not break a header."""
    when = datetime.fromtimestamp(row.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if row.topic is Topic.FLOOD_ENDED:
        return "Alarm flood over", f"(began {when})"
    word = row.topic.value.upper() if row.topic is not Topic.RAISED else row.severity.value.upper()
    again = f" (reminder {row.step})" if row.topic is Topic.ESCALATED else ""
    who = f" by {row.who}" if row.who else ""
    drill = "DRILL " if row.simulated else ""
    head = f"{drill}{word}{again} {row.sensor_id} {row.alarm_kind}{who}"
    return _plain(head), _plain(f"{row.text} ({when})".strip())


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[:500]
