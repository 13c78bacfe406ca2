-- A hash of the last record before next_offset: a topic that was made anew under the same name has another there.
ALTER TABLE watermark ADD COLUMN tail_hash bytea;

-- Optional: what a sensor's readings come to by the second, as rollup_minute.
CREATE TABLE rollup_second (LIKE rollup_minute, PRIMARY KEY (sensor_id, bucket)) PARTITION BY RANGE (bucket);
CREATE TABLE rollup_second_default PARTITION OF rollup_second DEFAULT WITH (fillfactor = 80);
