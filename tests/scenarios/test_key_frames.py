"""Video starts at a key frame, and many viewers together cost the publisher one request."""

from itertools import pairwise

import pytest

from tests.sim.network import Link, Network
from tests.sim.packets import CODECS
from tests.sim.peers import Peer
from tests.sim.streams import number_of

VIDEO = [name for name, codec in CODECS.items() if codec.video]


@pytest.mark.parametrize("codec", VIDEO)
def test_a_viewer_starts_at_a_key_frame(network: Network, codec: str) -> None:
    publisher, viewer = Peer(network, downlink=Link(delay_us=100_000)), Peer(network)
    network.run(0.1)
    source = publisher.produce(codec).start()
    network.run(1)
    sink = viewer.consume(source)
    network.run(0.5)
    first = sink.packets[min(sink.packets)]
    assert first.payload.startswith(source.codec.key)
    assert number_of(first.payload) > 90
    assert len(source.key_frame_requests_us) == 1
    sink.assert_continuous()
    assert network.core.stats()["drops"]["waiting_key_frame"] > 0


def test_two_hundred_joiners_cost_one_request_per_delay(network: Network) -> None:
    publisher = Peer(network)
    viewers = [Peer(network) for _ in range(200)]
    network.run(0.2)
    source = publisher.produce(fps=10, packets_per_frame=1, key_frame_delay_us=1_000_000).start()
    network.run(0.5)
    sinks = []
    for viewer in viewers:  # over two seconds
        sinks.append(viewer.consume(source, reports=False))
        network.run(0.01)
    network.run(1.5)
    requests = source.key_frame_requests_us
    assert 2 <= len(requests) <= 4
    assert all(right - left >= 980_000 for left, right in pairwise(requests))
    assert all(sink.packets for sink in sinks)


def test_a_request_is_repeated_until_the_key_frame_comes_and_no_longer(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(key_frame_on_request=False)
    source.send_frame()
    source.start()
    network.run(0.5)
    sink = viewer.consume(source)
    network.run(3.2)
    requests = len(source.key_frame_requests_us)
    assert requests == 7  # every 500 ms
    assert not sink.packets
    source.send_frame(key=True)
    network.run(3)
    assert len(source.key_frame_requests_us) == requests
    assert len(sink.packets) > 200


def test_a_viewers_own_requests_are_bounded_too(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    sink = viewer.consume(source)
    network.run(0.5)
    before = len(source.key_frame_requests_us)
    for _ in range(200):
        sink.ask_key_frame()
        network.run(0.01)
    assert len(source.key_frame_requests_us) - before <= 5
    assert network.core.consumer_stats(sink.consumer)["pli_count"] == 200


def test_requests_of_one_stream_spare_the_others(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    first = publisher.produce().start()
    second = publisher.produce(payload_type=98, rtx_payload_type=99).start()
    sink = viewer.consume(first)
    viewer.consume(second)
    network.run(1)
    before = len(first.key_frame_requests_us), len(second.key_frame_requests_us)
    sink.ask_key_frame()
    network.run(0.5)
    assert (len(first.key_frame_requests_us), len(second.key_frame_requests_us)) == (before[0] + 1, before[1])


def test_no_viewer_no_request(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(key_frame_on_request=False)
    source.send_frame()
    network.run(0.1)
    sink = viewer.consume(source.start())
    network.run(1.2)
    viewer.close()
    network.run(0.1)
    before = len(source.key_frame_requests_us)
    network.run(3)
    assert before > 0
    assert len(source.key_frame_requests_us) == before
    assert not sink.packets


def test_a_key_frame_whose_first_packet_comes_late_is_not_lost(network: Network) -> None:
    """The viewer waits for it; what came before it follows from the ring, in order and complete."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(packets_per_frame=8)
    publisher.send_rtp(source.next_packet(source.codec.delta))
    network.run(0.1)
    sink = viewer.consume(source, nack=False)
    network.run(0.1)
    publisher.uplink.loss = 1.0
    first = source.next_packet(source.codec.key)
    publisher.send_rtp(first)
    publisher.uplink.loss = 0.0
    for _ in range(7):
        publisher.send_rtp(source.next_packet(source.codec.further))
    source._key_frame_next = False
    source.start()
    network.run(0.5)
    source.stop()
    network.run(0.1)
    assert source.nacks[first.seq] == 1
    sink.assert_continuous()
    assert sink.numbers == list(range(2, source.number + 1))


def test_a_join_before_the_path_is_there_starts_when_it_is(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network, connect=False, keys=False)
    network.run(0.1)
    source = publisher.produce().start()
    sink = viewer.consume(source)
    network.run(2)
    assert not sink.packets
    assert network.core.stats()["drops"]["no_destination"] > 0
    viewer.check()
    network.run(1)
    assert not sink.packets
    before = len(source.key_frame_requests_us)
    viewer.give_keys()
    network.run(0.2)
    assert len(sink.packets) > 0
    assert len(source.key_frame_requests_us) == before + 1
    sink.assert_continuous()


def test_a_viewer_whose_path_comes_late_does_not_wait_for_the_next_request(network: Network) -> None:
    """A request before the keys are there brings a key frame too early, and forbids the one needed."""
    publisher, viewer = Peer(network), Peer(network, keys=False)
    network.run(0.1)
    source = publisher.produce().start()
    network.run(1)
    sink = viewer.consume(source)
    network.run(0.2)
    assert source.key_frame_requests_us == []
    viewer.give_keys()
    ready_us = network.now_us
    network.run(0.2)
    assert sink.packets
    assert source.key_frame_requests_us[0] - ready_us < 50_000
