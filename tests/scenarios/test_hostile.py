"""Whoever sends rubbish, old packets or forged ones is counted by name and disturbs nobody."""

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.network import Network
from tests.sim.packets import Rtp
from tests.sim.peers import CM, GCM, Peer
from tests.sim.streams import Sink, Source
from vpaas_core._fastpath import rtcp
from vpaas_core._fastpath.drop import drop_names
from vpaas_core._fastpath.srtp import SrtpProfile


class Call:
    """Two bystanders in a call, and a peer that misbehaves."""

    def __init__(self, network: Network, profile: SrtpProfile = GCM) -> None:
        self.network = network
        self.publisher, self.viewer = Peer(network), Peer(network)
        self.hostile = Peer(network, profile=profile)
        network.run(0.1)
        self.source = self.publisher.produce().start()
        self.sink = self.viewer.consume(self.source)
        self.theirs = self.hostile.produce(mid="m")
        self.watching = self.hostile.consume(self.source, nack=False, reports=False)
        network.run(0.5)

    def drops(self) -> dict[str, int]:
        """Of the hostile peer's transport and of the whole node."""
        own: dict[str, int] = self.network.core.transport_stats(self.hostile.transport)["drops"]
        return own

    def assert_undisturbed(self) -> None:
        seen = len(self.sink.packets)
        self.network.run(0.3)
        assert len(self.sink.packets) > seen + 20
        self.sink.assert_continuous()
        assert not self.viewer.refused
        assert len(self.source.key_frame_requests_us) <= 6
        assert set(self.drops()) <= set(drop_names())


def objects(network: Network) -> dict[str, Any]:
    stats = network.core.stats()
    return {name: stats[name] for name in ("transports", "producers", "consumers")}


def test_a_replayed_packet_is_dropped(network: Network) -> None:
    call = Call(network)
    data = [call.hostile.send_rtp(call.theirs.next_packet(call.theirs.codec.key)) for _ in range(20)]
    network.run(0.1)
    before = network.core.producer_stats(call.theirs.producer)
    for packet in data * 2:
        network.send(call.hostile, packet)
    network.run(0.1)
    assert call.drops() == {"srtp_replay": 40}
    assert network.core.producer_stats(call.theirs.producer) == before
    call.assert_undisturbed()


def test_a_replayed_report_is_dropped(network: Network) -> None:
    call = Call(network)
    pli = call.hostile.send_rtcp(rtcp.build_pli(1, call.watching.ssrc))
    network.run(0.1)
    asked = network.core.consumer_stats(call.watching.consumer)["pli_count"]
    for _ in range(10):
        network.send(call.hostile, pli)
    network.run(0.1)
    assert network.core.consumer_stats(call.watching.consumer)["pli_count"] == asked == 1
    assert call.drops() == {"srtp_replay": 10}


def test_reports_of_many_senders_are_still_heard(network: Network) -> None:
    """A long call's streams come and go, and with them the senders of reports; the newest always count."""
    call = Call(network)
    for sender in range(1, 301):
        pli = call.hostile.send_rtcp(rtcp.build_pli(sender, call.watching.ssrc))
        network.run(0.002)
    network.send(call.hostile, pli)
    network.run(0.1)
    assert network.core.consumer_stats(call.watching.consumer)["pli_count"] == 300
    assert call.drops() == {"srtp_replay": 1}


@pytest.mark.parametrize("profile", [GCM, CM])
def test_a_forged_packet_changes_nothing(network: Network, profile: SrtpProfile) -> None:
    """Not the window (its number is far ahead), not the ring (it would stand where a good one stands)."""
    call = Call(network, profile)
    viewer = Peer(network)
    network.run(0.1)
    sink = viewer.consume(call.theirs)
    call.theirs.start()
    network.run(0.5)
    stranger = network.chance.randbytes
    for ahead in (0, 1, -5, 500, 30_000):
        header = struct.pack("!BBHII", 0x80, 96, (call.theirs.seq + ahead) & 0xFFFF, 0, call.theirs.ssrc)
        network.send(call.hostile, header + stranger(200))
        network.send(call.hostile, struct.pack("!BBHII", 0x80, 96, 1, 0, 0x77777777) + stranger(200))
        network.send(call.hostile, struct.pack("!BBHII", 0x81, 206, 2, 7, 9) + stranger(40))
    network.run(0.5)
    assert call.drops() == {"srtp_auth": 14, "srtp_replay": 1}  # one number was there already
    sink.assert_continuous()
    assert len(sink.packets) > 80
    call.assert_undisturbed()


def test_every_bit_of_a_packet_is_protected(network: Network) -> None:
    call = Call(network)
    packet = call.theirs.next_packet(call.theirs.codec.key, payload=call.theirs.codec.key + bytes(8))
    data = call.hostile.outbound.protect_rtp(packet.pack())
    before = network.core.producer_stats(call.theirs.producer)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        network.send(call.hostile, bytes(flipped))
    network.run(0.1)
    assert network.core.producer_stats(call.theirs.producer) == before
    network.send(call.hostile, data)
    network.run(0.1)
    assert network.core.producer_stats(call.theirs.producer)[0]["packets_received"] == 1
    call.assert_undisturbed()


def test_media_before_the_keys_are_there_is_dropped(network: Network) -> None:
    call = Call(network)
    early = Peer(network, keys=False)
    network.run(0.1)
    source = early.produce()
    early.send_rtp(source.next_packet(source.codec.key))
    early.send_rtcp(rtcp.build_pli(1, 2))
    network.run(0.1)
    assert network.core.transport_stats(early.transport)["drops"] == {"not_ready": 2}
    assert network.core.producer_stats(source.producer)[0]["packets_received"] == 0
    early.give_keys()
    early.send_rtp(source.next_packet(source.codec.key))
    network.run(0.1)
    assert network.core.producer_stats(source.producer)[0]["packets_received"] == 1
    call.assert_undisturbed()


def test_media_from_an_address_without_check_is_nobodys(network: Network) -> None:
    call = Call(network)
    before = network.core.stats()["drops"].get("unknown_peer", 0)
    data = call.hostile.outbound.protect_rtp(call.theirs.next_packet(call.theirs.codec.key).pack())
    network.send(call.hostile, data, source=("203.0.113.9", 40000))
    network.send(call.hostile, data, source=(call.hostile.address[0], 40001))
    network.run(0.1)
    assert network.core.stats()["drops"]["unknown_peer"] == before + 2
    call.assert_undisturbed()


def test_a_spoofed_source_moves_nothing(network: Network) -> None:
    """A check of one's own from another's address takes that one's media only until its own next check."""
    call = Call(network)
    request = call.hostile.check()
    network.send(call.hostile, request, source=call.publisher.address)
    network.run(0.1)
    seen = len(call.sink.packets)
    network.run(3)  # Chromium checks every 2.5 s
    assert len(call.sink.packets) > seen + 30
    call.hostile.close()
    seen = len(call.sink.packets)
    network.run(1)
    assert len(call.sink.packets) > seen + 80


def test_keys_of_another_transport_open_nothing(network: Network) -> None:
    call = Call(network)
    data = call.hostile.outbound.protect_rtp(
        Rtp(96, call.source.seq + 9, 0, call.source.ssrc, b"\x10\0").pack()
    )
    network.send(call.hostile, data, source=call.publisher.address)
    network.run(0.1)
    assert network.core.transport_stats(call.publisher.transport)["drops"] == {"srtp_auth": 1}
    call.assert_undisturbed()


# Malformed


def good_datagrams(call: Call) -> dict[str, bytes]:
    peer, source = call.hostile, call.theirs
    rtp = source.next_packet(source.codec.key)
    blocks = [
        {
            "ssrc": call.watching.ssrc,
            "fraction_lost": 1,
            "cumulative_lost": 2,
            "extended_seq": 3,
            "jitter": 4,
            "lsr": 5,
            "dlsr": 6,
        }
    ] * 3
    compound = (
        rtcp.build_rr(1, blocks)
        + rtcp.build_sdes(1, b"someone")
        + rtcp.build_nack(1, call.watching.ssrc, [1, 2, 30, 400])
        + rtcp.build_fir(1, call.watching.ssrc, 3)
        + rtcp.build_rrtr(1, 99)
        + rtcp.build_bye(1)
    )
    dtls = bytes.fromhex("16fefd0000000000000000002c") + bytes(44)
    extended = Rtp(
        96, rtp.seq + 1, 0, source.ssrc, b"\x10\0abc", True, {1: b"m", 3: b"\x01"}, padding=4, csrcs=(1, 2)
    )
    return {
        "stun": peer.check(),
        "rtp": rtp.pack(),
        "extended": extended.pack(),
        "two-byte": extended.pack(True),
        "rtcp": compound,
        "dtls": dtls,
    }


@pytest.mark.parametrize("profile", [GCM, CM])
def test_datagrams_cut_at_every_byte(network: Network, profile: SrtpProfile) -> None:
    """As they come over the wire, and as only someone with the keys can make them."""
    call = Call(network, profile)
    before = objects(network)
    for name, data in good_datagrams(call).items():
        for length in range(len(data)):
            network.send(call.hostile, data[:length])
            if length >= 12 and name in ("rtp", "extended", "two-byte", "rtcp"):
                protect = (
                    call.hostile.outbound.protect_rtcp
                    if name == "rtcp"
                    else call.hostile.outbound.protect_rtp
                )
                try:
                    protected = protect(data[:length])
                except Exception:
                    continue
                network.send(call.hostile, protected)
            network.run(0.0005)
    network.run(0.2)
    assert objects(network) == before
    counted = {**network.core.stats()["drops"], **call.drops()}
    assert {
        "empty",
        "stun_malformed",
        "rtp_malformed",
        "rtcp_malformed",
        "dtls_malformed",
        "srtp_auth",
    } <= set(counted)
    call.assert_undisturbed()


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_flipped_bits(data: st.DataObject) -> None:
    network = Network(1)
    call = Call(network, data.draw(st.sampled_from([GCM, CM])))
    before = objects(network)
    good = good_datagrams(call)
    for _ in range(12):
        name = data.draw(st.sampled_from(sorted(good)))
        flipped = bytearray(good[name])
        for bit in data.draw(st.lists(st.integers(0, 8 * len(flipped) - 1), min_size=1, max_size=8)):
            flipped[bit // 8] ^= 1 << bit % 8
        datagram = bytes(flipped)
        if name not in ("stun", "dtls") and datagram[0] >> 6 == 2 and data.draw(st.booleans()):
            protect = (
                call.hostile.outbound.protect_rtcp if name == "rtcp" else call.hostile.outbound.protect_rtp
            )
            try:
                datagram = protect(datagram)
            except Exception:
                continue
        network.send(call.hostile, datagram)
        network.run(0.002)
    network.run(0.1)
    assert objects(network) == before
    call.assert_undisturbed()


@given(st.lists(st.binary(max_size=60), max_size=30))
@settings(max_examples=60, deadline=None)
def test_rubbish(datagrams: list[bytes]) -> None:
    network = Network(2)
    call = Call(network)
    for datagram in datagrams:
        network.send(call.hostile, datagram)
        network.send(call.hostile, datagram, source=("203.0.113.9", 1))
    network.run(0.1)
    call.assert_undisturbed()


def test_a_flood_of_handshakes_hides_nothing_of_the_others(network: Network) -> None:
    """The node's news for Python are bounded; DTLS is repeated by its peers, a change of state is not."""
    call = Call(network)
    network.core.take_events()
    for _ in range(2000):
        network.send(call.hostile, b"\x16\xfe\xfd" + bytes(1000))
    network.run(0.1)
    assert call.drops()["event_ring_full"] > 0
    late = Peer(network)
    network.run(0.1)
    assert late.transport in {event[1] for event in network.core.take_events()}
    call.assert_undisturbed()


def test_a_datagram_longer_than_any_path_carries(network: Network) -> None:
    call = Call(network)
    for size in (1501, 1521, 1600, 4000, 65507):
        network.send(call.hostile, b"\x80\x60" + bytes(size - 2))
        network.send(call.hostile, b"\x80\xc9" + bytes(size - 2))
        network.send(call.hostile, b"\x16\xfe\xfd" + bytes(size - 3))
        network.send(call.hostile, b"\x00\x01" + bytes(size - 2))
    network.run(0.1)
    assert call.drops()["rtp_too_large"] > 0
    call.assert_undisturbed()


def test_the_largest_packet_passes(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source: Source = publisher.produce(mid="m", payload_bytes=1500 - 12 - 8)
    sink: Sink = viewer.consume(source, mid="mid-of-16-bytes!")
    source.send_frame(key=True)
    network.run(0.1)
    assert [len(packet.payload) for packet in sink.packets.values()] == [1480] * 3
