"""What an MQTT broker holds of a sensor's alarms: for whoever checks what others see."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from bridges.sources.mqtt_socket import BufferedClient
from bridges.sources.mqtt_table import no_connection
from bridges.tls import tls_of
from controlroom.adapters.mqtt_alarms.table import AlarmBroker
from controlroom.errors import Unreachable
from controlroom.wire import BadMessage
from controlroom.wire.sensor_alarms import SensorAlarms, decode_sensor_alarms

if TYPE_CHECKING:
    from paho.mqtt.client import ConnectFlags
    from paho.mqtt.reasoncodes import ReasonCode

_ANSWER_S = 5.0
#: Retained messages come one after the other; where none has come for so long, that was all.
_QUIET_S = 1.0


class Seen:
    """What was found on a broker."""

    def __init__(self) -> None:
        #: topic -> its message
        self.sensors: dict[str, SensorAlarms] = {}
        #: `online` or `offline`; empty: nothing was ever published
        self.status = ""
        #: retained messages that are none of ours
        self.others = 0


def look_at(broker: AlarmBroker) -> Seen:
    """The retained messages of a broker.

    Raises:
        Unreachable: it does not answer, or refuses us.
    """
    seen = Seen()
    refused = ""
    #: when something came last, monotonic seconds; 0: nothing yet
    at = 0.0
    client = BufferedClient(
        CallbackAPIVersion.VERSION2,
        f"controlroom-look-{broker.name}-{time.time_ns():x}",
        protocol=MQTTv5 if broker.version == "5" else MQTTv311,
        reconnect_on_failure=False,
    )

    def connected(client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _properties: object) -> None:
        nonlocal refused
        if reason.is_failure:
            refused = str(reason)
        else:
            client.subscribe([(broker.filter, 1), (broker.status, 1)])

    def subscribed(*_: object) -> None:
        nonlocal at
        at = time.monotonic()

    def found(_client: Client, _data: object, message: MQTTMessage) -> None:
        nonlocal at
        at = time.monotonic()
        if message.topic == broker.status:
            seen.status = message.payload.decode("utf-8", "replace")
            return
        seen.sensors.pop(message.topic, None)
        if not message.payload:
            return
        try:
            told = decode_sensor_alarms(bytes(message.payload))
        except BadMessage:
            told = None
        if told is not None and told.publisher == broker.name:
            seen.sensors[message.topic] = told
        else:
            seen.others += 1

    client.connect_timeout = _ANSWER_S
    client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, found
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.secret())
    if broker.url.startswith("mqtts:"):
        client.tls_set_context(tls_of(broker, broker.name))
    try:
        client.connect(*broker.address, broker.keepalive)
        deadline = time.monotonic() + _ANSWER_S
        while not at or time.monotonic() - at < _QUIET_S:
            if client.loop(0.1) is not MQTTErrorCode.MQTT_ERR_SUCCESS or refused:
                raise Unreachable(f"{broker.url} refuses us: {refused or 'it has ended the connection'}")
            if not at and time.monotonic() > deadline:
                raise Unreachable(f"{broker.url} does not answer")
        client.disconnect()
    except OSError as error:
        raise Unreachable(no_connection(broker.url, error)) from None
    finally:
        client.release()
    return seen
