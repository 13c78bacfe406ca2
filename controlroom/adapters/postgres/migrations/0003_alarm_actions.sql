-- What operators do about alarms, and who may do it.

-- Wall-clock time at which a shelf warns or ends, or an acked alarm rings again: one worker looks after all of these.
ALTER TABLE alarms ADD COLUMN wake_at timestamptz;
CREATE INDEX alarms_wake ON alarms (wake_at) WHERE wake_at IS NOT NULL;

-- An event that another transaction than the owner's batch has written: the partition's owner looks for these.
ALTER TABLE outbox ADD COLUMN posted boolean NOT NULL DEFAULT false;
CREATE INDEX outbox_posted ON outbox (topic, part, id) WHERE posted;

-- Every action that was asked for, done or refused.
CREATE TABLE audit (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- made by whoever acts: one that is asked for twice, after a lost connection, is done once
    action_id uuid        NOT NULL UNIQUE,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    who       text        NOT NULL,
    whence    text        NOT NULL,
    -- these two are the database's own words
    db_role   text        NOT NULL DEFAULT session_user,
    address   inet                 DEFAULT inet_client_addr(),
    action    text        NOT NULL,
    sensor_id text        NOT NULL,
    kind      text        NOT NULL,
    request   jsonb       NOT NULL,
    -- why it was not done; empty when it was
    refusal   text        NOT NULL,
    before    jsonb,
    after     jsonb
);
CREATE INDEX audit_time ON audit (at);
CREATE INDEX audit_alarm ON audit (sensor_id, kind, at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = format('%I is only added to', TG_TABLE_NAME);
END $$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alarm_events EXECUTE FUNCTION refuse_change();

-- Two roles to give to people's logins: GRANT controlroom_operator TO alice. They belong to the whole server, so they may
-- be there already; where this login may not make roles, an administrator makes them and runs the grants below.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['controlroom_viewer', 'controlroom_operator'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL; -- another database of the server was quicker
            WHEN insufficient_privilege THEN RAISE NOTICE 'role % is not made: this login may not', name;
        END;
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), name);
            EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', current_schema(), name);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'controlroom_operator') THEN
        GRANT INSERT, UPDATE ON alarms TO controlroom_operator;
        GRANT INSERT ON alarm_events, outbox TO controlroom_operator;
        GRANT INSERT (action_id, who, whence, action, sensor_id, kind, request, refusal, before, after) ON audit
            TO controlroom_operator;
    END IF;
END $$;
