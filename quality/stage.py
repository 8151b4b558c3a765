"""The engine with browsers around it: who publishes, who views, over which path."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from quality.browser import FPS, Browser, BrowserPeer
from quality.impair import ImpairedPath, Impairment
from quality.timeline import Timeline
from vpaas_core import Consumer, Engine, Producer, Router, WebRtcTransport
from vpaas_core.sdp import PlayNegotiation, PublishNegotiation

WIDTH, HEIGHT = 1280, 720
START_KBPS = 4000
CONNECT_S = 15.0
POLL_S = 0.1
CLEAN = Impairment()


@dataclass(frozen=True)
class Format:
    """How a browser is told to publish."""

    codec: str
    """ "VP8", "H264", "VP9", "AV1"."""
    mode: str
    """ "simulcast" (three encodings), or a scalability mode."""

    @property
    def name(self) -> str:
        return f"{self.codec} {self.mode}"

    @property
    def fmtp(self) -> str:
        """What tells the codec's variant among those a browser has."""
        variants = {"H264": "packetization-mode=1;profile-level-id=42e01f", "VP9": "profile-id=0"}
        return variants.get(self.codec, "")

    @property
    def encodings(self) -> list[dict[str, Any]]:
        if self.mode == "simulcast":
            # Without a mode Chromium makes several encodings of VP9 or AV1 the layers of one stream.
            mode = {"scalabilityMode": "L1T3"} if self.codec in ("VP9", "AV1") else {}
            return [
                {"rid": "q", "scaleResolutionDownBy": 4, "maxBitrate": 300_000, **mode},
                {"rid": "h", "scaleResolutionDownBy": 2, "maxBitrate": 700_000, **mode},
                {"rid": "f", "scaleResolutionDownBy": 1, "maxBitrate": 1_500_000, **mode},
            ]
        return [{"scalabilityMode": self.mode, "maxBitrate": 3_500_000}]


@dataclass
class Publisher:
    peer: BrowserPeer
    transport: WebRtcTransport
    producer: Producer

    @property
    def key_frame_requests(self) -> int:
        """So far, for all encodings."""
        return sum(int(entry["pliCount"]) for entry in self.producer.get_stats())


@dataclass
class Viewer:
    peer: BrowserPeer
    transport: WebRtcTransport
    consumer: Consumer
    path: ImpairedPath | None = None
    connected_s: float | None = None
    """When the node had the keys; seconds since the epoch."""
    layers: list[tuple[float, Any]] = field(default_factory=list)
    """What the node has said of the current layers, and when."""

    @property
    def timeline(self) -> Timeline:
        return self.peer.timeline

    @property
    def ssrc(self) -> int:
        ssrc = self.consumer.rtp_parameters.encodings[0].ssrc
        assert ssrc is not None
        return ssrc


class Stage:
    """One engine, one router, one browser; all of a row happens here."""

    def __init__(self, router: Router, browser: Browser, stack: AsyncExitStack) -> None:
        self.router = router
        self.browser = browser
        self._stack = stack

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Stage]:
        async with AsyncExitStack() as stack:
            engine = await stack.enter_async_context(Engine())
            browser = await stack.enter_async_context(Browser.running())
            yield cls(engine.create_router(), browser, stack)

    async def publisher(self, wanted: Format, width: int = WIDTH, height: int = HEIGHT) -> Publisher:
        """Chromium's fake camera, at its full bitrate from the start."""
        peer = await self.browser.peer("publisher")
        offer = await peer.call(
            "publish",
            {
                "mimeType": f"video/{wanted.codec}",
                "fmtp": wanted.fmtp,
                "encodings": wanted.encodings,
                "width": width,
                "height": height,
                "fps": FPS,
            },
        )
        negotiation = PublishNegotiation(offer, self.router.rtp_capabilities)
        [section] = negotiation.sections
        parameters = section.rtp_parameters
        assert parameters is not None
        if wanted.mode != "simulcast":  # signalling tells this, for an offer has no word for it
            [encoding] = parameters.encodings
            parameters = replace(parameters, encodings=[replace(encoding, scalability_mode=wanted.mode)])
        transport = self.router.create_web_rtc_transport()
        transport.connect(negotiation.dtls_parameters)
        producer = transport.produce(kind="video", rtp_parameters=parameters)
        answer = negotiation.answer(
            transport.ice_parameters, transport.ice_candidates, transport.dtls_parameters
        )
        await peer.call("accept", _at_full_rate(answer, parameters.codecs[0].payload_type))
        await _connected(transport)
        return Publisher(peer, transport, producer)

    async def viewer(
        self,
        producer: Producer | None,
        *,
        name: str = "viewer",
        up: Impairment = CLEAN,
        down: Impairment = CLEAN,
        seed: int = 0,
        watch_picture: bool = False,
        **options: Any,
    ) -> Viewer:
        """Somebody who consumes it, or who has a slot if it is None, over a path of these qualities.

        `options` are Transport.consume's and Transport.consume_slot's.
        """
        peer = await self.browser.peer(name)
        av1 = producer is not None and producer.rtp_parameters.codecs[0].mime_type == "video/AV1"
        offer = await peer.call("view", watch_picture, av1)
        negotiation = PlayNegotiation(offer, self.router.rtp_capabilities)
        [section] = negotiation.sections
        capabilities = section.rtp_capabilities
        assert capabilities is not None
        transport = self.router.create_web_rtc_transport()
        options = {"rtp_capabilities": capabilities, "mid": section.mid, **options}
        if producer is None:
            consumer = transport.consume_slot(kind="video", **options)
        else:
            consumer = transport.consume(producer_id=producer.id, **options)
        viewer = Viewer(peer, transport, consumer)
        _note(viewer)
        transport.connect(negotiation.dtls_parameters)
        candidates = transport.ice_candidates
        if (up, down) != (CLEAN, CLEAN):
            viewer.path = ImpairedPath((candidates[0].address, candidates[0].port), up, down, seed)
            self._stack.callback(viewer.path.close)
            host, port = viewer.path.address
            candidates = [replace(candidates[0], ip=host, address=host, port=port)]
        answer = negotiation.answer(
            transport.ice_parameters,
            candidates,
            transport.dtls_parameters,
            consumers={section.index: consumer.rtp_parameters},
        )
        await peer.call("accept", answer)
        await _connected(transport)
        return viewer

    def decode_failures(self, viewer: Viewer) -> int:
        """So far."""
        return self.browser.decode_failures(viewer.ssrc)


async def collect(*ends: Publisher | Viewer) -> None:
    """What they have measured so far is in their timelines."""
    await asyncio.gather(*(end.peer.collect() for end in ends))


async def playing(*viewers: Viewer, width: int, within_s: float = CONNECT_S) -> None:
    """Until each of them is shown pictures of that width. Raises AssertionError if one is not."""
    for viewer in viewers:
        await until(viewer, lambda seen: bool(seen.frames) and seen.frames[-1].width == width, within_s)


async def until(viewer: Viewer, condition: Callable[[Timeline], bool], within_s: float = CONNECT_S) -> None:
    """Raises AssertionError, with what was seen last, when it does not come true."""
    deadline_s = time.time() + within_s
    while not condition(await viewer.peer.collect()):
        frames, samples = viewer.timeline.frames[-1:], viewer.timeline.samples[-1:]
        assert time.time() < deadline_s, f"{viewer.peer.name} after {within_s} s: {frames} {samples}"
        await asyncio.sleep(POLL_S)


def _note(viewer: Viewer) -> None:
    def on_dtls(state: str) -> None:
        if state == "connected":
            viewer.connected_s = time.time()

    viewer.transport.on("dtlsstatechange", on_dtls)
    if "layerschange" in viewer.consumer.EVENTS:
        viewer.consumer.on("layerschange", lambda layers: viewer.layers.append((time.time(), layers)))


async def _connected(transport: WebRtcTransport) -> None:
    deadline_s = time.time() + CONNECT_S
    while transport.dtls_state != "connected":
        assert time.time() < deadline_s, f"DTLS is {transport.dtls_state}: {transport.dtls_failure}"
        await asyncio.sleep(0.01)


def _at_full_rate(answer: str, payload_type: int) -> str:
    """The sender neither probes nor backs off: this is about layers, not about bandwidth estimation."""
    rate = f"x-google-start-bitrate={START_KBPS};x-google-min-bitrate={START_KBPS}"
    lines = answer.split("\r\n")
    fmtp = next((i for i, line in enumerate(lines) if line.startswith(f"a=fmtp:{payload_type} ")), None)
    if fmtp is not None:
        lines[fmtp] += f";{rate}"
    else:
        rtpmap = next(i for i, line in enumerate(lines) if line.startswith(f"a=rtpmap:{payload_type} "))
        lines.insert(rtpmap + 1, f"a=fmtp:{payload_type} {rate}")
    return "\r\n".join(lines)
