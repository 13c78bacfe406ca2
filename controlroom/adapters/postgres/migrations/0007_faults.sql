-- What was injected into simulated sensors: the truth that detection is scored with. Detectors never read it.

-- One row for each fault and sensor. What befalls a machine or a zone has one id, and a row for each fault that it puts
-- on each of its sensors. Filled by the detection worker on duty from `sensor-commands` and `sensor-status`, so that a
-- simulator needs no database.
CREATE TABLE faults (
    fault_id    text        NOT NULL,
    sensor_id   text        NOT NULL,
    -- spike, drift, offset, ...
    fault       text        NOT NULL,
    -- in the fault's own measure; NULL: the fault's default
    magnitude   double precision,
    machine_id  text        NOT NULL,
    zone        text        NOT NULL,
    injected_by text        NOT NULL,
    -- the command that brought it
    command_id  text        NOT NULL,
    asked_at    timestamptz NOT NULL,
    -- in the sensor's own time, half open; planned_end NULL: until it is cleared
    starts_at   timestamptz NOT NULL,
    planned_end timestamptz,
    -- when a simulator said that it has it; NULL: none has yet
    confirmed_at timestamptz,
    -- when it was over; NULL: not yet
    ended_at    timestamptz,
    -- how it ended: over (by itself), cleared, removed (with its sensor), refused; empty: not yet
    outcome     text        NOT NULL DEFAULT '',
    -- why it was refused
    reason      text        NOT NULL DEFAULT '',
    PRIMARY KEY (fault_id, sensor_id, fault)
);
CREATE INDEX faults_open ON faults (sensor_id) WHERE ended_at IS NULL;
CREATE INDEX faults_time ON faults (starts_at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['controlroom_viewer', 'controlroom_operator'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('GRANT SELECT ON faults TO %I', name);
        END IF;
    END LOOP;
END $$;
