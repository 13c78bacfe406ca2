-- What the control room keeps. PostgreSQL 15 or later.

-- Effectively once: how far a group has come in a partition. Whoever claims the partition raises `epoch`; a batch is
-- committed only by a compare-and-set on (next_offset, epoch), so a worker that was paused or cut off cannot write.
CREATE TABLE watermark (
    grp          text        NOT NULL,
    topic        text        NOT NULL,
    part         integer     NOT NULL,
    next_offset  bigint      NOT NULL,
    epoch        bigint      NOT NULL,
    -- counts the transactions of all owners: tells whether one whose outcome is unknown was committed
    commits      bigint      NOT NULL DEFAULT 0,
    owner        text        NOT NULL,
    -- detector_state of this partition is as of here; from here to next_offset readings are run through it once more
    state_offset bigint      NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (grp, topic, part)
) WITH (fillfactor = 50);

-- One row a sensor: what its detectors have learned, in their own versioned encoding.
CREATE TABLE detector_state (
    grp       text    NOT NULL,
    topic     text    NOT NULL,
    part      integer NOT NULL,
    sensor_id text    NOT NULL,
    state     bytea   NOT NULL,
    PRIMARY KEY (grp, topic, part, sensor_id)
);

CREATE TABLE sensors (
    sensor_id       text PRIMARY KEY,
    sensor_type     text             NOT NULL,
    unit            text             NOT NULL,
    factory_section text             NOT NULL,
    machine_id      text             NOT NULL,
    zone            text             NOT NULL,
    warning         double precision,
    critical        double precision,
    simulated       boolean          NOT NULL,
    first_seen      timestamptz      NOT NULL DEFAULT now()
);

-- Raw readings, by the day on which the broker received them. The offset is unique by the watermark, not by an index:
-- a key would halve the rate at which readings are stored.
CREATE TABLE readings (
    topic     text             NOT NULL,
    part      integer          NOT NULL,
    off       bigint           NOT NULL,
    log_ts    timestamptz      NOT NULL,
    event_ts  timestamptz      NOT NULL,
    sensor_id text             NOT NULL,
    value     double precision NOT NULL,
    quality   real             NOT NULL,
    seq       bigint           NOT NULL
) PARTITION BY RANGE (log_ts);
CREATE INDEX readings_sensor_time ON readings (sensor_id, event_ts);
CREATE INDEX readings_log_time ON readings USING brin (log_ts);
-- Days are made ahead by the workers; what falls outside all of them is kept here and never refused.
CREATE TABLE readings_default PARTITION OF readings DEFAULT;

-- What could not be accepted, with the reason.
CREATE TABLE rejects (
    topic    text        NOT NULL,
    part     integer     NOT NULL,
    off      bigint      NOT NULL,
    log_ts   timestamptz NOT NULL,
    reason   text        NOT NULL,
    detail   text        NOT NULL,
    key      bytea,
    -- at most 64 KiB of it; raw_size is its true size, sha256 is of the whole
    raw      bytea,
    raw_size integer     NOT NULL,
    sha256   bytea       NOT NULL,
    PRIMARY KEY (topic, part, off)
);

-- Records that were gone before they could be read: never a silent skip.
CREATE TABLE gaps (
    topic       text        NOT NULL,
    part        integer     NOT NULL,
    from_offset bigint      NOT NULL,
    to_offset   bigint      NOT NULL,
    reason      text        NOT NULL,
    found_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, part, from_offset, to_offset)
);

-- One row for each alarm that a sensor can have: its state now. `doc` is the whole state; the columns are what is
-- searched and sorted by.
CREATE TABLE alarms (
    sensor_id     text        NOT NULL,
    kind          text        NOT NULL,
    occurrence_id text        NOT NULL,
    version       integer     NOT NULL,
    state         text        NOT NULL,
    -- an occurrence is open, or a delay runs
    live          boolean     NOT NULL,
    severity      text        NOT NULL,
    changed_at    timestamptz NOT NULL,
    -- where the readings come from: their owner evaluates the alarm's timers
    topic         text        NOT NULL,
    part          integer     NOT NULL,
    doc           jsonb       NOT NULL,
    PRIMARY KEY (sensor_id, kind)
);
CREATE INDEX alarms_live ON alarms (topic, part) WHERE live;

-- Everything that ever happened to an alarm; only added to.
CREATE TABLE alarm_events (
    event_id      text PRIMARY KEY,
    occurrence_id text        NOT NULL,
    version       integer     NOT NULL,
    at            timestamptz NOT NULL,
    sensor_id     text        NOT NULL,
    kind          text        NOT NULL,
    event         text        NOT NULL,
    severity      text        NOT NULL,
    state         text        NOT NULL,
    annunciated   boolean     NOT NULL,
    -- the event exactly as it is on the alerts topic
    doc           jsonb       NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alarm_events_time ON alarm_events (at);
CREATE INDEX alarm_events_sensor ON alarm_events (sensor_id, at);
CREATE INDEX alarm_events_occurrence ON alarm_events (occurrence_id, version);

-- Events that are committed but not yet known to be on the alerts topic; deleted when the brokers have confirmed them.
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic      text        NOT NULL,
    part       integer     NOT NULL,
    key        text        NOT NULL,
    event_id   text        NOT NULL,
    payload    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_partition ON outbox (topic, part, id);
