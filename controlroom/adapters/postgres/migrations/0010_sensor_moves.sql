-- Sensors that move to another partition of their topic, as some do when partitions are added. The owner of the new
-- partition asks; the owner of the old one gives the sensor up, in the transaction that saves its detectors' state.
CREATE TABLE sensor_moves (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    grp        text        NOT NULL,
    topic      text        NOT NULL,
    sensor_id  text        NOT NULL,
    from_part  integer     NOT NULL,
    to_part    integer     NOT NULL,
    -- of from_part: what comes before is worked off there first
    until_off  bigint      NOT NULL,
    asked_at   timestamptz NOT NULL DEFAULT now(),
    -- of from_part, and the broker's time there (seconds since the epoch): where the sensor was given up; null: not yet
    left_off   bigint,
    left_log_s double precision
);
CREATE UNIQUE INDEX sensor_moves_asked ON sensor_moves (grp, topic, sensor_id) WHERE left_off IS NULL;
CREATE INDEX sensor_moves_from ON sensor_moves (grp, topic, from_part, left_log_s);

-- In which partition a sensor is.
CREATE INDEX detector_state_sensor ON detector_state (grp, topic, sensor_id);

ALTER TABLE watermark ADD COLUMN begun_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE watermark ALTER COLUMN begun_at SET DEFAULT now();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['controlroom_viewer', 'controlroom_operator'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('GRANT SELECT ON sensor_moves TO %I', name);
        END IF;
    END LOOP;
END $$;
