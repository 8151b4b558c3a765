"""Plain RTP: known or learned addresses, RTCP on its own port, SRTP by key, senders that start anew."""

from typing import Any

import pytest

from tests.sim.network import Network
from tests.sim.peers import CM, GCM, Peer
from tests.sim.plain import PlainPeer
from tests.sim.streams import Sink, Source
from vpaas_core._fastpath import rtcp
from vpaas_core._fastpath.events import EventKind
from vpaas_core._fastpath.rtcp import RtcpKind
from vpaas_core._fastpath.srtp import SrtpProfile

KINDS: list[dict[str, object]] = [
    {"comedia": comedia, "rtcp_mux": mux, "profile": profile}
    for comedia in (False, True)
    for mux in (True, False)
    for profile in (None, GCM, CM)
]


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_in_and_out_with_everything_that_belongs_to_it(network: Network, options: dict[str, object]) -> None:
    publisher, viewer = PlainPeer(network, **options), PlainPeer(network, **options)  # type: ignore[arg-type]
    network.run(0.1)
    source = publisher.produce()
    sink = viewer.consume(source)
    if viewer.comedia:  # a viewer shows itself with what it has
        hello = viewer.produce("opus", payload_type=111)
        hello.send_frame()
        viewer.send_rtcp(rtcp.build_rr(5))
    network.run(0.1)
    publisher.send_rtcp(rtcp.build_rr(5))
    source.start()
    network.run(1.5)
    publisher.uplink.loss = viewer.downlink.loss = 1.0
    source.send_frame()
    publisher.uplink.loss = viewer.downlink.loss = 0.0
    network.run(1.5)
    source.stop()
    network.run(0.2)
    sink.assert_continuous()
    assert min(sink.numbers) <= 30
    assert len(sink.packets) > 250
    assert source.nacks
    assert source.resent >= 3
    assert viewer.of_kind(RtcpKind.RTCP_SR)
    assert publisher.of_kind(RtcpKind.RTCP_RR)
    assert network.core.consumer_stats(sink.consumer)["round_trip_time"] == pytest.approx(0.02, abs=0.001)
    events = [each[:2] for each in network.core.take_events() if each[0] == EventKind.EVENT_TUPLE]
    told = [(EventKind.EVENT_TUPLE, peer.transport) for peer in (viewer, publisher) if peer.comedia]
    assert sorted(events) == sorted(told)
    if not publisher.rtcp_mux:
        state = network.core.transport_state(publisher.transport)
        assert (state["remote"], state["rtcp_remote"]) == (publisher.address, publisher.rtcp_address)


def forward(network: Network, publisher: PlainPeer, **options: Any) -> tuple[Source, Sink]:
    viewer = Peer(network)
    network.run(0.1)
    source = publisher.produce(**options)
    sink = viewer.consume(source)
    source.start()
    network.run(1)
    return source, sink


def test_only_the_peer_is_heard(network: Network) -> None:
    publisher = PlainPeer(network)
    source, sink = forward(network, publisher)
    for _ in range(10):
        publisher.send_rtp(source.next_packet(b"\x10\0"), source=("203.0.113.66", 40000))
        source.seq -= 1
    network.run(0.5)
    assert network.core.transport_stats(publisher.transport)["drops"] == {"unknown_peer": 10}
    source.stop()
    network.run(0.1)
    assert len(sink.packets) == source.number - 10


def test_an_address_is_learned_only_from_an_authentic_packet(network: Network) -> None:
    publisher = PlainPeer(network, comedia=True, profile=GCM)
    source = publisher.produce()
    for head in (b"\x80\x60", b"\x80\xc9"):
        forged = head + b"\x11" * 100
        network.send(publisher, forged, source=("203.0.113.66", 1), owner=publisher.transport, socket=1)
    network.run(0.1)
    assert network.core.transport_state(publisher.transport)["remote"] is None
    assert network.core.transport_stats(publisher.transport)["drops"] == {"srtp_auth": 2}
    source.send_frame()
    network.run(0.1)
    assert network.core.transport_state(publisher.transport)["remote"] == publisher.address


def test_an_address_is_learned_while_the_producer_is_paused(network: Network) -> None:
    publisher = PlainPeer(network, comedia=True)
    source = publisher.produce(paused=True)
    source.send_frame()
    network.run(0.1)
    assert network.core.transport_state(publisher.transport)["remote"] == publisher.address


def test_nothing_is_sent_to_an_address_not_known_yet(network: Network) -> None:
    """comedia without rtcp-mux: RTP has come, RTCP not."""
    publisher = PlainPeer(network, comedia=True, rtcp_mux=False)
    source, _ = forward(network, publisher, reports=False)
    source.stop()
    network.run(2)
    assert not publisher.reports
    publisher.send_rtcp(rtcp.build_rr(5))
    network.run(1.5)
    assert publisher.of_kind(RtcpKind.RTCP_RR)


def test_stun_and_dtls_are_nothing_to_a_plain_transport(network: Network) -> None:
    publisher = PlainPeer(network)
    for data in (b"\x00\x01" + bytes(30), b"\x16\xfe\xfd" + bytes(30), b"\x80", b"\x40" + bytes(20)):
        network.send(publisher, data, owner=publisher.transport, socket=1)
    network.run(0.1)
    stats = network.core.transport_stats(publisher.transport)
    assert stats["drops"] == {"unknown_protocol": 3}
    assert network.core.stats()["drops"]["empty"] == 1


@pytest.mark.parametrize("ahead", [-20_000, -2_000, 5_000, 30_000, 32_768])
def test_a_sender_starts_anew_under_its_old_ssrc(network: Network, ahead: int) -> None:
    """FFmpeg with a fixed ssrc is started again: other numbers, other timestamps (RFC 3550 appendix A.1)."""
    publisher = PlainPeer(network)
    source, sink = forward(network, publisher)
    source.stop()
    network.run(1)
    source.seq += ahead
    source.timestamp_base = 0x12340000
    source._key_frame_next = True
    before = source.number
    source.start()
    network.run(1)
    source.stop()
    network.run(0.1)
    shown = [number for number in sink.numbers if number > before]
    assert len(shown) >= source.number - before - 3
    assert sorted(sink.packets) == list(range(20_000, 20_000 + len(sink.packets)))
    steps = [right - left for left, right in zip(sink.timestamps, sink.timestamps[1:], strict=False)]
    assert min(steps) >= 0
    assert max(steps) < 90_000 * 1.6


def test_a_stray_packet_starts_nothing_anew(network: Network) -> None:
    publisher = PlainPeer(network)
    source, sink = forward(network, publisher)
    for stray in (20_000, -20_000, 9_000):
        packet = source.next_packet(b"\x10\0")
        source.seq -= 1
        source.number -= 1
        publisher.send_rtp(type(packet)(96, packet.seq + stray, 5, packet.ssrc, packet.payload))
        network.run(0.3)
    source.stop()
    network.run(0.1)
    assert not source.key_frame_requests_us[1:]
    sink.assert_continuous()


def test_duplicates_are_dropped(network: Network) -> None:
    publisher = PlainPeer(network)
    publisher.uplink.duplicate = 0.3
    _, sink = forward(network, publisher)
    sink.assert_continuous()
    assert len(sink.order) == len(sink.packets)


@pytest.mark.parametrize("profile", [None, GCM])
def test_the_first_packets_come_in_the_wrong_order(network: Network, profile: SrtpProfile | None) -> None:
    """0 before 65535: the later viewer's roll-over counter must not be torn away."""
    publisher, viewer = PlainPeer(network, profile=profile), Peer(network)
    network.run(0.1)
    source = publisher.produce(first_seq=65535, packets_per_frame=1)
    sink = viewer.consume(source)
    first, second = (source.next_packet(start) for start in (b"\x10\0", b"\x10\0"))
    if profile is None:
        publisher.send_rtp(second)
        publisher.send_rtp(first)
    source.start()
    network.run(1)
    assert len(sink.packets) >= 28
    assert not viewer.refused
    assert sink.timestamps == sorted(sink.timestamps)
