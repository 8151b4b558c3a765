"""A peer on a PlainTransport: RTP and RTCP without ICE, perhaps SRTP with keys from signalling."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.sim.network import Address, Link, Network
from tests.sim.packets import Rtp
from tests.sim.peers import Keys, Peer, Report
from tests.sim.streams import SendStream, Sink
from vpaas_core._fastpath.srtp import SrtpProfile

RTP_SOCKET, RTCP_SOCKET = 1, 2


@dataclass(eq=False)
class _RtcpDoor:
    """The peer's second port, without rtcp-mux."""

    peer: PlainPeer
    address: Address
    uplink: Link
    downlink: Link

    def receive(self, data: bytes) -> None:
        assert 192 <= data[1] < 224
        self.peer.receive(data)

    def departing(self, data: bytes) -> None:
        self.peer.departing(data)


@dataclass(eq=False)
class PlainPeer(Peer):
    """`profile` None: plain RTP. `comedia`: the node learns the address from what comes."""

    profile: SrtpProfile | None = None  # type: ignore[assignment]
    comedia: bool = False
    rtcp_mux: bool = True
    uplink: Link = field(default_factory=Link)

    def __post_init__(self) -> None:
        network: Network = self.network
        self.number = 0
        self.address = network.new_address()
        self.rtcp_ssrc = 0xE0000000 + network.chance.randrange(1 << 20)
        self.sources: dict[int, SendStream] = {}
        self.sinks: dict[int, Sink] = {}
        self.reports: list[Report] = []
        self.stun_answers = []
        self.other = []
        self.refused: Counter[str] = Counter()
        self.left = False
        self.arrives_us = self.asked_the_time = None
        self._wire, self._wire_highest = {}, {}
        self.transport = network.core.add_plain_transport(
            self.rtcp_ssrc, self.rtcp_mux, self.comedia, self.profile is not None
        )
        network.join(self)
        self.rtcp_address = (self.address[0], self.address[1] + 1)
        if not self.rtcp_mux:
            network.join(_RtcpDoor(self, self.rtcp_address, self.uplink, self.downlink))
        if self.profile is not None:
            self.theirs, self.ours = Keys.new(network, self.profile), Keys.new(network, self.profile)
            self.outbound, self.inbound = self.ours.session(), self.theirs.session()
            if self.keys:
                self.give_keys()
        if self.connect and not self.comedia:
            network.core.connect_plain(
                self.transport,
                RTP_SOCKET,
                self.address,
                RTCP_SOCKET,
                None if self.rtcp_mux else self.rtcp_address,
            )
        network.after(1_000_000, self._report)

    def send_rtp(self, packet: Rtp, two_byte: bool = False, **forged: Any) -> bytes:
        data = packet.pack(two_byte)
        if self.profile is not None:
            data = self.outbound.protect_rtp(data)
        self.arrives_us = self.network.send(self, data, owner=self.transport, socket=RTP_SOCKET, **forged)
        return data

    def send_rtcp(self, compound: bytes, **forged: Any) -> bytes:
        data = compound if self.profile is None else self.outbound.protect_rtcp(compound)
        if not self.rtcp_mux:
            forged = {"source": self.rtcp_address, **forged}
        socket = RTP_SOCKET if self.rtcp_mux else RTCP_SOCKET
        self.network.send(self, data, owner=self.transport, socket=socket, **forged)
        return data

    def departing(self, data: bytes) -> None:
        if self.profile is not None:
            super().departing(data)

    def receive(self, data: bytes) -> None:
        if self.profile is not None:
            super().receive(data)
        elif 192 <= data[1] < 224:
            self._receive_rtcp(data)
        else:
            self._receive_rtp(data)
