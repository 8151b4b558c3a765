"""What a bad link loses is asked for again, on both sides; no SRTP index stands for two packets."""

import struct

import pytest

from tests.sim.network import Link, Network
from tests.sim.packets import parse_rtp
from tests.sim.peers import CM, GCM, Peer
from vpaas_core._fastpath.srtp import SrtpProfile


def test_a_viewer_misses_one_packet_in_twenty_on_both_ways_and_sees_nearly_all(network: Network) -> None:
    """5 % random loss each way, 30 s, retransmissions lost as well; 40 ms there and back."""
    publisher = Peer(network, uplink=Link(loss=0.05), downlink=Link(loss=0.05))
    viewer = Peer(network, uplink=Link(loss=0.05), downlink=Link(loss=0.05))
    network.run(3)
    source = publisher.produce(fps=30, packets_per_frame=4)
    sink = viewer.consume(source)
    source.start()
    network.run(30)
    source.stop()
    network.run(3)
    seen = set(sink.numbers)
    first = min(seen)
    assert first <= 200
    assert len(seen) >= 0.99 * (source.number - first + 1)
    assert sink.numbers == sorted(seen)
    assert sink.timestamps == sorted(sink.timestamps)
    assert len(sink.retransmitted) > 100
    stats = network.core.producer_stats(source.producer)[0]
    assert stats["packets_retransmitted"] > 100
    assert 0.03 < stats["packets_lost"] / source.packets_sent < 0.07  # of the path, not of what was mended


@pytest.mark.parametrize("backend", [0, 1])
@pytest.mark.parametrize("profile", [GCM, CM])
def test_loss_jitter_reordering_and_duplication_together(
    seed: int, profile: SrtpProfile, backend: int
) -> None:
    network = Network(seed, srtp_backend=backend)

    def link() -> Link:
        return Link(loss=0.02, jitter_us=8_000, reorder=0.05, duplicate=0.03, rate_bps=4_000_000)

    publisher = Peer(network, uplink=link(), downlink=link(), profile=profile)
    viewers = [Peer(network, uplink=link(), downlink=link(), profile=profile) for _ in range(3)]
    network.run(3)
    source, voice = publisher.produce(), publisher.produce("opus", payload_type=111)
    sinks = [viewer.consume(source, rtx=index < 2) for index, viewer in enumerate(viewers)]
    voices = [viewer.consume(voice) for viewer in viewers]
    source.start()
    voice.start()
    network.run(5)
    source.stop()
    voice.stop()
    network.run(2)
    for sink in sinks:
        assert len(sink.packets) > 0.98 * (source.number - min(sink.numbers) + 1)
        assert sink.numbers == sorted(set(sink.numbers))
    for sink in voices:
        assert len(sink.packets) > 0.93 * voice.number
        assert sink.numbers == sorted(set(sink.numbers))
    for viewer in viewers:
        assert set(viewer.refused) <= {"srtp_replay"}  # the duplicates of the link


def test_the_publisher_is_asked_for_gaps_and_its_answer_takes_its_place(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    sink = viewer.consume(source, nack=False)
    network.run(0.5)
    publisher.uplink.loss = 1.0
    lost = source.send_frame()
    publisher.uplink.loss = 0.0
    network.run(0.5)
    source.stop()
    network.run(0.2)
    assert sum(source.nacks.values()) == len(lost)
    sink.assert_continuous()
    assert set(lost) <= set(sink.numbers)
    late = [seq for index, seq in enumerate(sink.order) if index and seq < sink.order[index - 1]]
    assert late  # out of order, under the numbers kept free for them
    assert network.core.producer_stats(source.producer)[0]["packets_retransmitted"] == len(lost)


@pytest.mark.parametrize("rtx", [True, False])
def test_the_viewer_gets_again_what_it_asks_for(network: Network, rtx: bool) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    sink = viewer.consume(source, rtx=rtx)
    network.run(0.5)
    viewer.downlink.loss = 1.0
    network.run(0.1)
    viewer.downlink.loss = 0.0
    network.run(0.5)
    source.stop()
    network.run(0.2)
    sink.assert_continuous()
    assert sink.numbers == list(range(1, source.number + 1))
    stats = network.core.consumer_stats(sink.consumer)
    assert stats["packets_retransmitted"] == stats["packets_sent"] - (
        len(sink.packets) - stats["packets_retransmitted"]
    )
    assert bool(sink.retransmitted) == rtx


@pytest.mark.parametrize("backend", [0, 1])
@pytest.mark.parametrize("profile", [GCM, CM])
def test_a_plain_retransmission_is_the_same_bit_by_bit(seed: int, profile: SrtpProfile, backend: int) -> None:
    """Anything else under the same SRTP index would give the key away; `Peer.departing` always watches it."""
    network = Network(seed, srtp_backend=backend)
    publisher, viewer = Peer(network), Peer(network, profile=profile)
    network.run(0.1)
    source = publisher.produce(extensions=lambda: {2: b"\1\2\3", 3: b"\x05"}, mid="x").start()
    sink = viewer.consume(source, rtx=False, mid="m")
    wire: list[bytes] = []
    departing = viewer.departing
    viewer.departing = lambda data: (wire.append(data), departing(data))[1]  # type: ignore[method-assign]
    network.run(1)
    source.stop()
    network.run(0.1)
    media = [data for data in wire if data[0] >> 6 == 2 and not 192 <= data[1] < 224]
    wire.clear()
    for _ in range(3):
        sink.ask_again(sorted(sink.packets)[-10:])
        network.run(0.2)
    again = [data for data in wire if data[0] >> 6 == 2 and not 192 <= data[1] < 224]
    assert again == media[-10:] * 3
    assert viewer.refused["srtp_replay"] == 30


def test_nothing_is_sent_again_twice_within_a_round_trip(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    sink = viewer.consume(source)
    network.run(0.5)
    seq = max(sink.packets)
    for _ in range(5):
        sink.ask_again([seq])
    network.run(0.1)
    assert network.core.consumer_stats(sink.consumer)["packets_retransmitted"] == 1
    assert network.core.stats()["drops"]["nack_too_soon"] == 4


def test_nobody_gets_a_packet_again_and_again(network: Network) -> None:
    """A viewer's NACK costs it a few bytes, and the node a thousand for each number in it."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    sink = viewer.consume(source)
    network.run(0.3)
    source.stop()
    network.run(0.1)
    for _ in range(30):
        sink.ask_again(sorted(sink.packets))
        network.run(0.05)
    assert network.core.consumer_stats(sink.consumer)["packets_retransmitted"] == 10 * len(sink.packets)


def test_what_is_too_old_or_was_never_sent_is_not_sent_again(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    sink = viewer.consume(source)
    network.run(3)
    sink.ask_again([min(sink.packets), max(sink.packets) + 100])
    source.stop()
    network.run(0.1)
    assert network.core.stats()["drops"]["nack_not_found"] == 2
    assert not sink.retransmitted


def test_retransmission_of_what_was_sent_before_a_pause(network: Network) -> None:
    """It is the old packet under its old number, or nothing."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    sink = viewer.consume(source, extensions={})
    network.run(0.5)
    network.core.pause_consumer(sink.consumer, True)
    network.run(0.1)
    last = max(sink.packets)
    network.core.pause_consumer(sink.consumer, False)
    network.run(0.3)
    before = sink.packets.pop(last)
    sink.ask_again([last])
    network.run(0.1)
    assert sink.packets[last] == before
    assert last in sink.retransmitted


@pytest.mark.parametrize("rtx", [True, False])
def test_an_old_number_is_never_given_another_packet(network: Network, rtx: bool) -> None:
    """65536 packets pass while the viewer is paused: the same 16 bits now stand for another packet."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(packets_per_frame=1, payload_bytes=12)
    sink = viewer.consume(source, rtx=rtx)
    source.send_frame(key=True)
    network.run(0.1)
    (seq,) = sink.packets
    network.core.pause_consumer(sink.consumer, True)
    for _ in range(65535):
        publisher.send_rtp(source.next_packet(source.codec.delta))
        if source.seq % 128 == 0:
            network.run(0.001)
    publisher.send_rtp(source.next_packet(source.codec.delta))
    network.run(0.1)
    before = dict(network.core.transport_stats(viewer.transport))
    sink.ask_again([seq])
    network.run(0.03)
    assert network.core.consumer_stats(sink.consumer)["packets_retransmitted"] == 0
    assert network.core.transport_stats(viewer.transport)["packets_sent"] == before["packets_sent"]


def test_an_old_number_is_not_given_a_packet_of_the_next_source(network: Network) -> None:
    """The publisher's stream begins anew under the same mid, with the same sequence numbers."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(mid="v", announced=False)
    sink = viewer.consume(source, rtx=False)
    source.send_frame(key=True)
    network.run(0.1)
    seqs = sorted(sink.packets)
    source.ssrc += 0x10000
    publisher.sources[source.ssrc] = source
    source.seq = 1000
    source.send_frame(key=True)
    network.run(0.1)
    sink.ask_again(seqs)
    network.run(0.1)  # Peer.departing would see the same index with another packet
    assert network.core.stats()["drops"]["nack_not_found"] == len(seqs)


def test_rtx_that_repeats_nothing_is_only_a_probe(network: Network) -> None:
    """Chromium probes for bandwidth with padding on the RTX stream; nothing of it reaches a viewer."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce()
    sink = viewer.consume(source)
    source.send_frame(key=True)
    network.run(0.1)
    for size in (0, 1, 2):
        packet = parse_rtp(source.sent[1000].pack())
        rtx = {"payload_type": 97, "ssrc": source.rtx_ssrc}
        for padding in (0, 5, 200):
            source.rtx_seq += 1
            publisher.send_rtp(
                type(packet)(
                    seq=source.rtx_seq,
                    timestamp=packet.timestamp,
                    payload=struct.pack("!H", 1001)[:size],
                    padding=padding,
                    **rtx,
                )
            )
    network.run(0.2)
    assert len(sink.packets) == 3
    assert set(network.core.transport_stats(publisher.transport)["drops"]) <= {"rtp_duplicate"}
