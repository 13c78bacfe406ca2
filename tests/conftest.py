"""The local plant for tests: three real brokers and a real PostgreSQL, started once a run, when a test first asks.

Fixtures for tests of other parts:
    endpoints: where the plant answers.
    topics: makes topics with names of their own, so that tests do not meet; they are deleted after the test.
    database: DSN of a fresh, migrated database, dropped after the test.
    pg15_dsn: the same on a PostgreSQL 15 from the system's packages.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from controlroom.local import Endpoints, LocalPlant
from controlroom.local import ports as plant_ports
from controlroom.local.postgres import let_pass, unprivileged_user
from tests.order import shared_out

MakeTopic = Callable[..., Awaitable[str]]

#: Where bridges tell how they are. Without it each of them would wait three seconds for it when it ends.
STATUS_TOPIC = "test-bridge-status"

_PG15_BIN = Path(os.environ.get("CONTROLROOM_TEST_PG15_BIN", "/usr/lib/postgresql/15/bin"))


def pytest_configure() -> None:
    """SIGTERM (a CI that has waited long enough) ends the run as Ctrl-C does: no plant is left behind."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("told to end by SIGTERM"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the plant, however it comes by it, so that `-m "not plant"` is a quick run; see `tests.order`."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        if "plant" in names:
            item.add_marker("plant")
        if "pg15_dsn" in names:
            item.add_marker("pg15")
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes > 1:
        items[:] = shared_out(items, processes)


@pytest.fixture
def plant_dir() -> Iterator[Path]:
    """A directory for a plant of the test's own. Not pytest's: it closes those to the account that PostgreSQL needs."""
    directory = Path(tempfile.mkdtemp(prefix="controlroom-test-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def plant() -> Iterator[LocalPlant]:
    """The plant of this run, on free ports, in a directory of its own; the fetched files come from the user's cache."""
    directory = Path(tempfile.mkdtemp(prefix="controlroom-test-"))
    running = LocalPlant(directory, ports=plant_ports.free_ports(3))
    try:
        endpoints = running.start()
        _run(_make_status_topic(endpoints.brokers))
        yield running
    finally:
        running.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def endpoints(plant: LocalPlant) -> Endpoints:
    """Where the plant answers; a broker that an earlier test took down is started again."""
    return plant.start()


@pytest.fixture
async def topics(endpoints: Endpoints) -> AsyncIterator[MakeTopic]:
    """`name = await topics("readings", partitions=3, config={...})` makes a topic that no other test has."""
    from aiokafka.admin import AIOKafkaAdminClient

    from controlroom.adapters.kafka.topics import ensure_topics
    from controlroom.wire import TopicSpec

    made: list[str] = []

    async def make(stem: str = "topic", *, partitions: int = 1, config: dict[str, str] | None = None) -> str:
        name = f"test-{secrets.token_hex(4)}-{stem}"
        await ensure_topics(endpoints.brokers, [TopicSpec(name, partitions, config or {})])
        made.append(name)
        return name

    yield make
    if made:
        admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.brokers)
        await admin.start()
        try:
            await admin.delete_topics(made)
        finally:
            await admin.close()


@pytest.fixture(scope="session")
def _template(plant: LocalPlant) -> str:
    """DSN of a migrated database that tests' databases are copies of."""
    return _make_template(plant.start().dsn)


@pytest.fixture
def database(_template: str) -> Iterator[str]:
    """DSN of a fresh, migrated database on the plant's PostgreSQL."""
    yield from _copy_of(_template)


@pytest.fixture(scope="session")
def _pg15_template() -> Iterator[str]:
    if not (_PG15_BIN / "initdb").is_file():
        pytest.skip("PostgreSQL 15 is not installed (Debian's package: postgresql-15)")
    directory = Path(tempfile.mkdtemp(prefix="controlroom-pg15-"))
    user = unprivileged_user()  # Debian's initdb refuses root, too
    data = directory / "data"
    data.mkdir(mode=0o700)
    if user:
        os.chown(data, *user)
        let_pass(data)
    identity: dict[str, Any] = {"user": user[0], "group": user[1], "extra_groups": []} if user else {}
    (port,) = plant_ports.free_ports(1)
    log = (directory / "log").open("wb")
    server: subprocess.Popen[bytes] | None = None
    try:
        subprocess.run(
            [_PG15_BIN / "initdb", "-U", "controlroom", "--auth", "trust", "-E", "UTF8", "--locale", "C", "-D", data],
            check=True,
            stdout=log,
            stderr=log,
            cwd="/",
            **identity,
        )
        server = subprocess.Popen(
            [_PG15_BIN / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F"],
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            **identity,
        )
        admin = f"postgresql://controlroom@127.0.0.1:{port}/postgres"
        _await_server(admin)
        yield _make_template(admin)
    finally:
        if server is not None:
            server.terminate()
            server.wait(30)
        log.close()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def pg15_dsn(_pg15_template: str) -> Iterator[str]:
    """DSN of a fresh, migrated database on PostgreSQL 15; skips where it is not installed."""
    yield from _copy_of(_pg15_template)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end on a loop of its own, whatever the test's loop does."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _make_status_topic(brokers: str) -> None:
    from controlroom.adapters.kafka.topics import ensure_topics
    from controlroom.wire import TopicSpec

    await ensure_topics(brokers, [TopicSpec(STATUS_TOPIC, 1, {"cleanup.policy": "compact"})])


async def _execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _in_database(dsn: str, name: str) -> str:
    return re.sub(r"/[^/]*$", f"/{name}", dsn)


def _make_template(admin: str) -> str:
    from controlroom.adapters.postgres.migrate import migrate

    template = _in_database(admin, "test_template")
    _run(_execute(admin, "DROP DATABASE IF EXISTS test_template WITH (FORCE)", "CREATE DATABASE test_template"))
    _run(migrate(template))
    return template


def _copy_of(template: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(4)}"
    admin = _in_database(template, "postgres")
    _run(_execute(admin, f"CREATE DATABASE {name} TEMPLATE test_template"))
    yield _in_database(template, name)
    _run(_execute(admin, f"DROP DATABASE {name} WITH (FORCE)"))


def _await_server(dsn: str, *, patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            _run(_execute(dsn, "SELECT 1"))
        except (OSError, asyncpg.PostgresError):
            if time.monotonic() > deadline:
                raise
        else:
            return
