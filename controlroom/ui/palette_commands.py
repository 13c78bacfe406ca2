"""What the command palette finds: every key's action, and every sensor by its id."""

from __future__ import annotations

from functools import partial
from typing import Protocol, runtime_checkable

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.screen import Screen

from controlroom.ui.key_index import search
from controlroom.ui.render.help import KeyEntry
from controlroom.ui.screens.plant_screen import PlantScreen
from controlroom.ui.synonyms import means

#: sensors that are offered for one query
_MOST_SENSORS = 20
#: scores of what the query does not spell
_BY_SYNONYM, _ELSEWHERE = 0.3, 0.2


@runtime_checkable
class ElsewhereOf(Protocol):
    """An application that knows the keys of its other screens."""

    def keys_elsewhere(self, here: Screen[object]) -> list[KeyEntry]:
        """Those of the screens that are not this one."""
        ...


class KeyCommands(Provider):
    """The bindings of the screen as commands, for who does not know the key."""

    async def discover(self) -> Hits:
        """All of them, then those without a key."""
        for text, action, key, _ in self._commands():
            yield DiscoveryHit(Content(f"{text}  ({key})"), partial(self._run, action), text=text)
        for command in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(Content(command.title), command.callback, text=command.title, help=command.help)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for text, action, key, name in self._commands():
            score, needed = matcher.match(text), means(query, name, text)
            if score > 0 or needed is not None:
                # What the key itself is called comes before what is called so elsewhere.
                by = f"  {needed}" if needed and score == 0 else ""
                yield Hit(
                    score or _BY_SYNONYM,
                    Content.assemble(matcher.highlight(text), f"  ({key}){by}"),
                    partial(self._run, action),
                    text=text,
                )
        async for hit in self._elsewhere(query):
            yield hit
        for command in self.app.get_system_commands(self.screen):
            score = matcher.match(command.title)
            if score > 0:
                yield Hit(score, matcher.highlight(command.title), command.callback, help=command.help)

    async def _elsewhere(self, query: str) -> Hits:
        """What a key of another screen does: that screen is opened."""
        here = {name.removesuffix("-back") for *_, name in self._commands()}
        shown: ElsewhereOf | None = self.app if isinstance(self.app, ElsewhereOf) else None
        entries = shown.keys_elsewhere(self.screen) if shown is not None else []
        for entry, needed in search(query, [entry for entry in entries if entry.binding_id not in here and entry.mode]):
            by = f"  {needed}" if needed else ""
            yield Hit(
                _ELSEWHERE,
                Content(f"{entry.what}  ({entry.key} on {entry.where}){by}"),
                partial(self._run, f"show_mode('{entry.mode}')"),
                text=f"{entry.what} {entry.where}",
            )

    def _commands(self) -> list[tuple[str, str, str, str]]:
        """(text, action, key, id of the binding) of each."""
        found: dict[str, tuple[str, str, str, str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            group = (binding.id or "").partition(".")[0]
            if active.enabled and group in _GROUPS and binding.action not in _NOT_HERE:
                key = self.app.get_key_display(binding)
                found[binding.id or ""] = (binding.description, binding.action, key, binding.id or "")
        return list(found.values())

    async def _run(self, action: str) -> None:
        await self.app.run_action(action, self.screen if not action.startswith(_APP_ACTIONS) else self.app)


class SensorCommands(Provider):
    """Jump to a sensor."""

    async def search(self, query: str) -> Hits:
        """Sensors whose id matches."""
        screen = self.screen
        if not isinstance(screen, PlantScreen):
            return
        matcher = self.matcher(query)
        found = 0
        for view in list(screen.context.state.sensors.values()):
            score = matcher.match(view.label)
            if score > 0:
                found += 1
                yield Hit(
                    score, matcher.highlight(view.label), partial(screen.show_sensor, view.sensor_id), text=view.label
                )
                if found >= _MOST_SENSORS:
                    return


#: first parts of the ids of bindings that are commands too
_GROUPS = {"screen", "sensor", "alarm", "broker", "replay", "span", "list", "app", "trend"}
#: bindings that mean nothing as a command
_NOT_HERE = {"command_palette", "back", "mark"}
_APP_ACTIONS = ("show_mode", "replay", "help", "leave", "faster", "slower")
