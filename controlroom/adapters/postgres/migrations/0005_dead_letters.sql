-- What the outbox holds goes to the alerts topic, or, for a reject, to the dead letters: then `payload` is empty, and what
-- is sent is the row of `rejects` that `reject_off` names.
ALTER TABLE outbox ADD COLUMN reject_off bigint;
-- When a reject was last published again.
ALTER TABLE rejects ADD COLUMN replayed_at timestamptz;
CREATE INDEX rejects_time ON rejects (log_ts);
