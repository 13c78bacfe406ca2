-- Trends that operators have saved by name: all who may look can open them.
CREATE TABLE trends (
    name     text        PRIMARY KEY,
    -- sensors, span, scale, overlay
    doc      jsonb       NOT NULL,
    saved_by text        NOT NULL,
    db_role  text        NOT NULL DEFAULT session_user,
    saved_at timestamptz NOT NULL DEFAULT now()
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['controlroom_viewer', 'controlroom_operator'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('GRANT SELECT ON trends TO %I', name);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'controlroom_operator') THEN
        GRANT INSERT, UPDATE, DELETE ON trends TO controlroom_operator;
    END IF;
END $$;
