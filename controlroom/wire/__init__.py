"""What is on the topics: messages, their codec, the topics' specifications. Imports nothing of ours."""

from controlroom.wire.alarm import AlarmEvent
from controlroom.wire.bridge import BridgeReport, SourceReport
from controlroom.wire.codec import BadMessage, Reason
from controlroom.wire.command import FaultSpec, SensorCommand, SensorSpec
from controlroom.wire.reading import Location, Metadata, Reading, decode_reading, encode_reading
from controlroom.wire.sensor_types import SENSOR_TYPES, SensorType
from controlroom.wire.status import SensorStatus
from controlroom.wire.topics import TopicNames, TopicSpec, topic_specs

__all__ = [
    "SENSOR_TYPES",
    "AlarmEvent",
    "BadMessage",
    "BridgeReport",
    "FaultSpec",
    "Location",
    "Metadata",
    "Reading",
    "Reason",
    "SensorCommand",
    "SensorSpec",
    "SensorStatus",
    "SensorType",
    "SourceReport",
    "TopicNames",
    "TopicSpec",
    "decode_reading",
    "encode_reading",
    "topic_specs",
]
