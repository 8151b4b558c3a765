"""Publishers of layers, as browsers are: simulcast encodings under one clock, or one stream of layers."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from tests.sim.packets import CODECS, Rtp
from tests.sim.peers import Peer
from tests.sim.streams import SENT_EXTENSIONS, SendStream, number_of
from tests.support.svc_stream import (
    TEMPORAL_PATTERNS,
    Frame,
    Packet,
    Stream,
    dependency_descriptor,
    vp9_payload,
    within,
)

MID, RID, REPAIRED_RID, DEPENDENCY_DESCRIPTOR = 1, 4, 5, 7
NAMED_PACKETS = (
    20  # how many carry mid and rid; a browser stops when a report tells that they were understood
)
SIZES = [(320, 180), (640, 360), (1280, 720)]

_numbers = count(1)  # of payloads: no two publishers share one


@dataclass(frozen=True)
class Mode:
    spatial: int
    temporal: int
    inter_layer: bool  # full SVC; else K-SVC, whose layers lean on each other at key pictures only

    @classmethod
    def named(cls, name: str) -> Mode:
        """L1T1 to L3T3, perhaps with _KEY."""
        return cls(int(name[1]), int(name[3]), not name.endswith("_KEY"))


class Pictures:
    """The endless frames of a mode: what each refers to, and what it promises, which is true."""

    def __init__(self, mode: Mode, first_frame: int, first_picture: int) -> None:
        self.mode = mode
        self._frame, self._picture = first_frame, first_picture
        self._phase = self.active = 0
        self._latest: dict[tuple[int, int], Frame] = {}
        self.stream = Stream(mode.spatial, mode.temporal, [])

    def next(self, key: bool, layers: int) -> list[Frame]:
        """The next picture, of so many spatial layers: fewer from a base picture on, more if the mode can."""
        pattern = TEMPORAL_PATTERNS[self.mode.temporal]
        key = key or not self._latest
        self._phase = 0 if key else (self._phase + 1) % len(pattern)
        temporal = pattern[self._phase]
        if key:
            self._latest.clear()
        if key or (temporal == 0 and (self.mode.inter_layer or layers < self.active)):
            self.active = layers
            self._latest = {layer: frame for layer, frame in self._latest.items() if layer[0] < layers}
        frames: list[Frame] = []
        for spatial in range(self.active):
            own = [f for (s, t), f in self._latest.items() if s == spatial and (t < temporal or t == 0)]
            if temporal and not own:
                break
            refs = [max(own, key=lambda frame: frame.picture)] if own else []
            if frames and (self.mode.inter_layer or key):
                refs.append(frames[-1])
                frames[-1].base_for_above = True
            frames.append(Frame(self._frame, self._picture, spatial, temporal, key, refs))
            self._frame += 1
        self._picture += 1
        for frame in frames:
            self._latest[frame.spatial, temporal] = frame
            self._promise(frame, len(frames))
        frames[-1].last_of_picture = True
        return frames

    def _promise(self, frame: Frame, layers: int) -> None:
        """The same as `tell_truth` finds in a steady stream (a test compares them)."""
        for target in self.stream.targets:
            leaned_on = frame.temporal < target[1] or frame.temporal == 0
            leaned_on |= frame.base_for_above and target[0] > frame.spatial
            if not within(frame, target, self.mode.inter_layer):
                dti = 0
            elif not leaned_on:
                dti = 1
            elif (
                frame.key_picture or not self.mode.inter_layer or frame.spatial == min(target[0], layers - 1)
            ):
                dti = 2
            else:
                dti = 3
            frame.dtis.append(dti)
        frame.switching_up = True
        frame.sync = frame.temporal > 0 and all(ref.temporal == 0 for ref in frame.refs)


@dataclass(frozen=True, slots=True, repr=False)
class Sent:
    """What a packet of a publisher was."""

    stream: LayeredStream
    seq: int
    capture: int
    captured_us: int
    frame: Frame
    index: int  # among the frame's packets
    packets: int

    def __repr__(self) -> str:
        f = self.frame
        layer = f"r{self.stream.index} s{f.spatial} t{f.temporal}{' key' * f.key_picture}"
        packet = f"{self.index} of {self.packets}, seq {self.seq}"
        return f"{layer} frame {f.number} of capture {self.capture}, {packet}"


class LayeredStream(SendStream):
    """One ssrc: an encoding of a simulcast publisher, or all of an SVC publisher.

    `says`: who tells the layers: "payload", "dd" (the dependency descriptor), "both" or "none".
    """

    def __init__(
        self,
        publisher: Layered,
        index: int,
        mode: Mode,
        *,
        says: str,
        rid: str = "",
        lag_us: int = 0,
        packets: Sequence[int] = (1, 2, 3),
        payload_bytes: int = 60,
        **stream: Any,
    ) -> None:
        chance = publisher.peer.network.chance
        super().__init__(
            publisher.peer,
            publisher.codec_name,
            first_seq=chance.getrandbits(16),
            timestamp_base=chance.getrandbits(32),
            **stream,
        )
        self.publisher, self.index, self.mode, self.says, self.rid = publisher, index, mode, says, rid
        self.lag_us = lag_us
        self.packets, self.payload_bytes = packets, payload_bytes
        self.layers = mode.spatial  # to be sent
        self.pictures = Pictures(mode, chance.getrandbits(16), chance.getrandbits(15))
        self.frames: list[Frame] = []
        self.key_frames = 0
        self.first_seq = self.seq
        self.numbers: list[int] = []  # of payloads, by sequence number from the first on
        self.frame_numbers: dict[int, list[int]] = {}  # by the frame's id()
        self.in_time: set[int] = set()  # numbers of payloads that reach the node at once and in order
        self.arrived: dict[int, int] = {}  # of all that reach it: when
        self.running = True
        self._tells_active = False  # for ever, once there were fewer layers
        self._tl0, self._key_index = chance.getrandbits(8), chance.getrandbits(5)

    def activate(self, active: bool) -> None:
        """Starts with a key frame, stops at once; numbers and clock go on."""
        self._key_frame_next |= active and not self.running
        self.running = active

    def capture(self, capture: int) -> None:
        if not self.running:
            return
        key, self._key_frame_next = self._key_frame_next, False
        frames = self.pictures.next(key, self.layers)
        self.frames += frames
        self.key_frames += frames[0].key_picture
        self._tl0 += frames[0].temporal == 0
        self._key_index += frames[0].key_picture
        packets = [packet for frame in frames for packet in self._packets(frame, capture)]
        if self.lag_us:
            self.network.after(self.lag_us, self._send_all, packets)
        else:
            self._send_all(packets)

    def _packets(self, frame: Frame, capture: int) -> list[Rtp]:
        result = []
        packets = self.packets[max(self.index, frame.spatial)]
        for index in range(packets):
            packet = Packet(frame, index == 0, index == packets - 1)
            number = next(_numbers)
            now_us = self.network.now_us
            self.publisher.sent[number] = Sent(self, self.seq, capture, now_us, frame, index, packets)
            self.numbers.append(number)
            self.frame_numbers.setdefault(id(frame), []).append(number)
            payload = self._payload(packet)
            payload += bytes(self.payload_bytes - len(payload) - 4) + struct.pack("!I", number)
            extensions = self._extensions(packet)
            rtp = Rtp(
                self.payload_type, self.seq, self.timestamp(), self.ssrc, payload, packet.marker, extensions
            )
            result.append(self._count(rtp))
        return result

    def _send_all(self, packets: list[Rtp]) -> None:
        for packet in packets:
            self._send(packet)

    def _send(self, packet: Rtp) -> None:
        super()._send(packet)
        arrives_us = self.peer.arrives_us
        if arrives_us is not None:
            number = number_of(packet.payload)
            self.arrived.setdefault(number, arrives_us)
            if packet.ssrc == self.ssrc and arrives_us == self.peer.uplink.last_us:
                self.in_time.add(number)

    def _extensions(self, packet: Packet) -> dict[int, bytes]:
        extensions = {}
        if self.rid and self.packets_sent < NAMED_PACKETS:
            extensions = {MID: self.publisher.mid.encode(), RID: self.rid.encode()}
        if self.says in ("dd", "both"):
            extensions[DEPENDENCY_DESCRIPTOR] = dependency_descriptor(
                self.pictures.stream, packet, self._active_targets(packet)
            )
        return extensions

    def _active_targets(self, packet: Packet) -> int | None:
        """Told at the start of each base picture, since any may be lost."""
        self._tells_active |= self.pictures.active < self.mode.spatial
        frame = packet.frame
        if not self._tells_active or not packet.starts or frame.spatial or frame.temporal:
            return None
        targets = enumerate(self.pictures.stream.targets)
        return sum(1 << i for i, (spatial, _) in targets if spatial < self.pictures.active)

    def _retransmission(self, packet: Rtp) -> Rtp:
        """RFC 8852: what is a rid on the stream is a repaired-rid here."""
        extensions = dict(packet.extensions)
        rid = extensions.pop(RID, self.rid.encode())
        if rid and self.resent < NAMED_PACKETS:
            extensions |= {MID: self.publisher.mid.encode(), REPAIRED_RID: rid}
        return super()._retransmission(replace(packet, extensions=extensions))

    def _payload(self, packet: Packet) -> bytes:
        if self.codec_name == "vp8":
            return self._vp8_payload(packet)
        if self.codec_name == "vp9" and self.says in ("payload", "both"):
            return self._vp9_payload(packet)
        if not packet.starts or packet.frame.spatial:
            return self.codec.delta if packet.starts else self.codec.further
        return self.codec.key if packet.frame.key_picture else self.codec.delta

    def _vp8_payload(self, packet: Packet) -> bytes:
        """RFC 7741 §4.2; with the dependency descriptor Chromium leaves the layers out."""
        f = packet.frame
        picture = struct.pack("!H", 0x8000 | f.picture & 0x7FFF)
        data = b"\x11" if f.refs or not packet.starts else b"\x10"
        if self.says == "dd":
            return bytes([0x10 * packet.starts]) + data
        first = bytes([0x80 | 0x10 * packet.starts])
        layer = f.temporal << 6 | f.sync << 5 | self._key_index & 0x1F
        return first + b"\xf0" + picture + bytes([self._tl0 & 0xFF, layer]) + data

    def _vp9_payload(self, packet: Packet) -> bytes:
        """RFC 9628 §4.2, the scalability structure with each key picture."""
        payload = vp9_payload(packet).removesuffix(b"frame")
        if not (packet.starts and packet.frame.key_picture and packet.frame.spatial == 0):
            return payload
        sizes = b"".join(struct.pack("!HH", *size) for size in SIZES[: self.mode.spatial])
        return bytes([payload[0] | 0x02]) + payload[1:] + bytes([self.mode.spatial - 1 << 5 | 0x10]) + sizes


class Layered:
    """A producer of layers: `start` captures a picture every 1/fps s."""

    def __init__(self, peer: Peer, codec: str, *, mid: str = "cam", fps: float = 30) -> None:
        self.peer, self.network, self.mid, self.fps = peer, peer.network, mid, fps
        self.codec_name, self.codec = codec, CODECS[codec]
        self.payload_type, self.rtx_payload_type = 96, 97
        self.streams: list[LayeredStream] = []
        self.sent: dict[int, Sent] = {}  # by the payload's number
        self.producer = 0
        self.running = False
        self.captures = 0
        self._run = 0

    def _publish(self, encodings: list[tuple[int, int, str]], **options: Any) -> None:
        for stream in self.streams:
            self.peer.sends(stream)
        defaults: dict[str, Any] = {
            "video": True,
            "clock_rate": self.codec.clock_rate,
            "mid": self.mid,
            "cname": f"publisher-{self.peer.number}",
            "codecs": {self.payload_type: self.codec.code},
            "rtx": {self.rtx_payload_type: self.payload_type},
            "extensions": SENT_EXTENSIONS,
            "nack": True,
            "pli": True,
            "fir": False,
            "paused": False,
            "key_frame_request_delay_us": 500_000,
        }
        self.producer = self.network.core.add_producer(
            self.peer.transport, encodings=encodings, **{**defaults, **options}
        )

    def start(self) -> None:
        self.running = True
        self._run += 1
        self._next_capture(self._run)

    def stop(self) -> None:
        self.running = False

    def _next_capture(self, run: int) -> None:
        if self.running and run == self._run and not self.peer.left:
            self.capture()
            self.network.after(round(1e6 / self.fps), self._next_capture, run)

    def capture(self, key: bool = False) -> None:
        """A picture now, on all that is active."""
        self.captures += 1
        for stream in self.streams:
            stream._key_frame_next |= key
            stream.capture(self.captures)

    @property
    def key_frame_requests_us(self) -> list[int]:
        return sorted(at_us for stream in self.streams for at_us in stream.key_frame_requests_us)


class Simulcast(Layered):
    """Each captured picture in several sizes, smallest first, each under its own ssrc, clock and numbers."""

    def __init__(
        self,
        peer: Peer,
        codec: str = "vp8",
        encodings: int = 3,
        *,
        by: str = "rid",
        says: str = "",
        temporal: int = 3,
        lags_us: Sequence[int] = (0, 0, 0, 0),
        fps: float = 30,
        reports: bool = True,
        rtx: bool = True,
        key_frame_on_request: bool = True,
        payload_bytes: int = 60,
        **control: Any,
    ) -> None:
        super().__init__(peer, codec, fps=fps)
        says = says or {"vp8": "payload", "vp9": "payload", "h264": "dd", "av1": "dd"}[codec]
        for index in range(encodings):
            self.streams.append(
                LayeredStream(
                    self,
                    index,
                    Mode(1, temporal, True),
                    says=says,
                    rid=f"r{index}" if by == "rid" else "",
                    lag_us=lags_us[index],
                    packets=(1, 2, 4, 5),
                    reports=reports,
                    rtx=rtx,
                    key_frame_on_request=key_frame_on_request,
                    payload_bytes=payload_bytes,
                )
            )
        if by == "rid":
            announced = [(0, 0, stream.rid) for stream in self.streams]
        else:
            announced = [(stream.ssrc, stream.rtx_ssrc, "") for stream in self.streams]
        self._publish(announced, **control)


class Svc(Layered):
    """One stream of spatial and temporal layers."""

    def __init__(
        self,
        peer: Peer,
        codec: str = "vp9",
        mode: str = "L3T3",
        *,
        says: str = "",
        fps: float = 30,
        payload_bytes: int = 60,
        **control: Any,
    ) -> None:
        super().__init__(peer, codec, fps=fps)
        says = says or ("payload" if codec == "vp9" else "dd")
        stream = LayeredStream(self, 0, Mode.named(mode), says=says, payload_bytes=payload_bytes)
        self.streams.append(stream)
        self._publish([(stream.ssrc, stream.rtx_ssrc, "")], **control)

    @property
    def stream(self) -> LayeredStream:
        return self.streams[0]
