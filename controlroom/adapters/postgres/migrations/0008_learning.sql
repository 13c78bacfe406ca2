-- What operators tell the detectors: the orders are rows of the audit, which is only added to; here is which were carried
-- out, by which group, before which record. Written in the transaction that saves the detectors' state.
CREATE TABLE learning_applied (
    grp      text        NOT NULL,
    topic    text        NOT NULL,
    part     integer     NOT NULL,
    order_id bigint      NOT NULL REFERENCES audit (id) ON DELETE CASCADE,
    off      bigint      NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (grp, topic, part, order_id)
);
CREATE INDEX learning_applied_order ON learning_applied (order_id);
CREATE INDEX audit_learning ON audit (sensor_id, id)
    WHERE refusal = '' AND action IN
        ('FreezeLearning', 'ThawLearning', 'ResetLearning', 'AcceptLevel', 'MaintenanceWindow', 'MarkFalse');

-- A machine: what its sensors say together, by minute. `next_minute` is the first that was not looked at, seconds since
-- the epoch; the row's lock makes one worker of a group its owner for a step.
CREATE TABLE machine_state (
    grp         text        NOT NULL,
    topic       text        NOT NULL,
    machine_id  text        NOT NULL,
    next_minute bigint      NOT NULL,
    state       bytea       NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (grp, topic, machine_id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['controlroom_viewer', 'controlroom_operator'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('GRANT SELECT ON learning_applied, machine_state TO %I', name);
        END IF;
    END LOOP;
END $$;
