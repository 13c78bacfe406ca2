"""`python -m benchmarks._worker MODE BROKERS DSN TOPIC`: one worker until it is idle; what it did, as JSON."""

from __future__ import annotations

import asyncio
import cProfile
import gc
import json
import os
import pstats
import sys
import time
from dataclasses import replace
from uuid import uuid4

from benchmarks._store import NothingStored
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres.store import PartitionStore
from controlroom.config import load_settings
from controlroom.headless import summary

#: mode -> (store, detectors, roll-ups, what is kept of readings)
MODES = {
    "detect": (NothingStored, "cheap", False, "none"),
    "commit": (PartitionStore, "cheap", True, "none"),
    "store_all": (PartitionStore, "cheap", True, "all"),
    "default_bank": (PartitionStore, "default", True, "all"),
}
IDLE_S = 1.0


async def work(mode: str, brokers: str, dsn: str, topic: str) -> dict[str, float]:
    """What one worker of a new group does with all of `topic`; with `+summary` it also tells consoles of it."""
    mode, _, beside = mode.partition("+")
    store, detectors, roll_up, keep = MODES[mode]
    settings = load_settings(
        brokers=brokers, dsn=dsn, sensor_topic=topic, alerts_topic=f"{topic}-alerts", detectors=detectors,
        store_readings=keep, group=f"bench-{uuid4().hex[:8]}",
    )  # fmt: skip
    options = worker_options(settings, until_idle=IDLE_S)
    options = replace(options, pipeline=replace(options.pipeline, roll_up=roll_up), summarise=beside == "summary")
    gc.set_threshold(50_000, 50, 50)
    worker = DetectionWorker(KafkaConnection.of(brokers, settings), dsn, options, make_store=store)
    began = time.process_time()
    await worker.run(asyncio.Event())
    return summary(worker) | {"cpu_s": time.process_time() - began}


def main() -> int:
    """Run; with BENCH_PROFILE in the environment, tell where the time goes on stderr."""
    profile = cProfile.Profile() if "BENCH_PROFILE" in os.environ else None
    if profile is not None:
        profile.enable()
    done = asyncio.run(work(*sys.argv[1:5]))
    if profile is not None:
        profile.disable()
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(25)
    print(json.dumps(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
