"""What the past of an alarm comes to, in words."""

from __future__ import annotations

from controlroom.core.why.model import Occurrence, Past

#: Kinds of which detectors learn from a mark as false; the others are facts, as a sensor's own limits are.
TAUGHT = frozenset({"spike", "noise", "level", "drift", "anomaly", "stuck", "dropout"})
#: A limit that is raised by less is not worth a word.
LEAST_RAISED = 1.02


def falseness(past: Past, total: int) -> str:
    """How often it was marked as false, of how often it was raised.

    >>> falseness(Past(marked_false=1), 5), falseness(Past(), 5), falseness(Past(marked_false=1), 1)
    ('1 of 5 marked false', 'none of 5 marked false', 'marked false')
    """
    if total <= 1:
        return "marked false" if past.marked_false else "not marked false"
    return f"{past.marked_false or 'none'} of {total} marked false"


def learned(past: Past, kind: str) -> str:
    """What the detectors made of it; empty: there was nothing to learn from.

    >>> learned(Past(marked_false=2, raised_limit=1.25), "level")
    'limit raised 1.25 x'
    >>> learned(Past(marked_false=2), "limit"), learned(Past(), "level")
    ('a limit that is set does not learn', '')
    """
    parts = []
    if past.raised_limit >= LEAST_RAISED:
        parts.append(f"limit raised {past.raised_limit:.2f} x")
    if past.waits:
        parts.append("a mark waits for a worker")
    elif past.marked_false and kind not in TAUGHT:
        parts.append("a limit that is set does not learn" if kind == "limit" else "a fact: nothing is learned")
    elif past.marked_false and not parts and kind not in ("stuck", "dropout"):
        parts.append("limit not raised")
    return ", ".join(parts)


def outcome(one: Occurrence) -> str:
    """How an occurrence ended, and what was said of it last; of a false one why it was false.

    >>> outcome(Occurrence("a", 0.0, 9.0, acked_by="mira", false_by="jon", false_reason="a truck"))
    'FALSE by jon: a truck; acked by mira'
    >>> outcome(Occurrence("a", 0.0, 9.0, acked_by="mira", words=("mira: I look",)))
    'acked by mira; mira: I look'
    >>> outcome(Occurrence("a", 0.0))
    'stands; not acked'
    """
    parts = ["stands"] if one.ended is None else []
    if one.false_by:
        parts.append(f"FALSE by {one.false_by}" + (f": {one.false_reason}" if one.false_reason else ""))
    if one.acked_by or not one.false_by:
        parts.append(f"acked by {one.acked_by}" if one.acked_by else "not acked")
    return "; ".join([*parts, *(() if one.false_by else one.words[-1:])])
