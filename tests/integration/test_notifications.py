"""Notifications to a real SMTP server, and to a real HTTP server that fails, hangs and recovers; a real PostgreSQL."""

from __future__ import annotations

import asyncio
import email
import http.server
import json
import logging
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from email.policy import default as modern
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from controlroom.adapters.notifications.deliveries import Deliveries
from controlroom.adapters.notifications.pending import PendingNotifications
from controlroom.adapters.notifications.policy_file import follow_policy, load_policy
from controlroom.adapters.notifications.sender import AppriseSender, redactor
from controlroom.adapters.notifications.waiting import waiting
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.adapters.postgres.duty import Duty
from controlroom.adapters.postgres.probe import DatabaseProbe
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.events import Detected
from controlroom.core.alarms.model import Severity
from controlroom.core.alarms.policy import Policy, parse_policy
from controlroom.core.records import Signal, Source
from controlroom.errors import ConfigError
from controlroom.local.ports import free_ports
from tests.command import run_beside
from tests.integration.test_store import AT, batch, begun, facts, query

SECRET = "hunter2secret"


@pytest.fixture(params=["18", "15"])
def dsn(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("database" if request.param == "18" else "pg15_dsn")


class Webhook:
    """An HTTP server whose mood can be changed: ok, fail (500), moved (301 to a page), hang (answers when released)."""

    def __init__(self) -> None:
        self.mood = "ok"
        self.got: list[dict[str, Any]] = []
        self.tried = 0
        self.release = threading.Event()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.tried += 1
                mood = hook.mood
                if mood == "hang":
                    hook.release.wait(20)
                if mood == "moved":
                    self.send_response(301)
                    self.send_header("Location", "/login")
                    self.end_headers()
                    return
                if mood != "ok":
                    self.send_error(500)
                    return
                hook.got.append(json.loads(body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"result": {"message_id": 1, "status": "ok"}}')

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def ids(self) -> list[str]:
        return [re.findall(r"^id (\S+)$", got["message"], re.MULTILINE)[0] for got in self.got]

    @property
    def titles(self) -> list[str]:
        return [got["title"] for got in self.got]

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.close()


def policy_for(url: str, **more: str) -> Policy:
    extra = "\n".join(f"{key} = {value}" for key, value in more.items())
    return parse_policy(f'[[receiver]]\nname = "shift"\nurl = "{url}"\nrate_limit = 1000\n{extra}\n')


@asynccontextmanager
async def on_duty(dsn: str, policy: Policy) -> AsyncIterator[Deliveries]:
    wake = asyncio.Event()
    deliveries = Deliveries(
        PendingNotifications(policy, Definitions(), "readings"), AppriseSender(policy), policy, wake.set
    )
    task = asyncio.create_task(Duty(dsn, "w", Definitions(), deliveries.turn, wake).run())
    try:
        yield deliveries
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])
        deliveries.close()


async def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def until_rows(dsn: str, sql: str, count: int, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while len(await query(dsn, sql)) != count:
            await asyncio.sleep(0.05)


async def ring(dsn: str, sensor: str = "temp-1", *, severity: Severity = Severity.CRITICAL) -> None:
    """A critical alarm of a sensor."""
    async with begun(dsn) as store:
        claim = await store.claim()
        first = claim.next_offset or 0
        event = Detected(at=AT + first, severity=severity, value=41.0, limit=40.0, message="too hot")
        signal = Signal(facts(sensor), "limit", event, Source("readings", 0, first))
        await store.commit(batch(first, 1, signals=[signal], sensors={sensor: facts(sensor)}))


async def act(dsn: str, sensor: str = "temp-1") -> None:
    store = AlarmActionStore(dsn, Definitions(), who="alice", whence="test")
    await store.ack_now(sensor, "limit")
    await store.close()


async def test_a_mail_reaches_a_real_smtp_server(dsn: str) -> None:
    got: list[email.message.EmailMessage] = []

    class Keep:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
            assert isinstance(envelope.content, bytes)
            got.append(email.message_from_bytes(envelope.content, policy=modern))  # type: ignore[arg-type]
            return "250 OK"

    (port,) = free_ports(1)
    controller = Controller(Keep(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        url = f"mailto://127.0.0.1:{port}/?from=plant@example.com&to=shift@example.com&mode=insecure"
        async with on_duty(dsn, policy_for(url)):
            await ring(dsn)
            await until(lambda: got)
    finally:
        controller.stop()
    (mail,) = got
    assert mail["Subject"] == "CRITICAL temp-1 limit"
    assert "shift@example.com" in mail["To"]
    body = mail.get_body(("plain", "html"))
    assert body is not None
    assert "too hot" in body.get_content()


async def test_a_text_message_goes_out_by_a_gateway_that_fails_at_first(dsn: str, webhook: Webhook) -> None:
    webhook.mood = "fail"
    async with on_duty(dsn, policy_for(f"smseagle://{SECRET}@127.0.0.1:{webhook.port}/+4915112345678")):
        await ring(dsn)
        await until(lambda: webhook.tried >= 1)
        webhook.mood = "ok"
        await until(lambda: webhook.got, 40)
        await until_rows(dsn, "SELECT 1 FROM notifications WHERE sent_at IS NOT NULL AND topic = 'raised'", 1)
    (sent,) = webhook.got
    assert sent["params"]["to"] == "+4915112345678"
    assert "CRITICAL temp-1 limit" in sent["params"]["message"]


async def test_a_receiver_that_fails_and_hangs_gets_everything_once_and_in_order_when_it_recovers(
    dsn: str, webhook: Webhook
) -> None:
    # A redirect is followed without the message: that the page is there is no delivery.
    webhook.mood = "moved"
    async with on_duty(dsn, policy_for(f"json://127.0.0.1:{webhook.port}/?rto=2")):
        await ring(dsn)
        await until(lambda: webhook.tried >= 1)
        webhook.mood = "fail"
        await until(lambda: webhook.tried >= 2)
        webhook.mood = "hang"
        tried = webhook.tried
        await until(lambda: webhook.tried > tried)
        await act(dsn)
        webhook.mood = "ok"
        webhook.release.set()
        await until(lambda: len(webhook.got) >= 2, 60)
        await until_rows(dsn, "SELECT 1 FROM notifications WHERE sent_at IS NULL", 0)
    assert len(set(webhook.ids)) == 2
    assert [title.removeprefix("DRILL ").split()[0] for title in webhook.titles] == ["CRITICAL", "ACKED"]
    errors = await query(dsn, "SELECT DISTINCT last_error, attempts > 0 AS again FROM notifications")
    assert ("", True) in [tuple(row) for row in errors]


async def test_another_worker_on_duty_sends_the_same_message_again_with_the_same_id(dsn: str, webhook: Webhook) -> None:
    """A worker is lost between the receiver's answer and the mark: the repeat can be told by its id."""
    policy = policy_for(f"json://127.0.0.1:{webhook.port}/")
    async with on_duty(dsn, policy):
        await ring(dsn)
        await until(lambda: webhook.got)
        await until_rows(dsn, "SELECT 1 FROM notifications WHERE sent_at IS NOT NULL", 1)
    await query(dsn, "UPDATE notifications SET sent_at = NULL WHERE topic = 'raised'")
    async with on_duty(dsn, policy):
        await until(lambda: len(webhook.got) == 2)
    assert len(set(webhook.ids)) == 1


async def test_escalation_goes_on_until_the_ack_and_no_further(dsn: str, webhook: Webhook) -> None:
    url = f"json://127.0.0.1:{webhook.port}/"
    text = f'[[receiver]]\nname = "shift"\nurl = "{url}"\nrate_limit = 1000\n[[escalation]]\nwait_s = 0.3\n'
    async with on_duty(dsn, parse_policy(text)):
        await ring(dsn)
        await until(lambda: sum("ESCALATED" in title for title in webhook.titles) >= 2)
        await act(dsn)
        await until(lambda: any("ACKED" in title for title in webhook.titles))
        await until_rows(dsn, "SELECT 1 FROM notifications WHERE sent_at IS NULL", 0)
    last = max(index for index, title in enumerate(webhook.titles) if "ACKED" in title)
    assert not [title for title in webhook.titles[last:] if "ESCALATED" in title]
    assert len(set(webhook.ids)) == len(webhook.ids)


async def test_a_step_escalates_to_others_who_then_hear_of_the_ack_too_and_of_nothing_else(
    dsn: str, webhook: Webhook
) -> None:
    manager = Webhook()
    text = (
        f'[[receiver]]\nname = "shift"\nurl = "json://127.0.0.1:{webhook.port}/"\nrate_limit = 1000\n'
        f'[[receiver]]\nname = "manager"\nurl = "json://127.0.0.1:{manager.port}/"\nrate_limit = 1000\n'
        'tags = ["manager"]\nraises = false\n'
        "[[escalation]]\nwait_s = 0.2\ntags = ['nobody']\n"
        "[[escalation]]\nwait_s = 0.2\ntags = ['manager']\n"
        "[[escalation]]\nwait_s = 600\n"
    )
    try:
        async with on_duty(dsn, parse_policy(text)):
            await ring(dsn, "temp-2")
            await act(dsn, "temp-2")  # before it escalates: the manager never hears of it
            await until(lambda: any("ACKED temp-2" in title for title in webhook.titles))
            await ring(dsn, "temp-1")
            await until(lambda: manager.titles)
            await act(dsn, "temp-1")
            await until(lambda: any("ACKED temp-1" in title for title in webhook.titles))
            await until(lambda: len(manager.titles) == 2)
            await until_rows(dsn, "SELECT 1 FROM notifications WHERE sent_at IS NULL", 0)
        assert [title.partition(" ")[0] for title in manager.titles] == ["ESCALATED", "ACKED"]
        assert all("temp-1" in title for title in manager.titles)
    finally:
        manager.close()


async def test_what_waits_is_seen_with_its_reason(dsn: str, webhook: Webhook) -> None:
    webhook.mood = "fail"
    url = f"json://127.0.0.1:{webhook.port}/"
    probe = DatabaseProbe(dsn, "g", "readings")
    try:
        async with on_duty(dsn, policy_for(url, digest_s="900")):
            await ring(dsn, "temp-1")
            await ring(dsn, "temp-2", severity=Severity.WARNING)
            await until_rows(dsn, "SELECT 1 FROM notifications WHERE attempts > 1", 1)
            view, _ = await probe.probe()
            assert (view.notifications_waiting, view.notifications_failing) == (2, 1)
            assert view.notifications_error.startswith("shift: ")
            found, unplanned = await waiting(dsn, receiver="shift", given_up=False, sent=False, limit=10)
            reasons = {one.planned.sensor_id: one.why for one in found if one.planned.topic == "raised"}
            assert reasons["temp-1"].startswith("failed ")
            assert reasons["temp-2"].startswith("gathered until ")
            assert [one.why.partition(" at ")[0] for one in found if one.planned.topic == "escalated"] == ["escalates"]
            assert unplanned == 0
            told = await run_beside("notify", "pending", "--dsn", dsn)
            assert (told.returncode, len(told.stdout.splitlines())) == (0, 3)
            assert "raised temp-1 limit" in told.stdout
            webhook.mood = "ok"
            await until(lambda: webhook.got, 40)
            async with asyncio.timeout(10):
                while (view := (await probe.probe())[0]).notifications_failing != 0:
                    await asyncio.sleep(0.05)
            assert (view.notifications_waiting, view.notifications_error) == (1, "")
    finally:
        await probe.close()


async def test_a_flood_is_one_incident_for_every_receiver_and_so_is_its_escalation(dsn: str, webhook: Webhook) -> None:
    url = f"json://127.0.0.1:{webhook.port}/"
    text = f'[[receiver]]\nname = "shift"\nurl = "{url}"\nrate_limit = 1000\n[[escalation]]\nwait_s = 1\n'
    text += "[flood]\nupdate_s = 1\n"
    names = [f"temp-{number}" for number in range(300)]
    async with on_duty(dsn, parse_policy(text)):
        async with begun(dsn) as store:
            event = Detected(at=AT, severity=Severity.CRITICAL, value=41.0, limit=40.0, message="too hot")
            signals = [Signal(facts(name), "limit", event, Source("readings", 0, 0)) for name in names]
            await store.commit(batch(0, 1, signals=signals, sensors={name: facts(name) for name in names}))
        await until(lambda: sum("ALARM FLOOD" in title for title in webhook.titles) >= 2, 60)
        await until_rows(dsn, "SELECT DISTINCT occurrence_id FROM notifications WHERE sent_at IS NOT NULL", 300, 60)
    alone = [title for title in webhook.titles if title.startswith("CRITICAL")]
    assert len(alone) <= 10, "what rang before it was a flood"


async def test_what_cannot_be_delivered_is_given_up_and_that_is_an_alarm_until_it_can(
    dsn: str, webhook: Webhook
) -> None:
    webhook.mood = "fail"
    url = f"json://user:{SECRET}@127.0.0.1:{webhook.port}/"
    text = f'give_up_s = 0.5\n[[receiver]]\nname = "shift"\nurl = "{url}"\nkind = "limit"\nrate_limit = 1000\n'
    async with on_duty(dsn, parse_policy(text)):
        await ring(dsn)
        alarm = "SELECT doc FROM alarms WHERE sensor_id = 'receiver:shift' AND kind = 'delivery' AND state = 'UNACK'"
        await until_rows(dsn, alarm, 1)
        webhook.mood = "ok"
        await ring(dsn, "temp-2")
        await until_rows(dsn, alarm.replace("'UNACK'", "'RTN-UNACK'"), 1)
    told = await query(dsn, "SELECT doc FROM alarm_events UNION ALL SELECT to_jsonb(last_error) FROM notifications")
    assert not [row for row in told if SECRET in row["doc"]]
    (posted,) = await query(dsn, "SELECT count(*) AS n FROM outbox WHERE posted AND key = 'receiver:shift'")
    assert posted["n"] >= 2


async def test_a_changed_file_tells_others_at_once_and_a_wrong_one_nobody_else(
    dsn: str, webhook: Webhook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"json://127.0.0.1:{webhook.port}/"

    def receivers(*names: str, more: str = "") -> str:
        return "".join(f'[[receiver]]\nname = "{name}"\nurl = "{url}"\n' for name in names) + more

    async def told(sensor: str) -> set[str]:
        """Who is told of the alarm of a sensor that rings now."""
        await ring(dsn, sensor)
        sql = "SELECT receiver FROM notifications WHERE doc->>'sensor_id' = '{}' AND sent_at IS NOT NULL"
        async with asyncio.timeout(20):
            while not (rows := await query(dsn, sql.format(sensor))):
                await asyncio.sleep(0.05)
        return {row["receiver"] for row in rows}

    path = tmp_path / "notify.toml"
    path.write_text(receivers("shift"))
    policy = load_policy(path)
    async with on_duty(dsn, policy) as deliveries:
        following = asyncio.create_task(follow_policy(path, policy, deliveries.adopt, look_s=0.05))
        try:
            assert await told("temp-1") == {"shift"}
            path.write_text(receivers("manager"))
            await until(lambda: deliveries._policy.named("manager"))
            assert await told("temp-2") == {"manager"}
            # The file is well written, but there is no way to tell him: it changes nothing.
            path.write_text(receivers("manager", more='[[receiver]]\nname = "boss"\nurl_env = "NO_SUCH_URL"\n'))
            await until(lambda: "stay as they were" in caplog.text)
            assert "the environment has no NO_SUCH_URL" in caplog.text
            assert await told("temp-3") == {"manager"}
            assert not following.done()
        finally:
            following.cancel()
            await asyncio.wait([following])


async def test_a_shelf_warns_and_ends_by_the_wall_clock(dsn: str) -> None:
    await ring(dsn)
    store = AlarmActionStore(dsn, Definitions(), who="alice", whence="test")
    await store.shelve("temp-1", "limit", 1.0, "a moment")
    await store.close()
    async with on_duty(dsn, Policy()):
        await until_rows(dsn, "SELECT 1 FROM alarms WHERE state = 'UNACK' AND wake_at IS NULL", 1)
        await until_rows(dsn, "SELECT 1 FROM alarm_notices", 0)
    events = [row["event"] for row in await query(dsn, "SELECT event FROM alarm_events ORDER BY version")]
    assert events == ["raised", "shelved", "shelve-expiring", "unshelved"]


async def test_only_one_of_two_workers_is_on_duty(dsn: str) -> None:
    turns: list[str] = []

    async def note(name: str) -> None:
        turns.append(name)

    tasks = {}
    for name in ("a", "b"):
        duty = Duty(dsn, name, Definitions(), lambda _, name=name: note(name), asyncio.Event())
        tasks[name] = asyncio.create_task(duty.run())
    await until(lambda: len(turns) >= 3)
    assert len(set(turns)) == 1
    first = turns[0]
    tasks[first].cancel()
    await asyncio.wait([tasks[first]])
    (other,) = set(tasks) - {first}
    await until(lambda: other in turns)
    tasks[other].cancel()
    await asyncio.wait([tasks[other]])


def test_no_secret_of_a_url_is_told(caplog: pytest.LogCaptureFixture) -> None:
    redact = redactor([f"mailtos://user%40x:{SECRET}@mail.example.com/?token=abcdef"])
    assert SECRET not in redact(f"535 wrong: {SECRET}")
    assert "token=abcdef" not in redact("GET https://h/?token=abcdef")
    assert redact("see https://me:pw@h/x") == "see https://***@h/x"
    policy = policy_for(f"nosuch://user:{SECRET}@host/")
    assert SECRET not in repr(policy)
    with caplog.at_level(logging.DEBUG), pytest.raises(ConfigError, match="shift") as error:
        AppriseSender(policy)
    assert SECRET not in str(error.value) + caplog.text


def test_a_url_may_come_from_the_environment() -> None:
    policy = parse_policy('[[receiver]]\nname = "shift"\nurl_env = "SHIFT_URL"\n')
    AppriseSender(policy, {"SHIFT_URL": "json://127.0.0.1:1/"}.get)
    with pytest.raises(ConfigError, match="no SHIFT_URL"):
        AppriseSender(policy, {}.get)
