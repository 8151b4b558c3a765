"""A viewer or a publisher pauses: no gap in the numbers, no step back in time, a key frame first."""

from itertools import pairwise

import pytest

from tests.sim.network import Network
from tests.sim.peers import Peer
from tests.sim.streams import Sink, Source


def call(network: Network, codec: str) -> tuple[Source, Sink, Sink]:
    publisher, viewer, other = Peer(network), Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(codec)
    sinks = viewer.consume(source), other.consume(source)
    source.start()
    network.run(1)
    return source, *sinks


@pytest.mark.parametrize("codec", ["vp8", "opus"])
@pytest.mark.parametrize("pause_s", [0.001, 0.2, 5])
def test_a_consumer_pauses(network: Network, codec: str, pause_s: float) -> None:
    _, sink, other = call(network, codec)
    for _ in range(3):
        network.core.pause_consumer(sink.consumer, True)
        network.run(0.05)
        seen = len(sink.packets)
        network.run(pause_s)
        assert len(sink.packets) == seen
        network.core.pause_consumer(sink.consumer, False)
        network.run(1)
        assert len(sink.packets) > seen + 30
    sink.assert_continuous()
    other.assert_continuous()
    assert len(other.packets) > len(sink.packets)
    assert [right - left for left, right in zip(sink.timestamps, sink.timestamps[1:], strict=False)].count(
        0
    ) > 0 or (codec == "opus")


@pytest.mark.parametrize("codec", ["vp8", "opus"])
def test_a_producer_pauses(network: Network, codec: str) -> None:
    source, sink, other = call(network, codec)
    for _ in range(3):
        network.core.pause_producer(source.producer, True)
        network.run(0.05)
        seen = len(sink.packets)
        network.run(2)
        assert len(sink.packets) == seen
        assert network.core.stats()["drops"]["producer_paused"] > 0
        network.core.pause_producer(source.producer, False)
        network.run(1)
    for each in (sink, other):
        each.assert_continuous()
        assert len(each.packets) > 180
    assert sink.numbers == other.numbers


@pytest.mark.parametrize("who", ["consumer", "producer"])
def test_video_goes_on_with_a_key_frame(network: Network, who: str) -> None:
    source, sink, _ = call(network, "vp8")
    pause = getattr(network.core, f"pause_{who}")
    target = sink.consumer if who == "consumer" else source.producer
    pause(target, True)
    network.run(1)
    before = max(sink.packets)
    pause(target, False)
    network.run(1)
    first = sink.packets[before + 1]
    assert first.payload.startswith(source.codec.key)


def test_a_consumer_made_paused_gets_nothing_and_asks_for_nothing(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    sink = viewer.consume(source, paused=True)
    network.run(1)
    assert not sink.packets
    assert not source.key_frame_requests_us
    network.core.pause_consumer(sink.consumer, False)
    network.run(1)
    assert len(source.key_frame_requests_us) == 1
    sink.assert_continuous()


def test_time_goes_on_by_what_has_passed(network: Network) -> None:
    _, sink, _ = call(network, "opus")
    network.core.pause_consumer(sink.consumer, True)
    network.run(3)
    network.core.pause_consumer(sink.consumer, False)
    network.run(1)
    seqs = sorted(sink.packets)
    for left, right in pairwise(seqs):
        passed_us = sink.arrived_us[right] - sink.arrived_us[left]
        stamped = (sink.packets[right].timestamp - sink.packets[left].timestamp) % (1 << 32)
        assert abs(stamped - passed_us * 48000 / 1e6) < 48


def test_who_is_not_paused_is_not_resumed(network: Network) -> None:
    """It would begin anew, with a key frame that nobody needs."""
    source, sink, _ = call(network, "vp8")
    requests = len(source.key_frame_requests_us)
    for _ in range(20):
        network.core.pause_consumer(sink.consumer, False)
        network.core.pause_producer(source.producer, False)
        network.run(0.05)
    assert len(source.key_frame_requests_us) == requests
    sink.assert_continuous()
    assert sink.numbers == list(range(1, sink.numbers[-1] + 1))


def test_a_late_packet_after_a_pause_takes_nobody_back(network: Network) -> None:
    """Recovered packets from before the pause are history: their timestamps lie behind what was sent."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce("opus")
    sink = viewer.consume(source)
    packets = [source.next_packet(b"\xfc") for _ in range(3) if network.run(0.02) is None]
    publisher.send_rtp(packets[0])
    publisher.send_rtp(packets[2])
    network.run(0.1)
    network.core.pause_consumer(sink.consumer, True)
    network.core.pause_consumer(sink.consumer, False)
    publisher.send_rtp(packets[1])
    network.run(0.1)
    source.start()
    network.run(0.5)
    assert sink.timestamps == sorted(sink.timestamps)
    assert sink.numbers == sorted(sink.numbers)
