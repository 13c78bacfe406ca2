"""`python -m tests.faults.chaos SECONDS [--seeds N]`: random faults under load on a plant of its own, then the audit.

For each seed: three workers and a stream of readings; every second or so something is killed, stopped or restarted: a
worker, PostgreSQL, or a broker (one at a time: two of three would stop the cluster, a test of its own). The last
line is JSON; exit status 1 when anything is lost, twice, or no alarm of the oracle's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import asyncpg

from controlroom.adapters.postgres.migrate import migrate
from controlroom.local import LocalPlant
from controlroom.local import ports as plant_ports
from tests.faults.scene import Scene

WORKERS = 3
#: weights: a broker takes seconds to come back, a worker's share a session time
FAULTS = {"kill worker": 6, "stop worker": 3, "end worker": 2, "crash PostgreSQL": 3, "kill broker": 1}

KILLS = ("kill worker", "crash PostgreSQL", "kill broker")
#: of the workers' log, where a seed fails
LINES = 60
#: what is summed up over the seeds
SUMS = ("kills", "records", "readings", "lost", "twice", "alarm_events", "alarms_wrong", "states", "states_wrong")


async def run_seed(seed: int, seconds: float, plant: LocalPlant, directory: Path) -> dict[str, object]:
    """Faults for `seconds`, then the audit."""
    endpoints = plant.start()
    await migrate(endpoints.dsn)
    rng = random.Random(seed)
    scene = await Scene.make(endpoints.brokers, endpoints.dsn, directory, detectors="cheap")
    scene.revives = True
    done: Counter[str] = Counter()
    stop = asyncio.Event()
    feeding = asyncio.create_task(scene.feed(stop, turns=20, pause=0.02))
    stopped: list[tuple[float, int]] = []
    broker_down: tuple[float, int] | None = None
    try:
        for _ in range(WORKERS):
            scene.start_worker()
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            await asyncio.sleep(rng.uniform(0.3, 1.0))
            for when, index in list(stopped):
                if now >= when:
                    scene.workers[index].send_signal(signal.SIGCONT)
                    stopped.remove((when, index))
            if broker_down is not None and now >= broker_down[0]:
                await asyncio.to_thread(plant.broker(broker_down[1]).start)
                broker_down = None
            alive = [i for i, worker in enumerate(scene.workers) if worker.poll() is None]
            fault = rng.choices(list(FAULTS), list(FAULTS.values()))[0]
            if fault == "crash PostgreSQL":
                try:
                    await scene.crash_postgres()
                except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    # It is still at getting up again from the last one.
                    continue
            elif fault == "kill broker":
                if broker_down is not None:
                    continue
                number = rng.randint(1, 3)
                await asyncio.to_thread(plant.broker(number).kill)
                broker_down = (now + rng.uniform(3, 8), number)
            elif not alive:
                scene.start_worker()
                continue
            else:
                index = rng.choice(alive)
                if fault == "stop worker":
                    scene.workers[index].send_signal(signal.SIGSTOP)
                    stopped.append((now + rng.choice([2.0, 20.0]), index))
                else:
                    scene.workers[index].send_signal(signal.SIGKILL if fault == "kill worker" else signal.SIGTERM)
            done[fault] += 1
            while sum(worker.poll() is None for worker in scene.workers) < WORKERS:
                scene.start_worker()
        if broker_down is not None:
            await asyncio.to_thread(plant.broker(broker_down[1]).start)
        stop.set()
        await feeding
        scene.stop_workers(signal.SIGCONT)
        # One that was started while PostgreSQL recovers ends with "unreachable", as it should; another is started.
        while await scene.committed() < 0:
            await asyncio.sleep(0.2)
        scene.workers = [worker for worker in scene.workers if worker.poll() is None]
        while len(scene.workers) < WORKERS:
            scene.start_worker()
        await scene.drain(patience=180)
        found = await scene.audited()
    except BaseException:
        # The directory goes with the seed; what the workers said last is what tells why.
        lines = (directory / "workers.log").read_text(errors="replace").splitlines()
        print(f"seed {seed}: failed after {dict(done)}; the workers' last lines:", *lines[-LINES:], sep="\n")
        raise
    finally:
        stop.set()
        scene.close()
    for finding in found.findings:
        print(f"seed {seed}: wrong: {finding}")
    return {
        "seed": seed, "faults": dict(done), "kills": sum(done[fault] for fault in KILLS), "records": found.records,
        "readings": found.readings, "lost": found.lost, "twice": found.twice, "alarm_events": found.alarm_events,
        "alarms_wrong": found.alarms_wrong, "states": found.states, "states_wrong": found.states_wrong,
        "silent": found.silent,
        "findings": found.findings,
    }  # fmt: skip


def main() -> int:
    """Run seeds one after the other for the time that was given."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("seconds", type=float, help="of faults, shared by the seeds")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    args = parser.parse_args()
    results = []
    for seed in range(args.first, args.first + args.seeds):
        with tempfile.TemporaryDirectory(prefix="controlroom-chaos-") as directory:
            plant = LocalPlant(Path(directory) / "plant", ports=plant_ports.free_ports(3))
            try:
                results.append(asyncio.run(run_seed(seed, args.seconds / args.seeds, plant, Path(directory))))
            finally:
                plant.stop()
        print(json.dumps(results[-1]), flush=True)
    faults = sum(sum(dict(result["faults"]).values()) for result in results)  # type: ignore[call-overload]
    sums = {name: sum(int(str(result[name])) for result in results) for name in SUMS}
    wrong = [result["seed"] for result in results if result["findings"]]
    print(
        f"{len(results)} seeds: {faults} faults, {sums['kills']} of them kills; {sums['records']:,} readings: "
        f"{sums['lost']} lost, {sums['twice']} twice; {sums['alarm_events']:,} alarm events, "
        f"{sums['alarms_wrong']} not the oracle's; {sums['states']:,} detector states, {sums['states_wrong']} not the "
        "oracle's"
    )
    print(json.dumps({"seeds": len(results), "faults": faults, **sums, "wrong_seeds": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
