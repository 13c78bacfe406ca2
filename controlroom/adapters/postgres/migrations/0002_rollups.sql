-- What a sensor's readings come to, by minute and by hour of event time. `m2` is the sum of squared deviations from the
-- mean: the standard deviation is sqrt(m2 / (count - 1)). Rows are merged into, never replaced, so late readings count.

CREATE TABLE rollup_minute (
    sensor_id text             NOT NULL,
    bucket    timestamptz      NOT NULL,
    count     bigint           NOT NULL,
    bad       bigint           NOT NULL,
    low       double precision,
    high      double precision,
    mean      double precision,
    m2        double precision,
    last      double precision,
    last_ts   timestamptz,
    PRIMARY KEY (sensor_id, bucket)
) PARTITION BY RANGE (bucket);
CREATE TABLE rollup_minute_default PARTITION OF rollup_minute DEFAULT WITH (fillfactor = 80);

CREATE TABLE rollup_hour (LIKE rollup_minute INCLUDING ALL) WITH (fillfactor = 80);

-- Merges one row of a minute or an hour into another: Chan, Golub, LeVeque (1979).
CREATE FUNCTION merged_mean(n1 bigint, mean1 double precision, n2 bigint, mean2 double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN n1 = 0 THEN mean2 WHEN n2 = 0 THEN mean1 ELSE mean1 + (mean2 - mean1) * n2 / (n1 + n2) END
$$;
CREATE FUNCTION merged_m2(n1 bigint, mean1 double precision, m1 double precision,
                          n2 bigint, mean2 double precision, m2 double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN n1 = 0 THEN m2 WHEN n2 = 0 THEN m1
                ELSE m1 + m2 + (mean2 - mean1) * (mean2 - mean1) * n1 * n2 / (n1 + n2) END
$$;
