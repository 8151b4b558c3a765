"""Peers of a simulated network: they speak STUN, SRTP, RTP and RTCP much as a browser does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.sim.network import Link, Network
from tests.sim.packets import Rtp, parse_rtp
from tests.sim.streams import Published, SendStream, Sink, Source
from vpaas_core._fastpath import rtcp, stun
from vpaas_core._fastpath.rtcp import RtcpKind
from vpaas_core._fastpath.srtp import SrtpProfile
from vpaas_core._fastpath.srtp_session import SrtpError, SrtpSession

GCM = SrtpProfile.AEAD_AES_128_GCM
CM = SrtpProfile.AES_CM_128_HMAC_SHA1_80
SALT_BYTES = {GCM: 12, CM: 14, SrtpProfile.AEAD_AES_256_GCM: 12}
KEY_BYTES = {GCM: 16, CM: 16, SrtpProfile.AEAD_AES_256_GCM: 32}
CHECK_INTERVAL_S = 2.5  # Chromium's, once a pair works

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Report:
    """An RTCP packet and when it came."""

    at_us: int
    body: dict[str, Any]


@dataclass(slots=True)
class Keys:
    """Of one direction."""

    profile: SrtpProfile
    key: bytes
    salt: bytes

    @classmethod
    def new(cls, network: Network, profile: SrtpProfile) -> Keys:
        return cls(
            profile,
            network.chance.randbytes(KEY_BYTES[profile]),
            network.chance.randbytes(SALT_BYTES[profile]),
        )

    def session(self) -> SrtpSession:
        return SrtpSession(self.profile, self.key, self.salt)


@dataclass(eq=False)
class Peer:
    """A browser on a WebRtcTransport. `connect` and `give_keys` are done at once unless switched off."""

    network: Network
    profile: SrtpProfile = GCM
    uplink: Link = field(default_factory=Link)
    downlink: Link = field(default_factory=Link)
    connect: bool = True
    keys: bool = True
    consent_timeout_us: int = 30_000_000

    def __post_init__(self) -> None:
        network = self.network
        self.number = next(_numbers)
        self.address = network.new_address()
        self.ufrag, self.pwd = f"ufrag{self.number:08}".encode(), b"password-of-a-transport!"
        self.rtcp_ssrc = 0xF0000000 + self.number
        self.sources: dict[int, SendStream] = {}
        self.sinks: dict[int, Sink] = {}
        self.reports: list[Report] = []
        self.stun_answers: list[stun.Message] = []
        self.other: list[bytes] = []  # neither STUN nor media: DTLS
        self.refused: Counter[str] = Counter()
        self.asked_the_time: tuple[int, int, int] | None = (
            None  # by whom, their time, and when: RFC 3611 §4.4
        )
        self.left = False
        self.arrives_us: int | None = None  # when the packet sent last will, if at all
        self._wire: dict[tuple[int, int], bytes] = {}
        self._wire_highest: dict[int, int] = {}
        self.theirs, self.ours = Keys.new(network, self.profile), Keys.new(network, self.profile)
        self.outbound, self.inbound = self.ours.session(), self.theirs.session()
        self.transport = network.core.add_webrtc_transport(
            self.ufrag, self.pwd, self.rtcp_ssrc, self.consent_timeout_us
        )
        network.join(self)
        if self.connect:
            self.keep_checking()
        if self.keys:
            self.give_keys()
        network.after(1_000_000, self._report)

    # ICE and DTLS, as far as the node sees them

    def give_keys(self) -> None:
        self.network.core.set_srtp(
            self.transport, self.profile, self.ours.key, self.ours.salt, self.theirs.key, self.theirs.salt
        )

    def check(self, **changes: Any) -> bytes:
        """Sends a Binding request that nominates this address."""
        arguments: dict[str, Any] = {
            "priority": 1853824767,
            "tie_breaker": 7,
            "use_candidate": True,
            **changes,
        }
        request = stun.build_binding_request(self.ufrag + b":peer", self.pwd, **arguments)
        self.network.send(self, request)
        return request

    def keep_checking(self) -> None:
        if self.left or not self.connect:
            return
        self.check()
        self.network.after(round(CHECK_INTERVAL_S * 1e6), self.keep_checking)

    def move(self) -> None:
        """To another network: a new address, and a check from there."""
        self.network.leave(self.address)
        self.address = self.network.new_address()
        self.network.join(self)
        self.check()

    def leave(self) -> None:
        self.left = True
        for source in self.sources.values():
            source.stop()
        self.network.leave(self.address)

    def close(self) -> None:
        self.leave()
        self.network.core.close_transport(self.transport)
        self.network.closed.add(self.transport)

    # Media

    def produce(self, codec: str = "vp8", **options: Any) -> Source:
        source = Source(self, codec, **options)
        self.sends(source)
        return source

    def sends(self, stream: SendStream) -> None:
        """What is asked of the stream from now on finds it."""
        self.sources[stream.ssrc] = stream
        if stream.rtx_ssrc:
            self.sources[stream.rtx_ssrc] = stream

    def consume(self, source: Published | None, **options: Any) -> Sink:
        sink = Sink(self, source, **options)
        self.sinks[sink.ssrc] = sink
        if sink.rtx_ssrc:
            self.sinks[sink.rtx_ssrc] = sink
        return sink

    def send_rtp(self, packet: Rtp, two_byte: bool = False) -> bytes:
        """Returns what went over the wire."""
        data = self.outbound.protect_rtp(packet.pack(two_byte))
        self.arrives_us = self.network.send(self, data)
        return data

    def send_rtcp(self, compound: bytes) -> bytes:
        data = self.outbound.protect_rtcp(compound)
        self.network.send(self, data)
        return data

    # What comes

    def receive(self, data: bytes) -> None:
        if data[0] < 4:
            self.stun_answers.append(stun.parse(data))
        elif 128 <= data[0] < 192:
            try:
                if 192 <= data[1] < 224:
                    self._receive_rtcp(self.inbound.unprotect_rtcp(data))
                else:
                    self._receive_rtp(self.inbound.unprotect_rtp(data))
            except SrtpError as error:
                self.refused[error.reason] += 1
        else:
            self.other.append(data)

    def departing(self, data: bytes) -> None:
        """What the node sends, lost or not: no SRTP index may stand for two packets (RFC 3711 §9.1)."""
        if not 128 <= data[0] < 192:
            return
        if 192 <= data[1] < 224:
            ssrc, at = int.from_bytes(data[4:8]), len(data) - (4 if self.profile != CM else 14)
            key = (ssrc | 1 << 32, int.from_bytes(data[at : at + 4]) & 0x7FFFFFFF)
        else:
            ssrc, seq = int.from_bytes(data[8:12]), int.from_bytes(data[2:4])
            highest = self._wire_highest.get(ssrc, seq)
            extended = highest + (seq - highest + 0x8000) % 0x10000 - 0x8000
            self._wire_highest[ssrc] = max(highest, extended)
            key = (ssrc, extended)
        assert self._wire.setdefault(key, data) == data, f"SRTP index {key} was used for two packets"

    def _receive_rtp(self, data: bytes) -> None:
        packet = parse_rtp(data)
        self.sinks[packet.ssrc].receive(packet)

    def _receive_rtcp(self, data: bytes) -> None:
        packets, well_formed = rtcp.parse(data)
        assert well_formed
        for packet in packets:
            self.reports.append(Report(self.network.now_us, packet))
            if packet["kind"] == RtcpKind.RTCP_SR and packet["ssrc"] in self.sinks:
                self.sinks[packet["ssrc"]].sender_report(packet["sender"])
            elif "rrtr" in packet:
                self.asked_the_time = (packet["ssrc"], packet["rrtr"] >> 16 & 0xFFFFFFFF, self.network.now_us)
            elif packet["kind"] == RtcpKind.RTCP_RTPFB and packet["media_ssrc"] in self.sources:
                self.sources[packet["media_ssrc"]].nacked(packet["nack"])
            elif packet["kind"] == RtcpKind.RTCP_PSFB:
                asked = [packet["media_ssrc"]] if packet["pli"] else [ssrc for ssrc, _ in packet["fir"]]
                for ssrc in asked:
                    self.sources[ssrc].key_frame_asked()

    def of_kind(self, kind: RtcpKind) -> list[Report]:
        return [report for report in self.reports if report.body["kind"] == kind]

    def _report(self) -> None:
        """Once a second: of the sources, of the sinks, and to who asked for the time."""
        if self.left:
            return
        reporting = any(each.reports for each in (*self.sources.values(), *self.sinks.values()))
        if self.asked_the_time is not None and reporting:
            by, lrr, at_us = self.asked_the_time
            waited = (self.network.now_us - at_us << 16) // 1_000_000
            self.send_rtcp(rtcp.build_dlrr(self.rtcp_ssrc ^ 0x0F000000, by, lrr, waited))
        for source in dict.fromkeys(self.sources.values()):
            if source.packets_sent and source.reports:
                self.send_rtcp(rtcp.build_sr(source.sender_report()))
        blocks = [
            block
            for sink in dict.fromkeys(self.sinks.values())
            if sink.reports and (block := sink.report_block()) is not None
        ]
        if blocks:
            self.send_rtcp(rtcp.build_rr(self.rtcp_ssrc ^ 0x0F000000, blocks[:31]))
        self.network.after(1_000_000, self._report)
