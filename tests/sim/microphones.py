"""Many microphones, each a publisher of its own: plain RTP with audio levels, one packet each 20 ms."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import count

from tests.sim.network import Network
from tests.sim.packets import CODECS, CodecKind
from tests.sim.plain import RTP_SOCKET, PlainPeer
from tests.sim.streams import SENT_EXTENSIONS
from vpaas_core._fastpath.rtp import ExtensionKind

PACKET_US = 20_000
PAYLOAD_TYPE = 111
GROUPS = 20
STREAMS_PER_PEER = 250  # of the 256 that one transport may have
LEVEL_ID = next(number for number, kind in SENT_EXTENSIONS.items() if kind == ExtensionKind.EXT_AUDIO_LEVEL)
HEADER = struct.Struct("!BBHIIHHBBxx")  # RFC 8285 §4.2 around one level

_ssrcs = count(0x20000000)


class Microphone:
    """`Sink` takes it for a source. Payloads end in (ssrc, number): who was heard can be told."""

    codec: CodecKind = CODECS["opus"]
    payload_type = PAYLOAD_TYPE
    closed = False

    def __init__(self, peer: PlainPeer) -> None:
        self.peer = peer
        self.ssrc = next(_ssrcs)
        self.sent = 0
        self.producer = peer.network.core.add_producer(
            peer.transport,
            video=False,
            clock_rate=48000,
            mid="",
            cname="",
            encodings=[(self.ssrc, 0, "")],
            codecs={PAYLOAD_TYPE: self.codec.code},
            rtx={},
            extensions=SENT_EXTENSIONS,
            nack=False,
            pli=False,
            fir=False,
            paused=False,
            key_frame_request_delay_us=0,
        )

    def packet(self, level: int) -> bytes:
        """The next one; `level` in -dBov, with the voice bit set where it is loud (RFC 6464 §3)."""
        self.sent += 1
        voice = 0x80 if level < 50 else 0
        header = HEADER.pack(
            0x90,
            PAYLOAD_TYPE,
            self.sent & 0xFFFF,
            self.sent * 960,
            self.ssrc,
            0xBEDE,
            1,
            LEVEL_ID << 4,
            voice | level,
        )
        return header + b"\xfc" + struct.pack("!II", self.ssrc, self.sent)

    def send(self, level: int) -> None:
        self.peer.network.send(self.peer, self.packet(level), owner=self.peer.transport, socket=RTP_SOCKET)


class Microphones:
    """`talk` sends a packet of each every 20 ms, with the levels of a script."""

    def __init__(self, network: Network, number: int) -> None:
        self.network = network
        self.each: list[Microphone] = []
        for i in range(number):
            if i % STREAMS_PER_PEER == 0:
                peer = PlainPeer(network)
            self.each.append(Microphone(peer))

    def talk(self, levels: Sequence[Sequence[int] | None]) -> None:
        """From now on. None: that one sends nothing. Each has its own time within the 20 ms, up to GROUPS."""
        talking = [
            (microphone, script)
            for microphone, script in zip(self.each, levels, strict=True)
            if script is not None
        ]
        for i in range(GROUPS):
            self.network.after(i * PACKET_US // GROUPS, self._next, talking[i::GROUPS], 0)

    def _next(self, talking: list[tuple[Microphone, Sequence[int]]], at: int) -> None:
        talking = [(microphone, script) for microphone, script in talking if at < len(script)]
        for microphone, script in talking:
            microphone.send(script[at])
        if talking:
            self.network.after(PACKET_US, self._next, talking, at + 1)


def heard(payload: bytes) -> int:
    """The ssrc of the microphone that it came from."""
    return int(struct.unpack("!I", payload[-8:-4])[0])
