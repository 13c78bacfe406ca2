"""`python -m benchmarks._steps READINGS SENSORS`: CPU µs a reading by step, in this process alone, as JSON.

Whether it is compiled the environment tells (`CONTROLROOM_COMPILED`). There is no broker and no database: a step is
told by what the pipeline costs with it and without it.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from benchmarks._topic import BATCH_BYTES, readings
from compiled import state
from controlroom.adapters.kafka.lean_fetch import AS_DECODED
from controlroom.adapters.kafka.worker import FETCH_BYTES, MAX_POLL_RECORDS, SLICE
from controlroom.adapters.postgres.copying import packed
from controlroom.core.pipeline import PartitionPipeline, PipelineOptions
from controlroom.core.profiles import profile_for

_TP = TopicPartition("readings", 0)
#: the log's time of the first record, and between two, ms
_FIRST_MS, _STEP_MS = 1_767_225_601_000, 1
#: slices that are one batch
_SLICES = 10
_LEAST: dict[str, Any] = {"sample_every": 0, "roll_up": False, "detect": False}


def fetches(records: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """Records as a broker hands them over: batches of 16 KB, with the broker's time, in fetches of 2 MB."""
    made: list[bytes] = []
    fetch = bytearray()
    at = 0
    while at < len(records):
        builder = DefaultRecordBatchBuilder(
            magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
            batch_size=BATCH_BYTES,
        )  # fmt: skip
        first = at
        while at < len(records) and builder.append(at - first, _FIRST_MS + at * _STEP_MS, *records[at], []) is not None:
            at += 1
        batch = builder.build()
        batch[0:8] = first.to_bytes(8, "big")
        fetch += batch
        if len(fetch) >= FETCH_BYTES:
            made.append(bytes(fetch))
            fetch = bytearray()
    return [*made, bytes(fetch)]


def _taken(data: list[bytes]) -> tuple[list[Any], float]:
    """(slices of records, CPU s without what it costs to keep them)."""
    slices: list[Any] = []
    spent = 0.0
    for fetch in data:
        began = time.process_time()
        for _ in _polled(fetch):
            pass
        spent += time.process_time() - began
        slices += [polled[at : at + SLICE] for polled in _polled(fetch) for at in range(0, len(polled), SLICE)]
    return slices, spent


def _polled(fetch: bytes) -> Iterator[Any]:
    """What polls hand over of a fetch."""
    records: Any = fetcher.PartitionRecords(
        _TP, fetcher.MemoryRecords(fetch), None, 0, None, AS_DECODED, check_crcs=True,
        isolation_level=fetcher.READ_UNCOMMITTED,
    )  # fmt: skip
    all_of_it = False
    while not all_of_it:
        polled, all_of_it = records.take(MAX_POLL_RECORDS)
        yield polled


def _processed(warm: list[Any], slices: list[Any], **options: Any) -> tuple[PartitionPipeline, float, float]:  # noqa: ANN401
    """(the pipeline, CPU s of sensors' first readings, CPU s of all others)."""
    pipeline = PartitionPipeline("readings", 0, 0, {}, profile_for, PipelineOptions(**{**_LEAST, **options}))
    gc.collect()
    gc.freeze()
    began = time.process_time()
    for part in warm:
        pipeline.process(part)
    pipeline.take(checkpoint=True)
    met = time.process_time()
    for number, part in enumerate(slices, 1):
        pipeline.process(part)
        if number % _SLICES == 0:
            packed("readings", 0, pipeline.take(checkpoint=False).readings)
    return pipeline, met - began, time.process_time() - met


def measure(count: int, sensors: int) -> dict[str, Any]:
    """µs a reading of each step; and of a sensor that is new, all of its first reading."""
    made = readings(count + sensors, sensors)
    slices, taken = _taken(fetches(made))
    warm, rest, seen = [], [], 0
    for part in slices:
        cut = min(len(part), max(0, sensors - seen))
        seen += len(part)
        warm += [part[:cut]] if cut else []
        rest += [part[cut:]] if cut < len(part) else []
    _, _, least = _processed(warm, rest)
    _, _, rolled = _processed(warm, rest, roll_up=True)
    _, _, stored = _processed(warm, rest, sample_every=1)
    _, _, cheap = _processed(warm, rest, detect=True, bank="cheap")
    pipeline, met, default = _processed(warm, rest, detect=True)
    began = time.process_time()
    pipeline.take(checkpoint=True)
    saved = time.process_time() - began

    def us(seconds: float, of: int = count) -> float:
        return round(seconds / of * 1e6, 3)

    return {
        "compiled": state().used,
        "records": us(taken, count + sensors),
        "readings": us(least),
        "roll_ups": us(rolled - least),
        "rows": us(stored - least),
        "cheap_bank": us(cheap - least),
        "default_bank": us(default - least),
        "saved_sensor": us(saved, sensors),
        "new_sensor": us(met, sensors),
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
