-- What keeps the alarm tables quick and bounded over the years.

-- The report and the history ask for what was recorded in a period.
CREATE INDEX alarm_events_recorded ON alarm_events (recorded_at);
-- What an alarm of a common cause stands for.
CREATE INDEX alarms_children ON alarms ((doc->>'parent')) WHERE live;
-- Whether a receiver was told of an occurrence; what is still to be told of it.
CREATE INDEX notifications_of_occurrence ON notifications (occurrence_id, receiver);
DROP INDEX notifications_occurrence;

-- Journal and audit are only added to. What is older than the settings `journal_days` and `audit_days` is taken out by the
-- workers' upkeep alone: it says so in its transaction, and no login of an operator may delete there at all.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('controlroom.upkeep', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE insufficient_privilege USING MESSAGE = format('%I is only added to', TG_TABLE_NAME);
END $$;
