"""Every key, with an id by which a configuration can give it another (`App.set_keymap`).

Ctrl-S, Ctrl-Q, Ctrl-B and Ctrl-A are left alone, and nothing hangs on a function key: SSH, tmux and serial terminals
take them.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

#: screen name -> key and title
SCREENS: dict[str, tuple[str, str]] = {
    "overview": ("1", "Overview"),
    "alarms": ("2", "Alarms"),
    "cluster": ("3", "Cluster"),
    "simulator": ("4", "Simulator"),
}

APP: list[BindingType] = [
    *(
        Binding(key, f"show_mode('{name}')", title, id=f"screen.{name}", show=False)
        for name, (key, title) in SCREENS.items()
    ),
    Binding("colon,ctrl+p", "command_palette", "Palette", id="app.palette", key_display=":", show=False),
    Binding("question_mark", "help", "Help", id="app.help", key_display="?"),
    Binding("q", "leave", "Quit", id="app.quit"),
    Binding("plus", "faster", "Draw more often", id="app.faster", key_display="+", show=False),
    Binding("minus", "slower", "Draw less often", id="app.slower", key_display="-", show=False),
]

#: of a recording; there only while one is played
REPLAY: list[BindingType] = [
    Binding("P", "replay('toggle')", "Pause", id="replay.pause"),
    Binding("semicolon", "replay('step')", "Step", id="replay.step", key_display=";"),
    Binding("less_than_sign", "replay('seek', -10)", "-10 s", id="replay.back", key_display="<"),
    Binding("greater_than_sign", "replay('seek', 10)", "+10 s", id="replay.ahead", key_display=">"),
    Binding("left_curly_bracket", "replay('seek', -300)", "-5 min", id="replay.far-back", key_display="{", show=False),
    Binding("right_curly_bracket", "replay('seek', 300)", "+5 min", id="replay.far-ahead", key_display="}", show=False),
    Binding("left_parenthesis", "replay('slower')", "Slower", id="replay.slower", key_display="("),
    Binding("right_parenthesis", "replay('faster')", "Faster", id="replay.faster", key_display=")"),
]

#: of the guided tour; there only while it is taken
TOUR: list[BindingType] = [
    Binding("greater_than_sign", "tour('next')", "Next step", id="tour.next", key_display=">", show=False),
    Binding("less_than_sign", "tour('back')", "Step before", id="tour.back", key_display="<", show=False),
    Binding("Q", "tour('leave')", "Leave the tour", id="tour.leave", show=False),
]

MOVE: list[BindingType] = [
    Binding("up,k", "move('up')", "Up", id="move.up", key_display="↑ k", show=False),
    Binding("down,j", "move('down')", "Down", id="move.down", key_display="↓ j", show=False),
    Binding("left,h", "move('left')", "Left", id="move.left", key_display="← h", show=False),
    Binding("right,l", "move('right')", "Right", id="move.right", key_display="→ l", show=False),
    Binding("pageup", "move('page-up')", "Page up", id="move.page-up", key_display="PgUp", show=False),
    Binding("pagedown", "move('page-down')", "Page down", id="move.page-down", key_display="PgDn", show=False),
    Binding("g,home", "move('first')", "First", id="move.first", key_display="g", show=False),
    Binding("G,end", "move('last')", "Last", id="move.last", key_display="G", show=False),
    Binding("enter", "choose", "Open", id="move.choose", key_display="Enter", show=False),
]

#: for lists of one column: left and right mean nothing there, and `h` and `l` are free for what they stand for
ROWS: list[BindingType] = [
    binding for binding in MOVE if isinstance(binding, Binding) and binding.id not in {"move.left", "move.right"}
]

#: of the tree, instead of what moves sideways: letters are for what they stand for
TREE: list[BindingType] = [
    Binding("right", "open", "Open, close", id="move.open", key_display="→", show=False),
    Binding("left", "close", "Close", id="move.open-back", key_display="←", show=False),
]

#: on the overview: `t` is another order of the same rows, and `T` another shape
SHAPE: list[BindingType] = [
    Binding("T", "turn_tree", "Tree", id="list.tree"),
    Binding("d", "show_machine", "Machine", id="list.machine", show=False),
]

#: of a section, zone, machine or sensor in the tree, where the other letters are the sensors'
TREE_ALARM: list[BindingType] = [
    Binding("a", "ack", "Ack", id="alarm.ack"),
    Binding("s", "shelve", "Shelve", id="alarm.shelve"),
    Binding("u", "unshelve", "Un-shelve", id="alarm.unshelve", show=False),
    Binding("o", "service", "Out of service", id="alarm.service", show=False),
]

#: what a viewer may not do: actions, for `check_action`
MUTATING = frozenset(
    {
        *("spawn", "pause", "rerate", "remove", "inject", "clear"),
        *("ack", "ack_page", "shelve", "unshelve", "service", "reset", "comment", "mark_false"),
        *("freeze_learning", "maintain", "reset_learning", "accept_level"),
        *("switch_broker", "kill_broker"),
        *("note", "give", "sign"),
        *("save_trend", "remove_trend"),
    }
)

SENSOR: list[BindingType] = [
    Binding("n", "spawn", "New", id="sensor.spawn"),
    Binding("p", "pause", "Pause", id="sensor.pause"),
    Binding("r", "rerate", "Rate", id="sensor.rerate", show=False),
    Binding("i", "inject", "Inject", id="sensor.inject"),
    Binding("c", "clear", "Clear", id="sensor.clear"),
    Binding("x", "remove", "Remove", id="sensor.remove"),
]

#: capitals: on the overview small letters move, and these act on what the plant has learned for weeks
LEARNING: list[BindingType] = [
    Binding("F", "freeze_learning", "Learning", id="sensor.learning"),
    Binding("M", "maintain", "Maintenance", id="sensor.maintenance"),
    Binding("L", "accept_level", "Accept level", id="sensor.accept"),
    Binding("R", "reset_learning", "Reset learning", id="sensor.reset"),
]

ALARM: list[BindingType] = [
    Binding("a", "ack", "Ack", id="alarm.ack"),
    Binding("A", "ack_page", "Ack page", id="alarm.ack-page"),
    Binding("s", "shelve", "Shelve", id="alarm.shelve"),
    Binding("u", "unshelve", "Un-shelve", id="alarm.unshelve", show=False),
    Binding("o", "service", "Out of service", id="alarm.service", show=False),
    Binding("l", "reset", "Reset the latch", id="alarm.reset", show=False),
    Binding("c", "comment", "Comment", id="alarm.comment", show=False),
    Binding("f", "mark_false", "Mark as false", id="alarm.false", show=False),
]

#: on a sensor's own screen, where the other letters are the sensor's
SENSOR_ALARM: list[BindingType] = [
    Binding("a", "ack", "Ack", id="alarm.ack"),
    Binding("h", "alarm_history", "History", id="alarm.history", show=False),
]

ALARM_VIEWS: list[BindingType] = [
    Binding("h", "alarm_history", "History", id="alarm.history"),
    Binding("S", "suppressed", "Shelved", id="alarm.suppressed"),
    Binding("m", "measures", "Measures", id="alarm.measures", show=False),
    Binding("H", "handover", "Shift handover", id="alarm.handover", show=False),
]

#: on the page of the shift
SHIFT: list[BindingType] = [
    Binding("n", "note", "Note", id="shift.note"),
    Binding("H", "give", "Hand over", id="shift.give"),
    Binding("s", "sign", "Sign", id="shift.sign"),
]

#: on an alarm's own page
WHY: list[BindingType] = [
    Binding("y", "why", "Why", id="alarm.why"),
    *(binding for binding in MOVE if isinstance(binding, Binding) and binding.id == "move.choose"),
]

SEEK: list[BindingType] = [
    Binding("e", "seek(2, 1)", "Next critical", id="seek.critical", show=False),
    Binding("E", "seek(2, -1)", "Previous critical", id="seek.critical-back", show=False),
    Binding("w", "seek(1, 1)", "Next warning", id="seek.warning", show=False),
    Binding("W", "seek(1, -1)", "Previous warning", id="seek.warning-back", show=False),
]

BROKER: list[BindingType] = [
    Binding("s", "switch_broker", "Stop/start broker", id="broker.switch"),
    Binding("K", "kill_broker", "Kill broker", id="broker.kill"),
]

MARK: list[BindingType] = [
    Binding("space", "mark", "Mark", id="list.mark", key_display="Space", show=False),
]

LIST: list[BindingType] = [
    Binding("slash", "filter", "Filter", id="list.filter", key_display="/"),
    Binding("t", "turn_order", "Order", id="list.order", show=False),
    *MARK,
    Binding("equals_sign", "freeze", "Freeze", id="list.freeze", key_display="=", show=False),
    Binding("escape", "back", "Back", id="list.back", key_display="Esc", show=False),
]

SPAN: list[BindingType] = [
    Binding("left_square_bracket,comma", "span(-1)", "Shorter span", id="span.shorter", key_display="[", show=False),
    Binding("right_square_bracket,full_stop", "span(1)", "Longer span", id="span.longer", key_display="]", show=False),
]

DETAIL: list[BindingType] = [
    Binding("escape", "back", "Back", id="detail.back", key_display="Esc"),
]

#: on every screen with selected sensors
TREND_OF: list[BindingType] = [
    Binding("v", "show_trend", "Trend", id="sensor.trend", show=False),
    Binding("V", "add_to_trend", "Add to the trend", id="sensor.trend-back", show=False),
]

#: of a trend; `[`, `]`, `e` and `w` are those of other screens
TREND: list[BindingType] = [
    Binding("slash", "add_curves", "Add", id="trend.add", key_display="/"),
    Binding("x", "drop_curve", "Take away", id="trend.drop"),
    Binding("z", "scale", "Scale", id="trend.scale"),
    Binding("b", "overlay", "Before", id="trend.overlay"),
    Binding("N", "save_trend", "Save", id="trend.save"),
    Binding("O", "open_trend", "Open", id="trend.open"),
    Binding("D", "remove_trend", "Remove saved", id="trend.remove", show=False),
    Binding("X", "export_trend", "Export", id="trend.export"),
    Binding("left", "cursor(-1)", "Cursor", id="trend.cursor", key_display="←", show=False),
    Binding("right", "cursor(1)", "Cursor", id="trend.cursor-back", key_display="→", show=False),
    Binding("up,k", "curve(-1)", "Curve", id="trend.curve", key_display="↑", show=False),
    Binding("down,j", "curve(1)", "Curve", id="trend.curve-back", key_display="↓", show=False),
    Binding("pageup", "pan(-1)", "Earlier", id="trend.earlier", key_display="PgUp", show=False),
    Binding("pagedown", "pan(1)", "Later", id="trend.later", key_display="PgDn", show=False),
    Binding("g,home", "oldest", "Oldest", id="trend.oldest", key_display="g", show=False),
    Binding("G,end", "live", "Live", id="trend.live", key_display="G", show=False),
    Binding("enter", "choose", "Sensor", id="trend.sensor", key_display="Enter", show=False),
]
