-- Who is told of alarms: a transactional outbox.

-- What receivers may have to be told, written in the transaction that changes the alarm. The worker on duty, which knows
-- the receivers, plans notifications from it.
CREATE TABLE alarm_notices (
    id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    doc jsonb NOT NULL
);

-- One change of an alarm for one receiver. `doc` is the planned row; the columns are what is searched by and what changes.
CREATE TABLE notifications (
    id            text PRIMARY KEY,
    receiver      text        NOT NULL,
    topic         text        NOT NULL,
    occurrence_id text        NOT NULL,
    batch         text        NOT NULL,
    due_at        timestamptz NOT NULL,
    doc           jsonb       NOT NULL,
    -- set before the first attempt, so that a repeat is the same message
    message_id    text        NOT NULL DEFAULT '',
    attempts      integer     NOT NULL DEFAULT 0,
    last_error    text        NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at       timestamptz,
    given_up      boolean     NOT NULL DEFAULT false
);
CREATE INDEX notifications_waiting ON notifications (receiver, due_at) WHERE sent_at IS NULL AND NOT given_up;
CREATE INDEX notifications_occurrence ON notifications (occurrence_id) WHERE sent_at IS NULL AND NOT given_up;
CREATE INDEX notifications_sent ON notifications (receiver, sent_at) WHERE sent_at IS NOT NULL;

-- Whether annunciations flood the operators: one row.
CREATE TABLE alarm_flood (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    doc jsonb NOT NULL
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['controlroom_viewer', 'controlroom_operator'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('GRANT SELECT ON alarm_notices, notifications, alarm_flood TO %I', name);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'controlroom_operator') THEN
        GRANT INSERT ON alarm_notices TO controlroom_operator;
    END IF;
END $$;
