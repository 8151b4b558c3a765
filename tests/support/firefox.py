"""Firefox, headless with fake devices, driven over its Marionette port."""

import asyncio
import itertools
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

FIREFOX = os.environ.get("VPAAS_FIREFOX") or shutil.which("firefox-esr")
"""Debian's own; Ubuntu's `firefox` only installs a snap, which sees no profile of ours."""
START_S = 30.0
CALL_S = 30.0
PREFERENCES = {
    "app.update.disabledForTesting": True,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "extensions.update.enabled": False,
    "marionette.port": 0,
    "media.autoplay.default": 0,
    "media.gmp-manager.updateEnabled": False,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.loopback": True,
    "permissions.default.camera": 1,  # without it only the address of the default route is offered
    "permissions.default.microphone": 1,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}
# The value of an expression, or of a function called with the argument, as Playwright's evaluate does it.
EVALUATE = """
const [argument, done] = arguments;
(async () => {
  const value = (%s);
  return await (typeof value === "function" ? value(argument) : value);
})().then((value) => done({ value }), (error) => done({ error: String(error) }));
"""


class Firefox:
    """One tab, with as much of Playwright's Page as our tests use."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._turn = asyncio.Lock()
        self._init_scripts: list[str] = []

    @classmethod
    @asynccontextmanager
    async def running(cls, profile: Path) -> AsyncIterator["Firefox"]:
        """`profile`: an empty directory of its own."""
        assert FIREFOX is not None
        lines = (
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()
        )
        (profile / "user.js").write_text("".join(lines))
        process = await asyncio.create_subprocess_exec(
            FIREFOX, "--headless", "--marionette", "--no-remote", "--profile", str(profile),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={"HOME": str(profile), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        try:
            port = await asyncio.wait_for(_port(profile / "MarionetteActivePort", process), START_S)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            firefox = cls(reader, writer)
            await firefox._receive()
            await firefox._call("WebDriver:NewSession", capabilities={})
            await firefox._call("WebDriver:SetTimeouts", script=int(CALL_S * 1000))
            yield firefox
            writer.close()
        finally:
            process.kill()
            await process.wait()

    async def add_init_script(self, script: str) -> None:
        """Unlike Playwright's it runs when the page has loaded."""
        self._init_scripts.append(script)

    async def goto(self, url: str) -> None:
        await self._call("WebDriver:Navigate", url=url)
        for script in self._init_scripts:
            await self._call("WebDriver:ExecuteScript", script=script, args=[], sandbox=None)

    async def evaluate(self, expression: str, argument: Any = None) -> Any:
        answer = await self._call(
            "WebDriver:ExecuteAsyncScript",
            script=EVALUATE % expression.strip(),
            args=[argument],
            sandbox=None,
        )
        if "error" in answer["value"]:
            raise RuntimeError(answer["value"]["error"])
        return answer["value"].get("value")

    def on(self, event: str, callback: Any) -> None:
        """Marionette tells nothing by itself."""

    async def _call(self, method: str, **parameters: Any) -> Any:
        async with self._turn, asyncio.timeout(CALL_S):
            message = json.dumps([0, next(self._numbers), method, parameters])
            self._writer.write(f"{len(message)}:{message}".encode())
            _, _, error, result = await self._receive()
        if error:
            raise RuntimeError(f"{method}: {error['message']}")
        return result

    async def _receive(self) -> Any:
        length = await self._reader.readuntil(b":")
        return json.loads(await self._reader.readexactly(int(length[:-1])))


async def _port(path: Path, process: asyncio.subprocess.Process) -> int:
    while not (text := _read(path)):
        if process.returncode is not None:
            raise RuntimeError(f"Firefox ended with {process.returncode}")
        await asyncio.sleep(0.1)
    return int(text)


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
