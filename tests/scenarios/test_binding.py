"""Streams without announced ssrc are known by mid, rid or payload type, and may begin anew under another."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.sim.network import Network
from tests.sim.packets import CODECS, Rtp
from tests.sim.peers import Peer
from tests.sim.streams import SENT_EXTENSIONS, Sink, Source, number_of, publisher_ntp
from vpaas_core._fastpath import rtcp

OPTIONS: dict[str, Any] = {
    "video": True,
    "clock_rate": 90000,
    "mid": "",
    "cname": "",
    "codecs": {96: CODECS["vp8"].code},
    "rtx": {},
    "extensions": {},
    "nack": True,
    "pli": True,
    "fir": False,
    "paused": False,
    "key_frame_request_delay_us": 500_000,
}


def call(network: Network, **options: Any) -> tuple[Peer, Source, Sink]:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(announced=False, **options)
    return publisher, source, viewer.consume(source)


def assert_forwarded(network: Network, source: Source, sink: Sink) -> None:
    source.start()
    network.run(1)
    source.stop()
    network.run(0.1)
    sink.assert_continuous()
    assert max(sink.numbers) == source.number
    assert len(sink.packets) > 80


def drops(network: Network, peer: Peer) -> dict[str, int]:
    counters: dict[str, int] = network.core.transport_stats(peer.transport)["drops"]
    return counters


def test_by_mid(network: Network) -> None:
    publisher, source, sink = call(network, mid="camera")
    other = publisher.produce(mid="screen", announced=False, payload_type=96)
    elsewhere = Peer(network)
    network.run(0.1)
    second = elsewhere.consume(other)
    other.start()
    assert_forwarded(network, source, sink)
    other.stop()
    network.run(0.1)
    second.assert_continuous()
    assert len(second.packets) > 80
    assert {packet.payload[-4:] for packet in sink.packets.values()}


def test_by_payload_type_alone(network: Network) -> None:
    _, source, sink = call(network)
    assert_forwarded(network, source, sink)


def test_not_by_a_payload_type_that_two_could_own(network: Network) -> None:
    publisher, source, sink = call(network)
    publisher.produce(announced=False)
    source.start()
    network.run(0.5)
    assert not sink.packets
    assert drops(network, publisher)["rtp_unknown_ssrc"] > 0


def test_a_retransmission_finds_its_stream_by_mid(network: Network) -> None:
    publisher, source, sink = call(network, mid="camera")
    source.start()
    network.run(0.5)
    publisher.uplink.loss = 1.0
    source.send_frame()
    publisher.uplink.loss = 0.0
    assert_forwarded(network, source, sink)
    assert source.resent == 3


@pytest.mark.parametrize("codec", ["vp8", "opus"])
def test_another_ssrc_under_the_same_mid(network: Network, codec: str) -> None:
    """The numbers go on, time goes on, and video starts with a key frame that is asked for."""
    publisher, source, sink = call(network, mid="camera", codec=codec)
    source.start()
    network.run(2)
    for base in (7, 0xFFFFFFF0, 0x80000000):
        source.stop()
        network.run(0.5)
        source.ssrc += 0x10000
        publisher.sources[source.ssrc] = source
        source.seq, source.timestamp_base = 40_000 - base % 1000, base
        source.start()
        network.run(2)
    source.stop()
    network.run(0.1)
    sink.assert_continuous()
    assert len(sink.packets) > 0.95 * source.number
    steps = [right - left for left, right in zip(sink.timestamps, sink.timestamps[1:], strict=False)]
    clock_rate = source.codec.clock_rate
    assert max(steps) < 0.6 * clock_rate
    assert sum(steps) == pytest.approx(9.5 * clock_rate, rel=0.02)


def test_a_source_begins_anew_within_one_batch(network: Network) -> None:
    """What was in the ring is gone when the batch is forwarded; the new source's packets are not."""
    publisher, source, sink = call(network, mid="camera")
    source.send_frame(key=True)
    network.run(0.1)

    def frame() -> list[bytes]:
        starts = [source.codec.key, source.codec.further, source.codec.further]
        return [publisher.outbound.protect_rtp(source.next_packet(start).pack()) for start in starts]

    old = frame()
    source.ssrc += 0x10000
    source.seq, source.timestamp_base = 1003, 99  # the same places in the ring
    datagrams = [(data, publisher.address) for data in old + frame()]
    for data, destination in network.core.drive(datagrams, network.now_us):
        if destination == sink.peer.address:
            sink.peer.departing(data)
            sink.peer.receive(data)
    assert sorted(sink.packets) == list(range(20_000, 20_006))
    assert sink.numbers == [1, 2, 3, 7, 8, 9]
    assert not sink.peer.refused


def test_an_announced_ssrc_is_not_replaced(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(mid="camera").start()
    sink = viewer.consume(source)
    network.run(0.5)
    seen = len(sink.packets)
    source.ssrc += 0x10000
    network.run(0.5)
    assert len(sink.packets) - seen <= 3
    assert drops(network, publisher)["rtp_unknown_ssrc"] > 0


def test_a_replaced_ssrc_does_not_come_back(network: Network) -> None:
    """Its replay window is gone: what is recorded of it on the way must not take the stream over again."""
    publisher, source, sink = call(network, mid="camera")
    recorded = [publisher.send_rtp(source.next_packet(source.codec.key)) for _ in range(3)]
    network.run(0.1)
    source.ssrc += 0x10000
    source.start()
    network.run(0.5)
    for data in recorded:
        network.send(publisher, data)
    network.run(0.5)
    source.stop()
    network.run(0.1)
    sink.assert_continuous()
    assert not source.key_frame_requests_us[1:]
    assert drops(network, publisher).keys() <= {"rtp_too_old"}
    assert drops(network, publisher)["rtp_too_old"] == 3


def test_ssrc_0_names_nothing(network: Network) -> None:
    """It stands for an ssrc not known yet, and may not be bound: its entry would outlive the producer."""
    publisher, source, sink = call(network, mid="camera")
    source.ssrc = 0
    source.send_frame(key=True)
    network.run(0.1)
    assert not sink.packets
    assert drops(network, publisher) == {"rtp_unknown_ssrc": 3}
    network.core.close_producer(source.producer)
    source.send_frame(key=True)
    network.run(0.1)
    assert drops(network, publisher) == {"rtp_unknown_ssrc": 6}


def test_a_peer_that_keeps_changing_its_ssrc_is_bounded(network: Network) -> None:
    publisher, source, sink = call(network, mid="camera", packets_per_frame=1)
    for _ in range(400):
        source.ssrc += 1
        source.send_frame(key=True)
        network.run(0.001)
    network.run(0.1)
    assert len(sink.packets) <= 256
    assert drops(network, publisher)["rtp_unknown_ssrc"] >= 144
    sink.assert_continuous()


# Simulcast


def simulcast(publisher: Peer, rids: tuple[str, ...] = ("q", "h", "f")) -> int:
    options = {**OPTIONS, "mid": "cam", "extensions": SENT_EXTENSIONS, "rtx": {97: 96}}
    encodings = [(0, 0, rid) for rid in rids]
    producer: int = publisher.network.core.add_producer(publisher.transport, encodings=encodings, **options)
    return producer


def layer(publisher: Peer, rid: str, ssrc: int) -> Callable[[bytes], Rtp]:
    seq = ssrc % 100 * 100

    def packet(start: bytes) -> Rtp:
        nonlocal seq
        seq += 1
        now = publisher.network.now_us * 9 // 100 + ssrc
        return Rtp(
            96, seq, now, ssrc, start + ssrc.to_bytes(4) + seq.to_bytes(4), True, {1: b"cam", 4: rid.encode()}
        )

    return packet


def test_encodings_are_known_by_rid_and_the_largest_is_shown(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    producer = simulcast(publisher)
    stand_in = publisher.produce(announced=False, payload_type=50)  # only so that a Sink knows its codec
    stand_in.producer, stand_in.payload_type = producer, 96
    sink = viewer.consume(stand_in)
    layers = {rid: layer(publisher, rid, ssrc) for rid, ssrc in (("q", 11), ("h", 22), ("f", 33))}
    publisher.sources |= dict.fromkeys((11, 22, 33), stand_in)
    for frame in range(60):
        for rid, packet in layers.items():
            if rid == "f" and frame >= 30:
                continue  # its bandwidth is gone
            publisher.send_rtp(packet(CODECS["vp8"].key if frame % 10 == 0 else CODECS["vp8"].delta))
        network.run(0.05)
    network.run(0.1)
    shown = [int.from_bytes(sink.packets[seq].payload[2:6]) for seq in sorted(sink.packets)]
    assert shown.count(33) >= 20
    assert shown[-1] == 22  # the next best took over
    assert sorted(sink.packets) == list(range(20000, 20000 + len(shown)))
    assert sink.timestamps == sorted(sink.timestamps)
    stats = {each["rid"]: each["ssrc"] for each in network.core.producer_stats(producer)}
    assert stats == {"q": 11, "h": 22, "f": 33}
    starts = [
        seq
        for seq, left, right in zip(sorted(sink.packets)[1:], shown, shown[1:], strict=False)
        if left != right
    ]
    assert starts
    assert all(sink.packets[seq].payload.startswith(CODECS["vp8"].key) for seq in starts)


def test_sound_and_picture_stay_in_step_when_the_encoding_changes(network: Network) -> None:
    """Each encoding has timestamps of its own; the reports follow, and to the viewer it is one clock."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    producer = simulcast(publisher, ("q", "f"))
    stand_in = publisher.produce(announced=False, payload_type=50)
    stand_in.producer, stand_in.payload_type = producer, 96
    sink = viewer.consume(stand_in)
    layers = {rid: layer(publisher, rid, ssrc) for rid, ssrc in (("q", 1_000_011), ("f", 4_000_000_033))}
    publisher.sources |= dict.fromkeys((1_000_011, 4_000_000_033), stand_in)
    captured_us: dict[bytes, int] = {}
    for frame in range(160):
        for rid, packet in layers.items():
            if rid == "f" and frame % 80 >= 40:
                continue
            rtp = packet(CODECS["vp8"].key if frame % 10 == 0 else CODECS["vp8"].delta)
            captured_us[rtp.payload] = network.now_us
            publisher.send_rtp(rtp)
            if frame % 10 == 0:
                report = {
                    "ssrc": rtp.ssrc,
                    "ntp": publisher_ntp(network.now_us),
                    "rtp_timestamp": rtp.timestamp,
                }
                publisher.send_rtcp(rtcp.build_sr({**report, "packet_count": 1, "octet_count": 1}))
        network.run(0.05)
    assert {int.from_bytes(packet.payload[2:6]) for packet in sink.packets.values()} == {
        1_000_011,
        4_000_000_033,
    }
    assert sink.timestamps == sorted(sink.timestamps)
    assert len(sink.sender_reports) >= 6
    at_us, report = sink.sender_reports[-1]
    for seq, packet in sink.packets.items():
        behind = (packet.timestamp - report["rtp_timestamp"] + (1 << 31)) % (1 << 32) - (1 << 31)
        shown_s = report["ntp"] / (1 << 32) + behind / 90_000
        # by when packets arrived, not by the reports: good to a few milliseconds, well below what is seen
        assert shown_s == pytest.approx(publisher_ntp(captured_us[packet.payload]) / (1 << 32), abs=0.005), (
            seq
        )
    assert at_us <= network.now_us


def test_a_rid_nobody_announced_is_not_forwarded(network: Network) -> None:
    publisher = Peer(network)
    network.run(0.1)
    simulcast(publisher)
    publisher.send_rtp(layer(publisher, "x", 44)(CODECS["vp8"].key))
    network.run(0.1)
    assert drops(network, publisher) == {"rtp_unknown_ssrc": 1}


def test_two_peers_use_the_same_ssrc(network: Network) -> None:
    publishers = Peer(network), Peer(network)
    viewer = Peer(network)
    network.run(0.1)
    sources = [
        publisher.produce(ssrc=0xABCDEF, payload_bytes=50 + i) for i, publisher in enumerate(publishers)
    ]
    sinks = [viewer.consume(source, payload_type=100 + i) for i, source in enumerate(sources)]
    for source in sources:
        source.start()
    network.run(1)
    for i, sink in enumerate(sinks):
        sink.assert_continuous()
        assert {len(packet.payload) for packet in sink.packets.values()} == {50 + i}
        assert all(number_of(packet.payload) for packet in sink.packets.values())


def test_an_ssrc_in_use_is_refused(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(ssrc=0xABCDEF)
    with pytest.raises(ValueError, match="already in use"):
        publisher.produce(ssrc=0xABCDEF)
    with pytest.raises(ValueError, match="already in use"):
        network.core.add_producer(publisher.transport, encodings=[(5, 6, ""), (7, 5, "")], **OPTIONS)
    viewer.consume(source, ssrc=1)
    with pytest.raises(ValueError, match="already in use"):
        viewer.consume(source, ssrc=1)
    assert network.core.stats()["producers"] == 1
    assert network.core.stats()["consumers"] == 1


def test_a_refused_producer_leaves_nothing(network: Network) -> None:
    publisher = Peer(network)
    with pytest.raises(ValueError, match="rid is longer"):
        network.core.add_producer(publisher.transport, encodings=[(5, 6, ""), (7, 8, "r" * 33)], **OPTIONS)
    with pytest.raises(ValueError, match="more streams"):
        network.core.add_producer(
            publisher.transport, encodings=[(i, 0, "") for i in range(5, 10)], **OPTIONS
        )
    with pytest.raises((TypeError, OverflowError)):
        network.core.add_producer(
            publisher.transport, encodings=[(5, 6, "")], **{**OPTIONS, "codecs": {"no number": 2}}
        )
    network.core.add_producer(publisher.transport, encodings=[(5, 6, ""), (7, 8, "")], **OPTIONS)
