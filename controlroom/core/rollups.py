"""The *data aggregator*: what a sensor's readings of a minute come to, by event time.

Buckets are deltas: the store merges them into what is there, so a late reading corrects its own minute and a repeat of
a batch that was not committed changes nothing. Mean and variance are merged by the method of Chan, Golub and LeVeque
(1979), which keeps its precision where sums of squares lose it.

>>> bucket = Bucket()
>>> for value in (1.0, 2.0, 6.0):
...     bucket.add(60.0, value, 1.0)
>>> bucket.count, bucket.low, bucket.high, bucket.mean, round(bucket.m2, 9)
(3, 1.0, 6.0, 3.0, 14.0)
"""

from __future__ import annotations

#: Seconds of the buckets that are kept.
MINUTE = 60
HOUR = 3600
#: A reading of a lower quality is counted as bad, and stays out of the figures.
GOOD_QUALITY = 0.5


class Bucket:
    """Count, extremes, mean, sum of squared deviations, last value; and how many readings were bad."""

    __slots__ = ("bad", "count", "high", "last", "last_s", "low", "m2", "mean")

    def __init__(self) -> None:
        self.count = 0
        self.bad = 0
        self.low = self.high = self.mean = self.m2 = self.last = 0.0
        self.last_s = 0.0

    def add(self, event_s: float, value: float, quality: float) -> None:
        """One reading at event time `event_s`, seconds since the epoch."""
        if quality < GOOD_QUALITY:
            self.bad += 1
            return
        count = self.count = self.count + 1
        if count == 1:
            self.low = self.high = self.mean = self.last = value
            self.last_s = event_s
            return
        if value < self.low:
            self.low = value
        elif value > self.high:
            self.high = value
        delta = value - self.mean
        self.mean += delta / count
        self.m2 += delta * (value - self.mean)
        if event_s >= self.last_s:
            self.last, self.last_s = value, event_s

    def merge(self, other: Bucket) -> None:
        """All readings of another bucket too."""
        self.bad += other.bad
        if not other.count:
            return
        if not self.count:
            self.low, self.high, self.last, self.last_s = other.low, other.high, other.last, other.last_s
        count = self.count + other.count
        delta = other.mean - self.mean
        self.m2 += other.m2 + delta * delta * self.count * other.count / count
        self.mean += delta * other.count / count
        self.count = count
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        if other.last_s >= self.last_s:
            self.last, self.last_s = other.last, other.last_s


#: (sensor id, start of the bucket, seconds since the epoch)
BucketKey = tuple[str, int]
