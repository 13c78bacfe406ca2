"""PostgreSQL crashes, is away, is stopped, is full, and its replies are lost."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from controlroom.adapters.postgres.session import COMMAND_TIMEOUT_S
from controlroom.local import Endpoints, LocalPlant
from controlroom.local.ports import free_ports
from controlroom.local.postgres import let_pass, unprivileged_user
from tests.faults.load import as_if_nothing_had_happened, load
from tests.faults.proxy import proxied
from tests.faults.scene import Scene

# A client that connects while the server recovers leaves what asyncpg does not close; it is not ours.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

MB = 1024 * 1024


def postgres_of(plant: LocalPlant) -> list[psutil.Process]:
    """The server's processes, the postmaster first."""
    (component,) = (c for c in plant.status().components if c.name == "database")
    assert component.pid is not None
    postmaster = psutil.Process(component.pid)
    return [postmaster, *postmaster.children(recursive=True)]


async def test_postgres_crashes_under_load(scene: Scene) -> None:
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        for _ in range(2):
            before = await scene.committed()
            await scene.crash_postgres()
            await scene.until_committed(before + 2000, patience=30)
    await as_if_nothing_had_happened(scene)


async def test_backends_are_killed_again_and_again(scene: Scene) -> None:
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(1000)
        for _ in range(10):
            before = await scene.committed()
            await scene.value(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await scene.until_committed(before + 1, patience=20)
    await as_if_nothing_had_happened(scene)


async def test_a_reply_to_a_commit_is_lost_and_the_worker_resolves_it(scene: Scene) -> None:
    direct = scene.dsn
    async with proxied(direct) as proxy:
        scene.dsn = proxy.dsn
        scene.start_worker()
        scene.dsn = direct
        async with load(scene):
            await scene.until_committed(1000)
            for turn in range(5):
                proxy.lost.clear()
                proxy.lose_after = turn
                async with asyncio.timeout(20):
                    await proxy.lost.wait()
                await scene.until_committed(await scene.committed() + 500)
        await as_if_nothing_had_happened(scene)


@pytest.mark.faults_slow
async def test_kill_9_between_a_commit_and_its_reply(scene: Scene) -> None:
    direct = scene.dsn
    async with proxied(direct) as proxy, load(scene):
        scene.dsn = proxy.dsn
        victim = scene.start_worker()
        scene.dsn = direct
        await scene.until_committed(1000)
        proxy.lose_after = 0
        async with asyncio.timeout(20):
            await proxy.lost.wait()
        victim.kill()
        victim.wait()
        scene.workers.remove(victim)
        scene.start_worker()
        await scene.until_committed(await scene.committed() + 2000, patience=40)
    await as_if_nothing_had_happened(scene)


@pytest.mark.faults_slow
async def test_postgres_is_away_and_memory_stays_bounded(scene: Scene, plant: LocalPlant) -> None:
    worker = scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        before = psutil.Process(worker.pid).memory_info().rss
        assert plant.stop(only={"database"}) == {"database"}
        most = before
        until = time.monotonic() + 15  # the length of the outage
        while time.monotonic() < until:
            most = max(most, psutil.Process(worker.pid).memory_info().rss)
            await asyncio.sleep(0.2)
        assert "commits wait" in scene.log.read_text()
        await asyncio.to_thread(plant.start)
        behind = await scene.committed()
        await scene.until_committed(behind + 1000, patience=20)
        assert most - before < 100 * MB
    await as_if_nothing_had_happened(scene)


@pytest.mark.faults_slow
async def test_postgres_is_stopped_and_time_outs_notice_it(scene: Scene, plant: LocalPlant) -> None:
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        stopped = postgres_of(plant)
        for process in stopped:
            process.send_signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S + 15):
                while "commits wait" not in scene.log.read_text():
                    await asyncio.sleep(0.2)
        finally:
            for process in stopped:
                process.send_signal(signal.SIGCONT)
        await scene.until_committed(await scene.committed() + 2000, patience=30)
    await as_if_nothing_had_happened(scene)


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own for the server's account; skips where this user may not mount one."""
    directory = Path(tempfile.mkdtemp(prefix="controlroom-full-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        directory.rmdir()
        pytest.skip("only root may mount a small file system here")
    try:
        user = unprivileged_user()
        assert user is not None
        os.chown(directory, *user)
        let_pass(directory)
        yield directory
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)
        directory.rmdir()


@pytest.fixture
async def full_scene(endpoints: Endpoints, _template: str, tmp_path: Path) -> AsyncIterator[tuple[Scene, Path]]:
    """A scene whose database is on a small disk of its own."""
    name = f"full_{secrets.token_hex(4)}"
    with small_disk(64) as disk:
        admin = await asyncpg.connect(_template.replace("/test_template", "/postgres"))
        await admin.execute(f"CREATE TABLESPACE {name} LOCATION '{disk}'")
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE test_template TABLESPACE {name}")
        scene = await Scene.make(endpoints.brokers, _template.replace("/test_template", f"/{name}"), tmp_path)
        yield scene, disk
        scene.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.execute(f"DROP TABLESPACE {name}")
        await admin.close()


async def test_the_disk_is_full_for_a_while(full_scene: tuple[Scene, Path]) -> None:
    scene, disk = full_scene
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(2000)
        filler = disk / "filler"
        with filler.open("wb") as file:
            try:
                while True:
                    file.write(bytes(65_536))
                    file.flush()
            except OSError:
                pass
        async with asyncio.timeout(60):
            while "No space left" not in scene.log.read_text():
                await asyncio.sleep(0.2)
        scene.require_alive()
        filler.unlink()
        await scene.until_committed(await scene.committed() + 1000, patience=20)
    await as_if_nothing_had_happened(scene)


async def test_a_failover_to_a_standby_is_waited_out(scene: Scene) -> None:
    name = scene.dsn.rpartition("/")[2]
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
    scene.start_worker()
    async with load(scene):
        await scene.until_committed(1000)
        # All connections are lost, and what they come back to is read-only.
        connection = await asyncpg.connect(scene.dsn)
        await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        await connection.execute(others, name)
        async with asyncio.timeout(30):
            while "read-only" not in scene.log.read_text():
                scene.require_alive()
                await asyncio.sleep(0.1)
        before = await scene.committed()
        done = await asyncio.to_thread(command, scene, "health")
        assert done.returncode == 1
        assert "is read-only (a standby): nothing can be stored" in done.stdout
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        await connection.execute(others, name)
        await connection.close()
        await scene.until_committed(before + 1000, patience=30)
    await as_if_nothing_had_happened(scene)


def command(scene: Scene, *words: str, dsn: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KAFKA_BROKERS": scene.settings.brokers or "", "CONTROLROOM_DSN": dsn or scene.dsn}
    return subprocess.run(
        [sys.executable, "-m", "controlroom", *words],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def pooler(scene: Scene, directory: Path, mode: str) -> Iterator[str]:
    """PgBouncer before the scene's database; the address through it."""
    assert PGBOUNCER is not None
    address = urlsplit(scene.dsn)
    name, (port,) = address.path.lstrip("/"), free_ports(1)
    users, settings = directory / "users", directory / "pgbouncer.ini"
    users.write_text(f'"{address.username}" "{address.password}"\n')
    settings.write_text(
        f"[databases]\n{name} = host={address.hostname} port={address.port} dbname={name}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = plain\n"
        f"auth_file = {users}\npool_mode = {mode}\n"
    )
    owner = unprivileged_user()
    if owner is not None:  # it does not run as root
        for path in (directory, users, settings):
            os.chown(path, *owner)
    process = subprocess.Popen([PGBOUNCER, "-q", str(settings)], user=owner[0] if owner is not None else None)
    try:
        yield f"postgresql://{address.username}:{address.password}@127.0.0.1:{port}/{name}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.skipif(PGBOUNCER is None, reason="needs the command pgbouncer")
@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_behind_a_pooler_it_works_or_says_in_one_line_why_not(scene: Scene, mode: str) -> None:
    await scene.publish(20)
    with tempfile.TemporaryDirectory() as directory, pooler(scene, Path(directory), mode) as dsn:
        async with asyncio.timeout(20):
            while "reachable" in (done := await asyncio.to_thread(command, scene, "alarms", "list", dsn=dsn)).stderr:
                await asyncio.sleep(0.2)  # it is not up yet
        if mode == "transaction":
            # The first one may be lucky: what it leaves behind is what others meet.
            told = [await asyncio.to_thread(command, scene, "alarms", "list", dsn=dsn) for _ in range(3)]
            failed = [done for done in told if done.returncode]
            assert failed
            for done in failed:
                assert done.returncode == 3
                assert done.stderr.startswith("controlroom: a pooler before PostgreSQL changes the connection")
                assert len(done.stderr.strip().splitlines()) == 1
            return
        assert done.returncode == 0, done.stderr
        direct, scene.dsn = scene.dsn, dsn
        worker = scene.start_worker("--until-idle", "1")
        assert await asyncio.to_thread(worker.wait, 60) == 0
        scene.dsn = direct
    assert await scene.committed() == 20 * scene.sensors
