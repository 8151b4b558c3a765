"""Somebody in a call: a browser page, and what its statistics say of the others."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from playwright.async_api import Browser, Page

WAIT_S = 20.0


@dataclass(frozen=True)
class Stream:
    """What one remote participant's source looks and sounds like here."""

    frames: int
    width: int
    height: int
    energy: float
    packets: int
    lost: int
    jitter_s: float
    codec: str


# Notes when the call was joined and when each video showed its first frame.
WATCH = """
window.watch = { joined: 0, first: {} };
const watched = new WeakSet();
setInterval(() => {
  const call = window.vpaas?.call;
  if (call?.connection === "connected") window.watch.joined ||= performance.now();
  for (const video of document.querySelectorAll("video")) {
    const id = video.srcObject?.id;
    if (!id || watched.has(video.srcObject)) continue;
    watched.add(video.srcObject);
    video.requestVideoFrameCallback((now) => (window.watch.first[id] ??= now));
  }
}, 20);
"""

PICTURE = """
(id) => {
  const video = [...document.querySelectorAll("video")].find((each) => each.srcObject?.id === id);
  if (!video?.videoWidth) return null;
  const canvas = Object.assign(document.createElement("canvas"), { width: 16, height: 9 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, 16, 9);
  return context.getImageData(0, 0, 16, 9).data.join();
}
"""

STREAMS = """
async () => {
  const { recv } = await window.vpaas.call.getStats();
  const entries = [...(recv.values ? recv.values() : recv)];
  const found = [];
  for (const participant of window.vpaas.call.participants.values()) {
    for (const stream of participant.streams.values()) {
      const stats = entries.find((s) => s.type === "inbound-rtp" && s.trackIdentifier === stream.track.id);
      const codec = entries.find((s) => s.id === stats?.codecId)?.mimeType ?? "";
      found.push({ name: participant.displayName, source: stream.source, muted: stream.paused,
                   stream: stream.stream.id, stats, codec });
    }
  }
  return found;
}
"""


class Caller:
    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name
        self.page_errors: list[str] = []
        page.on("pageerror", lambda error: self.page_errors.append(str(error)))

    @classmethod
    async def enter(cls, browser: Browser, url: str, name: str, options: Mapping[str, str]) -> "Caller":
        context = await browser.new_context(viewport={"width": 800, "height": 450})
        caller = cls(await context.new_page(), name)
        await caller.page.add_init_script(WATCH)
        await caller.open(url, options)
        return caller

    async def open(self, url: str, options: Mapping[str, str]) -> None:
        await self.page.goto(f"{url}/?{urlencode({'name': self.name, 'autojoin': '1', **options})}")

    async def until(
        self, what: str, condition: Callable[[], Awaitable[Any]], within_s: float = WAIT_S
    ) -> Any:
        """Waits for a condition to become true, and returns its value; fails with what is seen instead."""
        deadline = time.monotonic() + within_s
        while True:
            value = await condition()
            if value:
                return value
            if time.monotonic() > deadline:
                state = await self.page.evaluate("window.vpaas?.call?.connection")
                raise AssertionError(
                    f"{self.name}: not {what} within {within_s} s; {state}: {await self.streams()}"
                )
            await asyncio.sleep(0.1)

    async def streams(self) -> dict[tuple[str, str], Stream]:
        """By (participant's name, source)."""
        if not await self.page.evaluate("!!window.vpaas?.call"):
            return {}
        return {
            (each["name"], each["source"]): _stream(each["stats"] or {}, each["codec"])
            for each in await self.page.evaluate(STREAMS)
        }

    async def sees(
        self, name: str, *, source: str = "camera", frames: int = 15, within_s: float = WAIT_S
    ) -> Stream:
        """Waits until that many more frames of a video are decoded, and the picture has changed."""
        before = (await self.streams()).get((name, source))
        start = before.frames if before else 0
        picture = await self._picture(name, source)

        async def decoded() -> Stream | None:
            stream = (await self.streams()).get((name, source))
            if stream is None or stream.frames < start + frames:
                return None
            return stream if await self._picture(name, source) not in (None, picture) else None

        found: Stream = await self.until(f"seeing {name}'s {source}", decoded, within_s)
        return found

    async def hears(self, name: str, within_s: float = WAIT_S) -> Stream:
        """Waits until more energy of somebody's microphone has arrived."""
        before = (await self.streams()).get((name, "microphone"))
        energy = before.energy if before else 0.0

        async def louder() -> Stream | None:
            stream = (await self.streams()).get((name, "microphone"))
            return stream if stream is not None and stream.energy > energy + 0.01 else None

        found: Stream = await self.until(f"hearing {name}", louder, within_s)
        return found

    async def first_picture_s(self, name: str) -> float:
        """Seconds from having joined until somebody's camera was first shown."""
        stream = await self._stream_id(name, "camera")
        watch = await self.page.evaluate("window.watch")
        return float(watch["first"][stream] - watch["joined"]) / 1000

    async def _picture(self, name: str, source: str) -> str | None:
        """A thumbnail of what is shown now."""
        picture: str | None = await self.page.evaluate(PICTURE, await self._stream_id(name, source))
        return picture

    async def _stream_id(self, name: str, source: str) -> str | None:
        if not await self.page.evaluate("!!window.vpaas?.call"):
            return None
        for each in await self.page.evaluate(STREAMS):
            if (each["name"], each["source"]) == (name, source):
                return str(each["stream"])
        return None

    async def others(self) -> set[str]:
        return set(
            await self.page.evaluate("[...window.vpaas.call.participants.values()].map(p => p.displayName)")
        )

    async def transport(self) -> dict[str, Any]:
        """The sending transport's own statistics."""
        stats: dict[str, Any] = await self.page.evaluate(
            """async () => {
              const { send } = await window.vpaas.call.getStats();
              return [...(send.values ? send.values() : send)].find((s) => s.type === "transport");
            }"""
        )
        return stats

    async def sent_report(self, kind: str) -> dict[str, Any] | None:
        """What the node reports of our own stream of a kind (remote-inbound-rtp)."""
        report: dict[str, Any] | None = await self.page.evaluate(
            """async (kind) => {
              const { send } = await window.vpaas.call.getStats();
              const all = [...(send.values ? send.values() : send)];
              return all.find((s) => s.type === "remote-inbound-rtp" && s.kind === kind) ?? null;
            }""",
            kind,
        )
        return report

    async def leave(self) -> None:
        await self.page.evaluate("window.vpaas.call.destroy()")


def _stream(stats: dict[str, Any], codec: str) -> Stream:
    return Stream(
        frames=stats.get("framesDecoded", 0),
        width=stats.get("frameWidth", 0),
        height=stats.get("frameHeight", 0),
        energy=stats.get("totalAudioEnergy", 0.0),
        packets=stats.get("packetsReceived", 0),
        lost=stats.get("packetsLost", 0),
        jitter_s=stats.get("jitter", 0.0),
        codec=codec,
    )
