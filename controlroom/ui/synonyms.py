"""Other words for what keys do: an operator searches by the words of the system that he used before.

>>> means("silence", "alarm.shelve", "Shelve"), means("ack pa", "alarm.ack-page", "Ack page")
('silence', '')
>>> means("silence", "app.quit", "Quit") is None
True
"""

from __future__ import annotations

#: binding id -> words; a hyphen joins what is one word
SYNONYMS: dict[str, str] = {
    "screen.overview": "home main sensors plant start",
    "screen.alarms": "alerts events list warnings",
    "screen.cluster": "kafka brokers partitions lag database postgresql health bridges status",
    "screen.simulator": "simulated faults drills test",
    "app.palette": "command commands search find run",
    "app.help": "keys shortcuts manual legend",
    "app.quit": "exit leave close stop end",
    "app.faster": "refresh rate interval speed",
    "app.slower": "refresh rate interval speed",
    "alarm.ack": "acknowledge confirm accept accept-alarm take seen",
    "alarm.ack-page": "acknowledge confirm accept all everything",
    "alarm.shelve": "silence mute snooze hide suppress inhibit delay quiet",
    "alarm.unshelve": "unsilence unmute wake unsuppress restore",
    "alarm.service": "disable off suppress inhibit bypass override enable",
    "alarm.reset": "clear unlatch release",
    "alarm.comment": "note remark annotate journal write",
    "alarm.false": "nuisance wrong positive spurious feedback label",
    "alarm.history": "journal log past events details cause action guidance runbook",
    "alarm.suppressed": "silenced muted hidden inhibited suppressed list",
    "alarm.measures": "kpi statistics figures load flood isa eemua report",
    "alarm.handover": "log shift report notes sign over change",
    "alarm.why": "explain reason evidence cause detector",
    "shift.note": "write remark comment log entry",
    "shift.give": "over end finish report",
    "shift.sign": "accept confirm take over",
    "sensor.spawn": "add create sensor simulate start",
    "sensor.pause": "stop hold resume continue start",
    "sensor.rerate": "interval frequency speed period",
    "sensor.inject": "fault simulate break fail drill test",
    "sensor.clear": "end fault repair heal stop",
    "sensor.remove": "delete drop decommission",
    "sensor.learning": "freeze thaw stop train model",
    "sensor.maintenance": "window silence mute work service planned downtime suppress",
    "sensor.accept": "new normal baseline setpoint",
    "sensor.reset": "forget relearn retrain model",
    "sensor.trend": "chart graph plot curve compare history",
    "list.tree": "hierarchy area zone section group levels",
    "list.machine": "unit equipment asset multiples",
    "list.filter": "search find grep",
    "list.order": "sort by",
    "list.mark": "select choose several multiple",
    "list.freeze": "hold still stop scrolling",
    "list.back": "escape cancel unmark",
    "seek.critical": "jump worst find red",
    "seek.warning": "jump find yellow",
    "span.shorter": "zoom in range time",
    "span.longer": "zoom out range time",
    "trend.add": "curve sensor",
    "trend.drop": "remove curve",
    "trend.scale": "axis common shared",
    "trend.overlay": "compare yesterday week overlay",
    "trend.save": "store name keep",
    "trend.open": "load saved",
    "trend.remove": "delete saved",
    "trend.export": "csv svg file picture download write",
    "trend.earlier": "pan scroll back",
    "trend.later": "pan scroll forward",
    "trend.live": "now present follow",
    "broker.switch": "kafka node restart",
    "broker.kill": "kafka node crash drill",
    "replay.pause": "stop play continue",
}


def means(query: str, binding_id: str, *said: str) -> str | None:
    """Whether every word of the query begins a word of what is said of a key, or one of its synonyms.

    Returns:
        The synonyms that were needed for it, empty: none was; None: the query means something else.
    """
    shown = " ".join(said).casefold().replace("-", " ").split()
    others = SYNONYMS.get(binding_id.removesuffix("-back"), "").split()
    needed: list[str] = []
    for word in query.casefold().split():
        if any(each.startswith(word) for each in shown):
            continue
        found = next((each for each in others if each.startswith(word)), None)
        if found is None:
            return None
        needed.append(found)
    return " ".join(dict.fromkeys(needed))
