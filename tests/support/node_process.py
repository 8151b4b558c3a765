"""`vpaas serve` as a child process."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

START_S = 20
STOP_S = 15


class NodeProcess:
    def __init__(self, process: asyncio.subprocess.Process, url: str, data_dir: Path) -> None:
        self.url = url
        self.data_dir = data_dir
        self.process = process

    @classmethod
    @asynccontextmanager
    async def running(cls, data_dir: Path, settings: Mapping[str, object]) -> AsyncIterator["NodeProcess"]:
        settings = {"media_listen_ip": "127.0.0.1", **settings}
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from vpaas_api.cli import main; main()",
            "serve", "--port=0", f"--data-dir={data_dir}", *flags,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        log: list[str] = []
        try:
            url = await asyncio.wait_for(_url(process, log), START_S)
            drain = asyncio.create_task(_drain(process, log))
            yield cls(process, url, data_dir)
        except BaseException:
            print("\n".join(log[-50:]))
            raise
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), STOP_S)
        await drain
        assert process.returncode in (0, -signal.SIGTERM), "\n".join(log[-50:])

    async def room(self) -> str:
        """A room made over REST, with the API token of the data directory."""
        token = (self.data_dir / "api-token").read_text().strip()
        async with httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {token}"}) as api:
            return str((await api.post("/vpaas/rooms", json={})).json()["id"])

    async def access_token(self, room: str, **wanted: object) -> str:
        token = (self.data_dir / "api-token").read_text().strip()
        async with httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {token}"}) as api:
            return str((await api.post(f"/vpaas/rooms/{room}/join", json=wanted)).json()["accessToken"])


async def _url(process: asyncio.subprocess.Process, log: list[str]) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        log.append(line.decode())
        if '"server_started"' in log[-1]:
            return str(json.loads(log[-1])["url"])
    raise RuntimeError("the node ended:\n" + "".join(log))


async def _drain(process: asyncio.subprocess.Process, log: list[str]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        log.append(line.decode())
