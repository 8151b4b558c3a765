"""`vpaas serve` as an operator starts it: a process, its log, its signals."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("VPAAS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "vpaas_api", "serve", "--port", "0"],
        cwd=tmp_path,
        env=environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_it_starts_serves_and_stops(process: subprocess.Popen[str], tmp_path: Path) -> None:
    assert process.stderr is not None
    started: dict[str, str] = {}
    for line in process.stderr:
        started |= json.loads(line)
        if started["event"] == "server_started":
            break
    assert re.fullmatch(r"http://localhost:\d+", started["url"])
    assert started["file"] == ".vpaas/api-token"
    token = (tmp_path / ".vpaas" / "api-token").read_text().strip()
    rooms = httpx.get(started["url"] + "/vpaas/rooms", headers={"Authorization": f"Bearer {token}"})
    assert rooms.json()["total"] == 0
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
