"""Temporal layers: a viewer gets fewer pictures a second, all of which it can decode, without gaps."""

from itertools import pairwise
from typing import Any

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor

from tests.sim.decoder import Viewer, between, longest_gap_us
from tests.sim.layers import Simulcast
from tests.sim.network import Network
from tests.sim.peers import Peer

SAID = [("vp8", "payload"), ("vp8", "dd"), ("h264", "dd"), ("vp9", "payload"), ("av1", "dd")]


def call(network: Network, codec: str, says: str, **options: Any) -> tuple[Simulcast, Viewer]:
    publisher, peer = Peer(network), Peer(network)
    network.run(0.1)
    source = Simulcast(publisher, codec, 1, says=says, **options)
    return source, Viewer(peer.consume(source))


@pytest.mark.parametrize(("codec", "says"), SAID)
def test_each_wish_is_followed_within_a_cycle(network: Network, codec: str, says: str) -> None:
    source, viewer = call(network, codec, says)
    source.start()
    network.run(1)
    wishes = []
    for wish in (1, 0, 2, 0, 1, 2, 1):
        wishes.append((viewer.prefer(0, wish), wish))
        network.run(1)
        assert viewer.layers == (0, wish)
    shown = viewer.watch()
    for at_us, wish in wishes:
        pictures = between(shown, at_us + 200_000, at_us + 1_000_000)
        assert {picture.temporal for picture in pictures} == set(range(wish + 1))
        steps = {right.capture - left.capture for left, right in pairwise(pictures)}
        assert steps == {4 >> wish}
    assert longest_gap_us(shown) < 150_000
    assert len(source.key_frame_requests_us) <= 1


@pytest.mark.parametrize(("codec", "says"), SAID)
def test_what_is_dropped_leaves_no_gap(network: Network, codec: str, says: str) -> None:
    """Or the viewer would ask for it again and again."""
    source, viewer = call(network, codec, says)
    source.start()
    network.run(0.5)
    viewer.prefer(0, 0)
    network.run(3)
    stats = network.core.consumer_stats(viewer.sink.consumer)
    assert stats["nack_count"] == 0
    assert {packet.gap for packet in viewer.forwarded()} == {0}
    assert network.core.stats()["drops"]["layer"] > 60
    viewer.watch()


def test_the_layers_above_are_as_if_they_had_never_been(network: Network) -> None:
    """Picture ids and TL0PICIDX of a viewer of the base layer count by one."""
    source, viewer = call(network, "vp8", "payload")
    source.start()
    network.run(0.5)
    viewer.prefer(0, 0)
    network.run(0.5)
    seen = len(viewer.forwarded())
    network.run(2)
    descriptors = [VpxPayloadDescriptor.parse(packet.rtp.payload)[0] for packet in viewer.forwarded()[seen:]]
    for left, right in pairwise(descriptors):
        assert left.picture_id is not None
        assert right.picture_id == (left.picture_id + 1) & 0x7FFF
        assert left.tl0picidx is not None
        assert right.tl0picidx == (left.tl0picidx + 1) & 0xFF


@pytest.mark.parametrize(("codec", "says"), SAID)
def test_over_links_that_lose(network: Network, codec: str, says: str) -> None:
    source, viewer = call(network, codec, says)
    source.start()
    network.run(0.5)
    for peer in (source.peer, viewer.sink.peer):
        peer.uplink.loss, peer.downlink.loss = 0.05, 0.05
    for wish in (2, 1, 0, 2, 1):
        viewer.prefer(0, wish)
        network.run(2)
    source.stop()
    network.run(1)
    shown = viewer.watch()
    assert longest_gap_us(shown) < 800_000  # of 7.5 pictures a second; a loss shows with the next
    late = between(shown, network.now_us - 2_500_000, network.now_us)
    assert {picture.temporal for picture in late} == {0, 1}
    assert len(late) > 0.95 * 22


def test_a_codec_that_tells_nothing_is_forwarded_whole(network: Network) -> None:
    source, viewer = call(network, "h264", "none")
    source.start()
    network.run(0.5)
    viewer.prefer(0, 0)
    network.run(1)
    assert len(viewer.watch()) >= 44


@pytest.mark.parametrize("encodings", [2, 3])
def test_with_simulcast(network: Network, encodings: int) -> None:
    publisher, peer = Peer(network), Peer(network)
    network.run(0.1)
    source = Simulcast(publisher, "vp8", encodings)
    viewer = Viewer(peer.consume(source))
    source.start()
    network.run(2)
    for spatial, temporal in [(0, 2), (1, 0), (0, 1), (1, 2), (0, 0), (1, 1)]:
        viewer.prefer(spatial, temporal)
        network.run(2)
        assert viewer.layers == (spatial, temporal)
        late = between(viewer.watch(), network.now_us - 1_000_000, network.now_us)
        assert {(picture.layer, picture.temporal) for picture in late} == {
            (spatial, t) for t in range(temporal + 1)
        }
