"""One Chromium and its pages; page.js does the WebRTC in them."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import Page, Route, async_playwright

from quality import camera
from quality.timeline import Timeline
from tests.support.chromium import CHROMIUM, FLAGS

FPS = 20
ORIGIN = "http://localhost"
"""A secure context; nothing is ever asked of it."""
CAMERA = Path("build/quality/camera.mjpeg")
SCRIPT = Path(__file__).with_name("page.js")

_FLAGS = [
    *(flag for flag in FLAGS if not flag.startswith("--use-fake-device")),
    f"--use-fake-device-for-media-stream=fps={FPS}",
    f"--use-file-for-fake-video-capture={CAMERA.resolve()}",
    # Three encodings at any size: by default a small source loses its highest.
    "--force-fieldtrials=WebRTC-LegacySimulcastLayerLimit/Disabled/",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--enable-logging=stderr",
]
_DECODE_FAILURE = re.compile(r"Failed to decode frame.*?SSRC: (\d+)")


class Browser:
    def __init__(self, browser: PlaywrightBrowser, log: Path) -> None:
        self._browser = browser
        self._log = log

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[Browser]:
        camera.record(CAMERA)
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory) / "chromium.log"
            log.touch()
            async with async_playwright() as playwright:
                chromium = CHROMIUM or playwright.chromium.executable_path
                browser = await playwright.chromium.launch(
                    executable_path=_logging_to(log, chromium), args=_FLAGS
                )
                try:
                    yield cls(browser, log)
                finally:
                    await browser.close()

    async def peer(self, name: str) -> BrowserPeer:
        """A page of its own, and so a process of its own."""
        page = await self._browser.new_page()
        await page.route(f"{ORIGIN}/*", _serve)
        await page.goto(f"{ORIGIN}/")
        return BrowserPeer(page, name)

    def decode_failures(self, ssrc: int) -> int:
        """How many frames of a stream Chromium's decoders have refused: getStats has no counter for it."""
        return _DECODE_FAILURE.findall(self._log.read_text(errors="replace")).count(str(ssrc))

    def keep_log(self, path: Path) -> None:
        shutil.copyfile(self._log, path)


class BrowserPeer:
    """A peer connection in a page. What it measures is in `timeline` after `collect`."""

    def __init__(self, page: Page, name: str) -> None:
        self.name = name
        self.timeline = Timeline()
        self._page = page

    async def call(self, function: str, *arguments: Any) -> Any:
        return await self._page.evaluate(
            "([name, ...all]) => quality[name](...all)", [function, self.name, *arguments]
        )

    async def collect(self) -> Timeline:
        self.timeline.add(await self.call("take"))
        return self.timeline

    async def close(self) -> None:
        await self.collect()
        await self.call("leave")
        await self._page.close()


async def _serve(route: Route) -> None:
    await route.fulfill(content_type="text/html", body=f"<script>{SCRIPT.read_text()}</script>")


def _logging_to(log: Path, chromium: str) -> Path:
    """Chromium with its stderr in a file: its renderers log nowhere else."""
    wrapper = log.with_name("chromium")
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(chromium)} "$@" 2>>{shlex.quote(str(log))}\n')
    wrapper.chmod(0o755)
    return wrapper
