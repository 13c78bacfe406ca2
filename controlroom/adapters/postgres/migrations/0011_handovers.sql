-- What one shift tells the next: notes while it lasts, the report at its end, and the name of who took over.

CREATE TABLE shift_notes (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- made by whoever writes: one that is sent twice, after a lost connection, is kept once
    note_id  uuid        NOT NULL UNIQUE,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    who      text        NOT NULL,
    whence   text        NOT NULL,
    db_role  text        NOT NULL DEFAULT session_user,
    address  inet                 DEFAULT inet_client_addr(),
    text     text        NOT NULL
);
CREATE INDEX shift_notes_time ON shift_notes (at);

CREATE TABLE handovers (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handover_id uuid        NOT NULL UNIQUE,
    at          timestamptz NOT NULL,
    since       timestamptz NOT NULL,
    who         text        NOT NULL,
    whence      text        NOT NULL,
    db_role     text        NOT NULL DEFAULT session_user,
    address     inet                 DEFAULT inet_client_addr(),
    report      jsonb       NOT NULL
);
CREATE INDEX handovers_time ON handovers (at);

CREATE TABLE handover_signatures (
    handover bigint      PRIMARY KEY REFERENCES handovers (id),
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    who      text        NOT NULL,
    whence   text        NOT NULL,
    db_role  text        NOT NULL DEFAULT session_user,
    address  inet                 DEFAULT inet_client_addr(),
    remark   text        NOT NULL
);

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shift_notes EXECUTE FUNCTION refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON handovers EXECUTE FUNCTION refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON handover_signatures EXECUTE FUNCTION refuse_change();

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'controlroom_viewer') THEN
        GRANT SELECT ON shift_notes, handovers, handover_signatures TO controlroom_viewer;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'controlroom_operator') THEN
        GRANT SELECT ON shift_notes, handovers, handover_signatures TO controlroom_operator;
        GRANT INSERT (note_id, who, whence, text) ON shift_notes TO controlroom_operator;
        GRANT INSERT (handover_id, at, since, who, whence, report) ON handovers TO controlroom_operator;
        GRANT INSERT (handover, who, whence, remark) ON handover_signatures TO controlroom_operator;
    END IF;
END $$;
