"""Every key of every screen, for who searches one: also those that do something on another screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.app import App
from textual.binding import ActiveBinding, Binding

from controlroom.ui.bindings import MUTATING
from controlroom.ui.context import Context
from controlroom.ui.render.help import KeyEntry
from controlroom.ui.synonyms import means

#: what an action needs that not every control room has: an attribute of the options
_NEEDS = {
    **dict.fromkeys(("ack", "ack_page", "shelve", "unshelve", "service", "reset", "comment", "mark_false"), "alarms"),
    **dict.fromkeys(("alarm_history", "suppressed", "measures", "why"), "history"),
    **dict.fromkeys(("freeze_learning", "maintain", "accept_level", "reset_learning"), "learning"),
    **dict.fromkeys(("save_trend", "open_trend", "remove_trend"), "trends"),
    **dict.fromkeys(("handover", "note", "give", "sign"), "shift"),
    **dict.fromkeys(("switch_broker", "kill_broker"), "drills"),
}
#: they are the same on every screen
_EVERYWHERE = ("move", "app", "screen", "detail", "replay", "tour", "help")


@dataclass(frozen=True, slots=True)
class Place:
    """A screen of the control room, for the index."""

    screen: type
    where: str
    mode: str = ""


def declared(cls: type) -> list[Binding]:
    """The bindings that a screen or widget and its base classes declare."""
    return [
        binding
        for base in cls.__mro__
        if base.__module__.startswith("controlroom.")
        for binding in base.__dict__.get("BINDINGS", ())
        if isinstance(binding, Binding)
    ]


def live_keys(app: App[int], bindings: Sequence[ActiveBinding]) -> list[KeyEntry]:
    """Those that do something on the screen that is open; two keys of one thing, there and back, are one entry."""
    found: dict[str, tuple[list[str], str]] = {}
    for active in bindings:
        binding = active.binding
        if not binding.id or not active.enabled:
            continue
        keys, _ = found.setdefault(binding.id.removesuffix("-back"), ([], binding.description))
        shown = app.get_key_display(binding)
        if shown not in keys:
            keys.append(shown)
    return [KeyEntry(name, " ".join(keys), what) for name, (keys, what) in found.items()]


def keys_elsewhere(app: App[int], context: Context, places: Sequence[Place], here: type) -> list[KeyEntry]:
    """Those of the other screens that this operator may press there."""
    found: list[KeyEntry] = []
    for place in places:
        if place.screen is here:
            continue
        for binding in declared(place.screen):
            group = (binding.id or "").partition(".")[0]
            action = binding.action.partition("(")[0]
            needs = _NEEDS.get(action)
            if not binding.id or group in _EVERYWHERE or (context.viewer and action in MUTATING):
                continue
            if needs is not None and getattr(context.options, needs) is None:
                continue
            bound = _bound(binding, context.options.keymap)
            found.append(KeyEntry(binding.id, app.get_key_display(bound), binding.description, place.where, place.mode))
    return found


def search(query: str, entries: Sequence[KeyEntry]) -> list[tuple[KeyEntry, str]]:
    """What the query means, with the synonyms that were needed: first what can be done here, then by its own name."""
    found = [(entry, needed) for entry in entries if (needed := _means(query, entry)) is not None]
    # Of the same thing on several screens the first is enough: what is here comes before the others.
    first = {entry.binding_id.removesuffix("-back"): entry for entry, _ in reversed(found)}
    kept = [each for each in found if first[each[0].binding_id.removesuffix("-back")] is each[0]]
    return sorted(
        kept, key=lambda each: (bool(each[1]), each[1] not in {"", query.strip().casefold()}, bool(each[0].where))
    )


def _means(query: str, entry: KeyEntry) -> str | None:
    return means(query, entry.binding_id, entry.what, entry.where)


def _bound(binding: Binding, keymap: Mapping[str, str]) -> Binding:
    """The binding by the key that the configuration gives it."""
    key = keymap.get(binding.id or "")
    return binding if key is None else Binding(key, binding.action, binding.description)
