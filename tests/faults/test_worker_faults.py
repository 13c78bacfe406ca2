"""Workers are killed, stopped, join and leave; a state cannot be read."""

from __future__ import annotations

import asyncio
import signal

import asyncpg
import pytest

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.worker import DetectionWorker
from tests.faults.load import as_if_nothing_had_happened, load
from tests.faults.scene import Scene

# A client that connects while the server recovers leaves what asyncpg does not close; it is not ours.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


async def test_a_state_that_cannot_be_read_is_never_replaced_by_an_empty_one(scene: Scene) -> None:
    await scene.publish(30)
    first = scene.start_worker("--until-idle", "1")
    await asyncio.to_thread(first.wait, 60)
    before = await scene.committed()
    connection = await asyncpg.connect(scene.dsn)
    await connection.execute("UPDATE detector_state SET state = substring(state FROM 1 FOR 20)")
    await connection.close()
    await scene.publish(30)
    second = scene.start_worker("--until-idle", "1")
    await asyncio.to_thread(second.wait, 60)
    assert second.returncode not in (0, None)
    assert await scene.committed() == before


async def test_members_come_and_go_under_load(scene: Scene) -> None:
    kafka = KafkaConnection.of(scene.settings.brokers or "", scene.settings)
    stops = [asyncio.Event() for _ in range(3)]
    workers = [DetectionWorker(kafka, scene.dsn, worker_options(scene.settings)) for _ in stops]
    running = []
    async with load(scene):
        for worker, stop in zip(workers, stops, strict=True):
            running.append(asyncio.create_task(worker.run(stop)))
            async with asyncio.timeout(40):
                while not worker.partitions:
                    await asyncio.sleep(0.05)
        for stop, task in list(zip(stops, running, strict=True))[:2]:
            stop.set()
            await task
        await scene.until_committed(await scene.committed() + 1000, patience=40)
    await scene.drain()
    stops[2].set()
    await running[2]
    assert (await scene.audited()).findings == []


@pytest.mark.faults_slow
async def test_kill_9_in_the_middle_of_batches(scene: Scene) -> None:
    async with load(scene):
        for turn in range(3):
            victim = scene.start_worker()
            await scene.until_committed(2000 * (turn + 1))
            victim.kill()
            victim.wait()
            scene.workers.remove(victim)
        scene.start_worker()
        await scene.until_committed(8000, patience=40)
    await as_if_nothing_had_happened(scene)


@pytest.mark.faults_slow
@pytest.mark.timeout(400)
async def test_kill_9_while_sensors_move_to_partitions_that_were_added(scene: Scene) -> None:
    scene.start_worker()
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000, patience=60)
        await scene.add_partitions(5)
        for left in (0, 3):
            async with asyncio.timeout(60):
                while await scene.value("SELECT count(*) FROM sensor_moves WHERE left_off IS NOT NULL") <= left:
                    await asyncio.sleep(0.01)
            victim = scene.workers.pop(0)
            victim.kill()
            victim.wait()
            scene.start_worker()
        await scene.until_committed(await scene.committed() + 4000, patience=90)
    await as_if_nothing_had_happened(scene)
    moved = await scene.value("SELECT count(DISTINCT sensor_id) FROM sensor_moves WHERE left_off IS NOT NULL")
    assert moved > scene.sensors / 3
    assert await scene.value("SELECT count(*) FROM detector_state WHERE sensor_id <> ''") == scene.sensors


@pytest.mark.faults_slow
async def test_a_worker_that_was_stopped_for_two_sessions_is_fenced(scene: Scene) -> None:
    zombie = scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        zombie.send_signal(signal.SIGSTOP)
        before = await scene.committed()
        scene.start_worker()
        await scene.until_committed(before + 2000, patience=40)
        await asyncio.sleep(15)  # the second of two session times, of which the first has just passed
        zombie.send_signal(signal.SIGCONT)
        await scene.until_committed(await scene.committed() + 4000, patience=60)
    await as_if_nothing_had_happened(scene)


@pytest.mark.faults_slow
@pytest.mark.timeout(400)
async def test_thirty_members_join_and_leave_and_progress_goes_on(scene: Scene) -> None:
    kafka = KafkaConnection.of(scene.settings.brokers or "", scene.settings)
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(1000)
        for turn in range(30):
            before = await scene.committed()
            stop = asyncio.Event()
            guest = DetectionWorker(kafka, scene.dsn, worker_options(scene.settings))
            running = asyncio.create_task(guest.run(stop))
            # Every other one leaves before it has been given anything.
            async with asyncio.timeout(60):
                while turn % 2 and not guest.partitions:
                    await asyncio.sleep(0.05)
            stop.set()
            await running
            await scene.until_committed(before + 300, patience=60)
    await as_if_nothing_had_happened(scene)
