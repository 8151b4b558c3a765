"""Who comes late sees the last key frame at once and catches up, without any help of the publisher."""

from itertools import pairwise
from typing import Any

import pytest

from tests.sim.decoder import Viewer, between, longest_gap_us
from tests.sim.layers import Layered, Simulcast, Svc
from tests.sim.network import Link, Network
from tests.sim.peers import Peer

CACHE: dict[str, Any] = {"key_frame_cache_us": 12_000_000}


def call(
    network: Network, late_s: float, codec: str = "vp8", *, encodings: int = 1, **options: Any
) -> tuple[Layered, Peer]:
    """A publisher that has made one key frame, `late_s` ago, and a viewer about to consume."""
    publisher, peer = Peer(network), Peer(network)
    network.run(0.1)
    source = Simulcast(publisher, codec, encodings, **{**CACHE, "payload_bytes": 1100, **options})
    source.start()
    network.run(late_s)
    return source, peer


@pytest.mark.parametrize("late_s", [0.3, 3, 9])
@pytest.mark.parametrize("codec", ["vp8", "h264", "vp9", "av1"])
def test_a_late_joiner_sees_a_picture_at_once_and_the_present_soon(
    network: Network, codec: str, late_s: float
) -> None:
    source, peer = call(network, late_s, codec)
    viewer = Viewer(peer.consume(source))
    joined_us = network.now_us
    network.run(3)
    source.stop()
    network.run(0.1)
    shown = viewer.watch(hasty=True)
    assert not source.key_frame_requests_us
    assert shown[0].key
    assert shown[0].at_us - joined_us < 100_000
    assert longest_gap_us(shown) < 100_000
    assert [right.capture - left.capture for left, right in pairwise(shown)] == [1] * (len(shown) - 1)
    live = between(shown, joined_us + 2_500_000, network.now_us)
    assert all(picture.at_us - picture.captured_us < 60_000 for picture in live)


@pytest.mark.parametrize("codec", ["vp9", "av1"])
@pytest.mark.parametrize("mode", ["L3T3", "L3T3_KEY"])
def test_of_layers_too(network: Network, codec: str, mode: str) -> None:
    publisher, peer = Peer(network), Peer(network)
    network.run(0.1)
    source = Svc(publisher, codec, mode, **CACHE)
    source.start()
    network.run(4)
    viewer = Viewer(peer.consume(source, paused=True))
    joined_us = viewer.prefer(1, 1)
    network.core.pause_consumer(viewer.sink.consumer, False)
    network.run(3)
    shown = viewer.watch(hasty=True, marks=False)
    assert not source.key_frame_requests_us
    assert shown[0].at_us - joined_us < 100_000
    late = between(shown, joined_us + 2_000_000, network.now_us)
    assert {(picture.spatial, picture.temporal) for picture in late} == {(1, 0), (1, 1)}


def test_what_was_missed_is_paced(network: Network) -> None:
    """Nobody's link is flooded: 4 Mbit/s or six times as fast as it came, whichever is more."""
    source, peer = call(network, 9)
    viewer = Viewer(peer.consume(source))
    network.run(3)
    viewer.watch(hasty=True)
    sent: dict[int, int] = {}
    for at_us, packet in viewer.departed.values():
        sent[at_us // 50_000] = sent.get(at_us // 50_000, 0) + len(packet.payload) + 40
    source_bps = 8 * sum(len(packet.payload) + 40 for packet in source.streams[0].sent.values()) / 12
    assert max(sent.values()) * 8 / 0.05 < 1.6 * max(4_000_000, 6 * source_bps)


def test_two_hundred_joiners_and_no_request(network: Network) -> None:
    source, _ = call(network, 2)
    peers = [Peer(network) for _ in range(200)]
    network.run(0.2)
    sinks = []
    for peer in peers:
        sinks.append(peer.consume(source, reports=False))
        network.run(0.005)
    network.run(2)
    assert not source.key_frame_requests_us
    newest = source.captures
    numbers = source.streams[0].frame_numbers
    for sink in sinks:
        sink.assert_continuous()
        assert sink.numbers[-1] in [number for frame in list(numbers.values())[-4:] for number in frame]
    assert newest > 100


def test_the_others_notice_nothing(network: Network) -> None:
    source, peer = call(network, 1)
    first = Viewer(peer.consume(source))
    network.run(3)
    seen = len(first.forwarded())
    late = Viewer(Peer(network).consume(source))
    network.run(2)
    source.stop()
    network.run(0.1)
    shown = first.watch(hasty=True)
    assert len(first.forwarded()) > seen
    assert longest_gap_us(shown) < 60_000
    late.watch(hasty=True)


def test_without_the_cache_the_publisher_is_asked(network: Network) -> None:
    source, peer = call(network, 2, key_frame_cache_us=0)
    viewer = Viewer(peer.consume(source))
    network.run(1)
    assert len(source.key_frame_requests_us) == 1
    shown = viewer.watch()
    assert shown[0].key
    assert shown[0].capture > 55


def test_what_is_older_than_the_cache_may_be_is_not_used(network: Network) -> None:
    source, peer = call(network, 4, key_frame_cache_us=3_000_000)
    viewer = Viewer(peer.consume(source))
    network.run(1)
    assert len(source.key_frame_requests_us) == 1
    assert viewer.watch()[0].capture > 110


def test_the_viewer_loses_some_of_it(network: Network) -> None:
    source, peer = call(network, 5)
    peer.downlink.loss = 0.1
    viewer = Viewer(peer.consume(source))
    joined_us = network.now_us
    network.run(2)
    peer.downlink.loss = 0.0
    network.run(2)
    source.stop()
    network.run(0.3)
    shown = viewer.watch(hasty=True)
    assert not source.key_frame_requests_us
    assert shown[0].at_us - joined_us < 400_000
    assert len(shown) == source.captures


def test_the_node_misses_some_of_it(network: Network) -> None:
    """What is still asked for is waited for: order is kept."""
    publisher, peer = Peer(network, uplink=Link(loss=0.1)), Peer(network)
    network.run(3)
    source = Simulcast(publisher, "vp8", 1, **CACHE)
    source.start()
    for _ in range(5):
        network.run(1)
        viewer = Viewer(Peer(network).consume(source))
        network.run(1)
        viewer.watch(hasty=True)
    viewer = Viewer(peer.consume(source))
    network.run(2)
    publisher.uplink.loss = 0.0
    network.run(1)
    source.stop()
    network.run(0.2)
    shown = viewer.watch(hasty=True)
    assert len(shown) > 0.97 * (source.captures - shown[0].capture + 1)


def test_a_key_frame_meanwhile_is_a_shorter_way(network: Network) -> None:
    source, peer = call(network, 9)
    viewer = Viewer(peer.consume(source))
    network.run(0.2)
    source.capture(key=True)
    key = source.captures
    network.run(0.3)
    source.stop()
    network.run(0.1)
    shown = viewer.watch(hasty=True)
    captures = [picture.capture for picture in shown]
    assert key in captures
    assert len(captures) < source.captures - 50
    assert captures[-1] == source.captures
    assert longest_gap_us(shown) < 100_000


def test_a_pause_while_catching_up(network: Network) -> None:
    source, peer = call(network, 9)
    viewer = Viewer(peer.consume(source))
    for _ in range(3):
        network.run(0.15)
        network.core.pause_consumer(viewer.sink.consumer, True)
        network.run(0.3)
        network.core.pause_consumer(viewer.sink.consumer, False)
    network.run(2)
    shown = viewer.watch(hasty=True)
    assert not source.key_frame_requests_us
    assert shown[-1].at_us - shown[-1].captured_us < 60_000


def test_a_switch_of_encodings_takes_the_cache_too(network: Network) -> None:
    """When what it followed is there no more; else it follows that until the target makes a key frame."""
    source, peer = call(network, 2, encodings=3)
    viewer = Viewer(peer.consume(source))
    network.run(1)
    for stream in reversed(source.streams[1:]):
        stream.activate(False)
        network.run(1)
        assert viewer.layers[0] == stream.index - 1
    assert not source.key_frame_requests_us
    assert longest_gap_us(viewer.watch(hasty=True)) < 500_000
    source.streams[2].activate(True)
    network.run(1)
    assert viewer.layers[0] == 2
    viewer.prefer(0)
    network.run(1)
    assert len(source.streams[0].key_frame_requests_us) == 1
    assert longest_gap_us(viewer.watch(hasty=True)) < 500_000


def test_a_producers_pause_leaves_a_hole_that_nobody_starts_before(network: Network) -> None:
    source, peer = call(network, 2)
    first = Viewer(peer.consume(source))
    network.run(1)
    network.core.pause_producer(source.producer, True)
    network.run(1)
    network.core.pause_producer(source.producer, False)
    resumed_us = network.now_us
    second = Viewer(Peer(network).consume(source))
    network.run(1)
    assert len(source.key_frame_requests_us) == 1
    for viewer in (first, second):
        late = between(viewer.watch(hasty=True), resumed_us, network.now_us)
        assert late[0].key
        assert late[0].captured_us > resumed_us
        assert late[-1].at_us - late[-1].captured_us < 60_000


def test_a_publisher_that_is_gone_leaves_no_one_behind(network: Network) -> None:
    source, peer = call(network, 9)
    viewer = Viewer(peer.consume(source))
    network.run(0.1)
    network.core.close_producer(source.producer)
    network.run(1)
    seen = len(viewer.departed)
    assert seen
    network.run(1)
    assert len(viewer.departed) == seen


def test_a_source_that_stopped_meanwhile_is_the_past_too(network: Network) -> None:
    """Who comes back is shown its last picture as of now, or the next would seem to come from the future."""
    source, peer = call(network, 1)
    viewer = Viewer(peer.consume(source))
    network.run(1)
    network.core.pause_consumer(viewer.sink.consumer, True)
    network.run(2)
    source.stop()
    network.run(3)
    before = len(viewer.forwarded())
    network.core.pause_consumer(viewer.sink.consumer, False)
    network.run(1)
    assert len(viewer.forwarded()) > before
    source.start()
    network.run(1)
    first, *rest = viewer.forwarded()
    for each in rest:
        passed_us = (each.timestamp - first.timestamp) * 1_000_000 // 90_000
        assert abs(passed_us - (each.at_us - first.at_us)) < 100_000
    assert viewer.forwarded()[-1].sent.captured_us > network.now_us - 100_000
