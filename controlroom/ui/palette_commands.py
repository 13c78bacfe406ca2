"""What the command palette finds: every key's action, and every sensor by its id."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from controlroom.ui.screens.plant_screen import PlantScreen

#: sensors that are offered for one query
_MOST_SENSORS = 20


class KeyCommands(Provider):
    """The bindings of the screen as commands, for who does not know the key."""

    async def discover(self) -> Hits:
        """All of them, then those without a key."""
        for text, action, key in self._commands():
            yield DiscoveryHit(Content(f"{text}  ({key})"), partial(self._run, action), text=text)
        for command in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(Content(command.title), command.callback, text=command.title, help=command.help)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for text, action, key in self._commands():
            score = matcher.match(text)
            if score > 0:
                yield Hit(
                    score,
                    Content.assemble(matcher.highlight(text), f"  ({key})"),
                    partial(self._run, action),
                    text=text,
                )
        for command in self.app.get_system_commands(self.screen):
            score = matcher.match(command.title)
            if score > 0:
                yield Hit(score, matcher.highlight(command.title), command.callback, help=command.help)

    def _commands(self) -> list[tuple[str, str, str]]:
        found: dict[str, tuple[str, str, str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            group = (binding.id or "").partition(".")[0]
            if active.enabled and group in _GROUPS and binding.action not in _NOT_HERE:
                found[binding.id or ""] = (binding.description, binding.action, self.app.get_key_display(binding))
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
