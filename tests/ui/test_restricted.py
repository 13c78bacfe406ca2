"""The restricted mode: what Textual can do beside drawing is refused."""

from __future__ import annotations

import signal

import pytest

from tests.ui.screen_text import press, screen_text, settle

SIZE = (80, 24)


async def test_no_file_no_link_no_shell(make_app, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda *args, **kwargs: opened.append(args))
    stopped = []
    monkeypatch.setattr("os.kill", lambda pid, number: stopped.append(number))
    before = signal.getsignal(signal.SIGTSTP)
    app = make_app(restricted=True)
    try:
        async with app.run_test(size=SIZE) as pilot:
            await settle(pilot)
            app.action_screenshot(path=str(tmp_path))
            app.deliver_screenshot(path=str(tmp_path))
            app.open_url("https://example.org")
            app.action_suspend_process()
            with pytest.raises(PermissionError), app.suspend():
                pass
            await settle(pilot)
            assert signal.getsignal(signal.SIGTSTP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTSTP, before)
    assert list(tmp_path.iterdir()) == []
    assert opened == []
    assert stopped == []


async def test_the_palette_offers_no_screenshot(make_app):
    for restricted in (False, True):
        app = make_app(restricted=restricted)
        async with app.run_test(size=SIZE) as pilot:
            await settle(pilot)
            titles = [command.title for command in app.get_system_commands(app.screen)]
            assert titles == ["Theme"]
            await press(pilot, "colon")
            assert "creenshot" not in screen_text(app)
