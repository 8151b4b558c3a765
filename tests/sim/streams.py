"""One stream as a publisher sends it, and as a viewer receives it."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from tests.sim.packets import CODECS, CodecKind, Rtp
from vpaas_core._fastpath import rtcp
from vpaas_core._fastpath.rtp import ExtensionKind

if TYPE_CHECKING:
    from tests.sim.peers import Peer

PUBLISHER_NTP_S = 3_900_000_000  # the publisher's clock is far from the node's
NACK_AFTER_US = 5_000
NACK_TRIES_MAX = 10

# The publishers' header extension ids, and the viewers'
SENT_EXTENSIONS: dict[int, int] = {
    1: ExtensionKind.EXT_MID,
    2: ExtensionKind.EXT_ABS_SEND_TIME,
    3: ExtensionKind.EXT_AUDIO_LEVEL,
    4: ExtensionKind.EXT_RID,
    5: ExtensionKind.EXT_REPAIRED_RID,
    6: ExtensionKind.EXT_VIDEO_ORIENTATION,
    7: ExtensionKind.EXT_DEPENDENCY_DESCRIPTOR,
}
RECEIVED_EXTENSIONS: dict[int, int] = {
    ExtensionKind.EXT_MID: 11,
    ExtensionKind.EXT_ABS_SEND_TIME: 12,
    ExtensionKind.EXT_AUDIO_LEVEL: 13,
    ExtensionKind.EXT_VIDEO_ORIENTATION: 14,
    ExtensionKind.EXT_DEPENDENCY_DESCRIPTOR: 10,
}

_ssrcs = count(0x1000)


class SendStream:
    """One ssrc of a publisher, with its retransmissions: what was sent, what was asked for.

    Each payload ends in a number of its own, so that a viewer's packet can be told: `number_of(payload)`.
    """

    def __init__(
        self,
        peer: Peer,
        codec: str,
        *,
        ssrc: int | None = None,
        payload_type: int = 96,
        rtx: bool = True,
        rtx_payload_type: int = 97,
        first_seq: int = 1000,
        timestamp_base: int = 0xFFFF0000,  # wraps soon
        reports: bool = True,
        key_frame_on_request: bool = True,
    ) -> None:
        self.peer, self.network = peer, peer.network
        self.codec_name, self.codec = codec, CODECS[codec]
        self.ssrc = ssrc if ssrc is not None else next(_ssrcs)
        self.rtx_ssrc = next(_ssrcs) if rtx and self.codec.video else 0
        self.payload_type, self.rtx_payload_type = payload_type, rtx_payload_type
        self.reports = reports
        self.key_frame_on_request = key_frame_on_request
        self.seq, self.rtx_seq = first_seq, 500
        self.timestamp_base = timestamp_base
        self.sent: dict[int, Rtp] = {}  # by sequence number
        self.packets_sent = self.octets_sent = self.resent = self.resent_arrived = 0
        self.key_frame_requests_us: list[int] = []
        self.nacks: Counter[int] = Counter()
        self._key_frame_next = True
        self.running = False

    def stop(self) -> None:
        self.running = False

    def timestamp(self, at_us: int | None = None) -> int:
        now_us = self.network.now_us if at_us is None else at_us
        return (self.timestamp_base + now_us * self.codec.clock_rate // 1_000_000) & 0xFFFFFFFF

    def _count(self, packet: Rtp) -> Rtp:
        """The packet is remembered as sent."""
        self.sent[self.seq & 0xFFFF] = packet
        self.seq += 1
        self.packets_sent += 1
        self.octets_sent += len(packet.payload)
        return packet

    def sender_report(self) -> dict[str, int]:
        return {
            "ssrc": self.ssrc,
            "ntp": publisher_ntp(self.network.now_us),
            "rtp_timestamp": self.timestamp(),
            "packet_count": self.packets_sent,
            "octet_count": self.octets_sent,
        }

    def key_frame_asked(self) -> None:
        self.key_frame_requests_us.append(self.network.now_us)
        self._key_frame_next |= self.key_frame_on_request

    def nacked(self, entries: Iterable[tuple[int, int]]) -> None:
        for pid, blp in entries:
            for seq in [pid, *(pid + 1 + bit for bit in range(16) if blp >> bit & 1)]:
                self.nacks[seq & 0xFFFF] += 1
                self.resend(seq & 0xFFFF)

    def resend(self, seq: int) -> None:
        packet = self.sent.get(seq)
        if packet is None or not self.rtx_ssrc:
            return
        self.resent += 1
        self._send(self._retransmission(packet))
        self.resent_arrived += self.peer.arrives_us is not None
        self.rtx_seq += 1

    def _send(self, packet: Rtp) -> None:
        """In the two-byte form of RFC 8285 when it must be, as browsers do."""
        self.peer.send_rtp(packet, any(len(data) > 16 for data in packet.extensions.values()))

    def _retransmission(self, packet: Rtp) -> Rtp:
        return replace(
            packet,
            payload_type=self.rtx_payload_type,
            seq=self.rtx_seq,
            ssrc=self.rtx_ssrc,
            payload=struct.pack("!H", packet.seq & 0xFFFF) + packet.payload,
        )


class Source(SendStream):
    """A stream of `codec`: `start` sends a frame every 1/fps s; PLI, FIR and NACK are answered."""

    def __init__(
        self,
        peer: Peer,
        codec: str,
        *,
        rtx: bool = True,
        fps: float | None = None,
        packets_per_frame: int = 3,
        payload_bytes: int = 200,
        mid: str = "",
        extensions: Callable[[], dict[int, bytes]] = dict,
        sent_extensions: dict[int, int] | None = None,
        announced: bool = True,
        paused: bool = False,
        nack: bool = True,
        key_frame_delay_us: int = 500_000,
        **stream: Any,
    ) -> None:
        super().__init__(peer, codec, rtx=rtx, **stream)
        self.mid = mid
        self.fps = fps or (30 if self.codec.video else 50)
        self.packets_per_frame = packets_per_frame if self.codec.video else 1
        self.payload_bytes = payload_bytes
        self.extensions = extensions
        self.number = 0
        self.sent_at_us: dict[int, int] = {}  # by the payload's number
        self._run = 0
        self.producer = self.network.core.add_producer(
            peer.transport,
            video=self.codec.video,
            clock_rate=self.codec.clock_rate,
            mid=mid,
            cname=f"publisher-{peer.number}",
            encodings=[(self.ssrc, self.rtx_ssrc, "") if announced else (0, 0, "")],
            codecs={self.payload_type: self.codec.code},
            rtx={self.rtx_payload_type: self.payload_type} if self.rtx_ssrc else {},
            extensions=SENT_EXTENSIONS if sent_extensions is None else sent_extensions,
            nack=nack,
            pli=self.codec.video,
            fir=False,
            paused=paused,
            key_frame_request_delay_us=key_frame_delay_us,
        )

    def start(self) -> Source:
        self.running = True
        self._run += 1
        self._next_frame(self._run)
        return self

    def _next_frame(self, run: int) -> None:
        if self.running and run == self._run:
            self.send_frame()
            self.network.after(round(1e6 / self.fps), self._next_frame, run)

    def send_frame(self, key: bool = False) -> list[int]:
        """Sends one frame now; returns the numbers of its payloads."""
        key, self._key_frame_next = key or self._key_frame_next, False
        numbers = []
        for i in range(self.packets_per_frame):
            start = self.codec.further if i else self.codec.key if key else self.codec.delta
            last = self.codec.video and i == self.packets_per_frame - 1
            packet = self.next_packet(start, marker=last)
            numbers.append(self.number)
            self.peer.send_rtp(packet)
        return numbers

    def next_packet(self, start: bytes, *, marker: bool = False, payload: bytes | None = None) -> Rtp:
        """The next packet, counted and remembered as sent."""
        self.number += 1
        if payload is None:
            payload = start + bytes(self.payload_bytes - len(start) - 4) + struct.pack("!I", self.number)
        extensions = self.extensions()
        if self.mid:
            extensions = {1: self.mid.encode(), **extensions}
        self.sent_at_us[self.number] = self.network.now_us
        return self._count(
            Rtp(self.payload_type, self.seq, self.timestamp(), self.ssrc, payload, marker, extensions)
        )


def publisher_ntp(at_us: int) -> int:
    return (PUBLISHER_NTP_S << 32) + (at_us << 32) // 1_000_000


def number_of(payload: bytes) -> int:
    return int(struct.unpack("!I", payload[-4:])[0])


class Published(Protocol):
    """What a consumer is made of."""

    codec: CodecKind
    payload_type: int
    producer: int


class Sink:
    """A consumer as its viewer sees it: what came, in which order; asks for what is missing; reports."""

    def __init__(
        self,
        peer: Peer,
        source: Published | None,
        *,
        codec: str = "",  # of a slot, which has no source yet
        payload_type: int = 120,
        rtx: bool = True,
        rtx_payload_type: int = 121,
        first_seq: int = 20_000,
        mid: str = "",
        paused: bool = False,
        nack: bool = True,
        reports: bool = True,
        ssrc: int | None = None,
        extensions: dict[int, int] | None = None,
    ) -> None:
        self.peer, self.network, self.source = peer, peer.network, source
        self.codec = CODECS[codec] if source is None else source.codec
        self.ssrc = ssrc if ssrc is not None else next(_ssrcs)
        rtx = rtx and self.codec.video
        self.rtx_ssrc = next(_ssrcs) if rtx else 0
        self.payload_type, self.rtx_payload_type = payload_type, rtx_payload_type
        self.nack, self.reports = nack and self.codec.video, reports
        self.packets: dict[int, Rtp] = {}  # by extended sequence number, retransmitted ones as they were
        self.order: list[int] = []  # extended sequence numbers as they came
        self.arrived_us: dict[int, int] = {}
        self.retransmitted: set[int] = set()
        self.sender_reports: list[tuple[int, dict[str, int]]] = []
        self._first = self._highest = -1
        self._missing: dict[int, list[int]] = {}  # seq -> [due, tries]
        self._watching = False
        self._expected_prior = self._received_prior = self._received = 0
        self._transit = 0
        self._jitter = 0.0
        self.consumer = self.network.core.add_consumer(
            peer.transport,
            None if source is None else source.producer,
            video=self.codec.video,
            clock_rate=self.codec.clock_rate,
            ssrc=self.ssrc,
            rtx_ssrc=self.rtx_ssrc,
            mid=mid,
            payload_types={} if source is None else {source.payload_type: payload_type},
            rtx_payload_type=rtx_payload_type if rtx else None,
            extensions=RECEIVED_EXTENSIONS if extensions is None else extensions,
            first_seq=first_seq,
            first_rtx_seq=700,
            paused=paused,
        )

    def switch_to(self, source: Published | None) -> None:
        """Gets another source from now on, or none, under the same numbers."""
        types = {} if source is None else {source.payload_type: self.payload_type}
        self.source = source
        self.network.core.switch_consumers([self.consumer], source.producer if source else None, [types])

    # Packets

    def receive(self, packet: Rtp) -> None:
        if packet.ssrc == self.rtx_ssrc:
            assert packet.payload_type == self.rtx_payload_type
            seq = self._extend(int.from_bytes(packet.payload[:2]))
            packet = replace(
                packet,
                ssrc=self.ssrc,
                payload_type=self.payload_type,
                seq=seq & 0xFFFF,
                payload=packet.payload[2:],
            )
            if seq in self.packets:
                return
            self.retransmitted.add(seq)
        else:
            seq = self._extend(packet.seq)
            self._statistics(packet)
        if seq in self._missing:
            del self._missing[seq]
        if self._highest >= 0 and seq > self._highest + 1 and self.nack:
            for missing in range(self._highest + 1, seq):
                self._missing[missing] = [self.network.now_us + NACK_AFTER_US, 0]
            self._watch()
        if self._first < 0:
            self._first = seq
        self._highest = max(self._highest, seq)
        self.packets[seq] = packet
        self.order.append(seq)
        self.arrived_us[seq] = self.network.now_us

    def _extend(self, seq: int) -> int:
        if self._highest < 0:
            return seq
        return self._highest + (seq - self._highest + 0x8000) % 0x10000 - 0x8000

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            self.network.after(NACK_AFTER_US, self._ask)

    def _ask(self) -> None:
        self._watching = False
        now_us = self.network.now_us
        due = [seq for seq, (due_us, _) in self._missing.items() if due_us <= now_us]
        for seq in due:
            entry = self._missing[seq]
            entry[0], entry[1] = now_us + 100_000, entry[1] + 1
            if entry[1] >= NACK_TRIES_MAX:
                del self._missing[seq]
        if due and not self.peer.left:
            self.ask_again(due)
        if self._missing:
            self._watch()

    def ask_again(self, seqs: list[int]) -> None:
        self.peer.send_rtcp(
            rtcp.build_nack(self.peer.rtcp_ssrc, self.ssrc, [seq & 0xFFFF for seq in sorted(seqs)])
        )

    def ask_key_frame(self) -> None:
        self.peer.send_rtcp(rtcp.build_pli(self.peer.rtcp_ssrc, self.ssrc))

    # What came

    @property
    def numbers(self) -> list[int]:
        """The publisher's numbers of the payloads, in sequence order."""
        packets = (self.packets[seq] for seq in sorted(self.packets))
        return [number_of(packet.payload) for packet in packets if packet.payload]

    @property
    def timestamps(self) -> list[int]:
        """In sequence order, unwrapped."""
        result: list[int] = []
        for seq in sorted(self.packets):
            value = self.packets[seq].timestamp
            result.append(
                value if not result else result[-1] + (value - result[-1] + (1 << 31)) % (1 << 32) - (1 << 31)
            )
        return result

    def assert_continuous(self) -> None:
        """No number is missing, no timestamp goes back, no packet comes twice or out of order."""
        seqs = sorted(self.packets)
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        assert self.timestamps == sorted(self.timestamps)
        assert self.numbers == sorted(set(self.numbers))

    # Reports

    def sender_report(self, report: dict[str, int]) -> None:
        self.sender_reports.append((self.network.now_us, report))

    def _statistics(self, packet: Rtp) -> None:
        """RFC 3550 appendix A.8, in slow Python."""
        self._received += 1
        clock_rate = self.codec.clock_rate
        transit = (self.network.now_us * clock_rate // 1_000_000 - packet.timestamp) & 0xFFFFFFFF
        if self._received > 1:
            change = abs((transit - self._transit + (1 << 31)) % (1 << 32) - (1 << 31))
            self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def report_block(self) -> dict[str, int] | None:
        if self._highest < 0:
            return None
        expected = self._highest - self._first + 1
        lost = expected - self._received
        expected_now, received_now = expected - self._expected_prior, self._received - self._received_prior
        self._expected_prior, self._received_prior = expected, self._received
        fraction = max(0, (expected_now - received_now) * 256 // expected_now) if expected_now > 0 else 0
        lsr = dlsr = 0
        if self.sender_reports:
            at_us, report = self.sender_reports[-1]
            lsr, dlsr = report["ntp"] >> 16 & 0xFFFFFFFF, ((self.network.now_us - at_us) << 16) // 1_000_000
        return {
            "ssrc": self.ssrc,
            "fraction_lost": min(255, fraction),
            "cumulative_lost": max(0, lost),
            "extended_seq": self._highest,
            "jitter": int(self._jitter),
            "lsr": lsr,
            "dlsr": dlsr,
        }
