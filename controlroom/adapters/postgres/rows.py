"""Statements of the store, and batches as columns for them (one array a column: `unnest` is one round trip)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from controlroom.core.alarms.model import Alarm, encode_alarm
from controlroom.core.records import Reject, SensorFacts, Source
from controlroom.core.rollups import HOUR, Bucket, BucketKey
from controlroom.wire import AlarmEvent, Location
from controlroom.wire.alarm import encode_alarm_event

CLAIM = """
UPDATE watermark SET epoch = epoch + 1, owner = $4, updated_at = now()
WHERE grp = $1 AND topic = $2 AND part = $3
RETURNING next_offset, state_offset, epoch, commits, tail_hash"""

BEGIN = """
INSERT INTO watermark (grp, topic, part, next_offset, state_offset, epoch, owner) VALUES ($1, $2, $3, $4, $4, 1, $5)
ON CONFLICT DO NOTHING RETURNING epoch"""

READ_WATERMARK = "SELECT epoch, commits FROM watermark WHERE grp = $1 AND topic = $2 AND part = $3"

ADVANCE = """
UPDATE watermark
SET next_offset = $5, commits = commits + 1, state_offset = coalesce($8, state_offset), updated_at = now(),
    tail_hash = CASE WHEN $5 = next_offset THEN tail_hash ELSE $9 END
WHERE grp = $1 AND topic = $2 AND part = $3 AND next_offset = $4 AND epoch = $6 AND commits = $7
    AND (SELECT max(version) FROM schema_migrations) <= $10
RETURNING commits"""

LOAD_STATES = "SELECT sensor_id, state FROM detector_state WHERE grp = $1 AND topic = $2 AND part = $3"

_LIVE_ALARMS = """
SELECT a.doc, s.sensor_id, s.sensor_type, s.unit, s.factory_section, s.machine_id, s.zone, s.warning, s.critical,
       s.simulated
FROM alarms a LEFT JOIN sensors s USING (sensor_id) WHERE a.live AND """
LOAD_LIVE_ALARMS = _LIVE_ALARMS + "a.topic = $1 AND a.part = $2"
LOAD_LIVE_ALARMS_OF = _LIVE_ALARMS + "a.sensor_id = ANY($1)"

# A group's alarm is shared by the owners of its sensors' partitions, and two of them may make its row at once.
LOCK_GROUPS = "SELECT pg_advisory_xact_lock(hashtextextended(name, 7)) FROM unnest($1::text[]) AS name"

LOAD_OUTBOX = """
SELECT id, key, payload FROM outbox
WHERE topic = $1 AND part = ANY($2::int[]) AND reject_off IS NULL AND NOT id = ANY($3::bigint[])
ORDER BY id LIMIT $4"""

LOAD_DEAD_LETTERS = """
SELECT o.id, r.key, r.raw, o.part, r.off, r.reason, r.detail, r.raw_size
FROM outbox o JOIN rejects r ON (r.topic, r.part, r.off) = (o.topic, o.part, o.reject_off)
WHERE o.topic = $1 AND o.part = ANY($2::int[]) AND NOT o.id = ANY($3::bigint[])
ORDER BY o.id LIMIT $4"""

LOCK_ALARMS = """
SELECT sensor_id, kind, doc FROM alarms WHERE sensor_id = ANY($1) ORDER BY sensor_id, kind FOR UPDATE"""

INSERT_GAP = """
INSERT INTO gaps (topic, part, from_offset, to_offset, reason) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"""

UPSERT_SENSORS = """
INSERT INTO sensors (sensor_id, sensor_type, unit, factory_section, machine_id, zone, warning, critical, simulated)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::float8[], $8::float8[], $9::boolean[])
ON CONFLICT (sensor_id) DO UPDATE SET
    sensor_type = excluded.sensor_type, unit = excluded.unit, factory_section = excluded.factory_section,
    machine_id = excluded.machine_id, zone = excluded.zone, warning = excluded.warning, critical = excluded.critical,
    simulated = excluded.simulated"""

# A topic that was made anew has other records at the offsets of old ones, which are on the dead letters.
INSERT_REJECT = """
INSERT INTO rejects (topic, part, off, log_ts, reason, detail, key, raw, raw_size, sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (topic, part, off) DO UPDATE SET
    log_ts = excluded.log_ts, reason = excluded.reason, detail = excluded.detail, key = excluded.key,
    raw = excluded.raw, raw_size = excluded.raw_size, sha256 = excluded.sha256, replayed_at = NULL"""

# A sensor that is new since the last checkpoint has no state as of that; other partitions must see that it is here.
INSERT_NEW_STATES = """
INSERT INTO detector_state (grp, topic, part, sensor_id, state)
SELECT $1, $2, $3, sensor_id, '' FROM unnest($4::text[]) AS sensor_id ON CONFLICT DO NOTHING"""

UPSERT_STATES = """
INSERT INTO detector_state (grp, topic, part, sensor_id, state)
SELECT $1, $2, $3, * FROM unnest($4::text[], $5::bytea[])
ON CONFLICT (grp, topic, part, sensor_id) DO UPDATE SET state = excluded.state"""

# One statement a table. Buckets come in the order of the key, so that two owners never wait for each other's rows.
MERGE_ROLLUPS = """
INSERT INTO {table} AS old (sensor_id, bucket, count, bad, low, high, mean, m2, last, last_ts)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::float8[], $6::float8[],
                     $7::float8[], $8::float8[], $9::float8[], $10::timestamptz[])
ON CONFLICT (sensor_id, bucket) DO UPDATE SET
    count = old.count + excluded.count, bad = old.bad + excluded.bad,
    low = least(old.low, excluded.low), high = greatest(old.high, excluded.high),
    mean = merged_mean(old.count, old.mean, excluded.count, excluded.mean),
    m2 = merged_m2(old.count, old.mean, old.m2, excluded.count, excluded.mean, excluded.m2),
    last = CASE WHEN excluded.last_ts >= old.last_ts OR old.last_ts IS NULL THEN excluded.last ELSE old.last END,
    last_ts = greatest(old.last_ts, excluded.last_ts)"""

UPSERT_ALARMS = """
INSERT INTO alarms
    (sensor_id, kind, occurrence_id, version, state, live, severity, changed_at, topic, part, wake_at, doc)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::boolean[], $7::text[],
                     $8::timestamptz[], $9::text[], $10::int[], $11::timestamptz[], $12::jsonb[])
ON CONFLICT (sensor_id, kind) DO UPDATE SET
    occurrence_id = excluded.occurrence_id, version = excluded.version, state = excluded.state, live = excluded.live,
    severity = excluded.severity, changed_at = excluded.changed_at, topic = excluded.topic, part = excluded.part,
    wake_at = excluded.wake_at, doc = excluded.doc"""

INSERT_EVENTS = """
INSERT INTO alarm_events
    (event_id, occurrence_id, version, at, sensor_id, kind, event, severity, state, annunciated, doc)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::text[], $10::boolean[], $11::jsonb[])"""

# The ids come back in the order of the events, which the ordinality keeps.
INSERT_OUTBOX = """
INSERT INTO outbox (topic, part, posted, event_id, key, payload)
SELECT $1, $2, $3, event_id, key, payload
FROM unnest($4::text[], $5::text[], $6::bytea[]) WITH ORDINALITY AS new (event_id, key, payload, nr) ORDER BY nr
RETURNING id"""

INSERT_NOTICES = """
INSERT INTO alarm_notices (doc) SELECT doc FROM unnest($1::jsonb[]) WITH ORDINALITY AS new (doc, nr) ORDER BY nr"""

LOAD_POSTED = """
SELECT id, key, payload FROM outbox WHERE posted AND topic = $1 AND part = ANY($2::int[]) ORDER BY id"""

INSERT_OUTBOX_REJECTS = """
INSERT INTO outbox (topic, part, event_id, key, payload, reject_off)
SELECT $1, $2, '', '', '', off FROM unnest($3::bigint[]) WITH ORDINALITY AS new (off, nr) ORDER BY nr
RETURNING id"""

DELETE_OUTBOX = "DELETE FROM outbox WHERE id = ANY($1)"


def facts_of(row: Any) -> SensorFacts:  # noqa: ANN401 - asyncpg's row
    """A row of `sensors` as facts."""
    return SensorFacts(
        row["sensor_id"],
        row["sensor_type"],
        row["unit"],
        Location(row["factory_section"], row["machine_id"], row["zone"]),
        row["warning"],
        row["critical"],
        row["simulated"],
    )


def reject_columns(reject: Reject) -> tuple[Any, ...]:
    """A row for INSERT_REJECT, after topic and partition."""
    detail = reject.detail.replace("\x00", "␀")
    return (
        reject.offset, reject.log_ts, reject.reason, detail, reject.key, reject.raw, reject.size, reject.sha256,
    )  # fmt: skip


def sensor_columns(sensors: Iterable[SensorFacts]) -> tuple[list[Any], ...]:
    """Columns for UPSERT_SENSORS."""
    return _columns(
        (
            s.sensor_id,
            s.sensor_type,
            s.unit,
            s.location.factory_section,
            s.location.machine_id,
            s.location.zone,
            s.warning,
            s.critical,
            s.simulated,
        )
        for s in sensors
    )


def rollup_columns(rollups: Mapping[BucketKey, Bucket]) -> tuple[list[Any], ...]:
    """Columns for MERGE_ROLLUPS; a bucket with bad readings alone has no figures."""
    return _columns(
        (sensor_id, _utc(start), b.count, b.bad, *(_figures(b) if b.count else _NO_FIGURES))
        for (sensor_id, start), b in sorted(rollups.items(), key=_by_key)
    )


def hours_of(rollups: Mapping[BucketKey, Bucket]) -> dict[BucketKey, Bucket]:
    """The same readings by the hour."""
    hours: dict[BucketKey, Bucket] = {}
    for (sensor_id, start), bucket in rollups.items():
        hours.setdefault((sensor_id, start - start % HOUR), Bucket()).merge(bucket)
    return hours


_NO_FIGURES = (None,) * 6


def _by_key(item: tuple[BucketKey, Bucket]) -> BucketKey:
    return item[0]


def _figures(b: Bucket) -> tuple[Any, ...]:
    return b.low, b.high, b.mean, b.m2, b.last, _utc(b.last_s)


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def alarm_columns(alarms: Iterable[Alarm], places: Mapping[str, Source]) -> tuple[list[Any], ...]:
    """Columns for UPSERT_ALARMS; `places` tells by sensor which partition its readings are in."""
    return _columns(
        (
            alarm.sensor_id,
            alarm.kind,
            alarm.occurrence_id,
            alarm.version,
            str(alarm.label),
            alarm.live or alarm.deadline is not None,
            str(alarm.severity or ""),
            datetime.now(UTC),
            places[alarm.sensor_id].topic,
            places[alarm.sensor_id].partition,
            _utc(alarm.next_wall_time) if alarm.next_wall_time is not None else None,
            encode_alarm(alarm).decode(),
        )
        for alarm in alarms
    )


def event_columns(events: Iterable[AlarmEvent]) -> tuple[list[Any], ...]:
    """Columns for INSERT_EVENTS; the last one is the event as it goes on the wire."""
    return _columns(
        (
            e.event_id,
            e.occurrence_id,
            e.version,
            e.timestamp,
            e.sensor_id,
            e.kind,
            e.event,
            e.severity,
            e.state,
            e.annunciated,
            encode_alarm_event(e).decode(),
        )
        for e in events
    )


def outbox_columns(events: Iterable[AlarmEvent]) -> tuple[list[Any], ...]:
    """Columns for INSERT_OUTBOX, after topic, partition, and whether it is posted."""
    return _columns((e.event_id, e.sensor_id, encode_alarm_event(e)) for e in events)


def _columns(table: Iterable[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*table, strict=True))
