"""SVC: of one stream's layers each viewer gets what it asked for, and can decode all of it."""

from itertools import pairwise, product
from typing import Any

import pytest

from tests.sim.decoder import DD, Viewer, between, longest_gap_us
from tests.sim.layers import DEPENDENCY_DESCRIPTOR, Mode, Svc
from tests.sim.network import Link, Network
from tests.sim.peers import Peer
from tests.support.dependency import read_descriptor

MODES = ["L1T1", "L1T2", "L1T3", "L2T1", "L2T3", "L3T1", "L3T2", "L3T3", "L2T2_KEY", "L3T1_KEY", "L3T3_KEY"]
CODECS = ["vp9", "av1"]


def call(
    network: Network, codec: str, mode: str, viewers: int = 1, **options: Any
) -> tuple[Svc, list[Viewer]]:
    publisher = Peer(network)
    peers = [Peer(network) for _ in range(viewers)]
    network.run(0.1)
    source = Svc(publisher, codec, mode, **options)
    return source, [Viewer(peer.consume(source)) for peer in peers]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("codec", CODECS)
def test_every_viewer_gets_just_its_layers(network: Network, codec: str, mode: str) -> None:
    """A viewer for each target, all at once, of one stream."""
    layers = Mode.named(mode)
    targets = list(product(range(layers.spatial), range(layers.temporal)))
    source, viewers = call(network, codec, mode, len(targets))
    for viewer, target in zip(viewers, targets, strict=True):
        viewer.prefer(*target)
    source.start()
    network.run(3)
    source.stop()
    network.run(0.1)
    for viewer, (spatial, temporal) in zip(viewers, targets, strict=True):
        shown = viewer.watch()[8:]
        assert viewer.layers == (spatial, temporal)
        assert {picture.spatial for picture in shown} == {spatial}
        assert {picture.temporal for picture in shown} == set(range(temporal + 1))
        every = {1: 1, 2: 2 >> temporal, 3: 4 >> temporal}[layers.temporal]
        assert {right.capture - left.capture for left, right in pairwise(shown)} == {every}


@pytest.mark.parametrize("mode", ["L3T3", "L3T3_KEY", "L2T2"])
@pytest.mark.parametrize("codec", CODECS)
def test_every_wish_is_followed_and_nothing_freezes(network: Network, codec: str, mode: str) -> None:
    source, (viewer,) = call(network, codec, mode)
    source.start()
    network.run(1)
    top = source.stream.mode.spatial - 1
    wishes = []
    for wish in [(0, 0), (top, 1), (1, 1), (top, 0), (0, 1), (1, 0), (top, 1), (0, 1)]:
        wishes.append((viewer.prefer(*wish), wish))
        network.run(1.5)
        assert viewer.layers == wish
    shown = viewer.watch(marks=False)
    for at_us, (spatial, temporal) in wishes:
        pictures = between(shown, at_us + 700_000, at_us + 1_500_000)
        assert {picture.spatial for picture in pictures} == {spatial}
        assert {picture.temporal for picture in pictures} == set(range(temporal + 1))
    assert longest_gap_us(shown) < 200_000
    ups = 4
    assert len(source.key_frame_requests_us) <= (ups if mode != "L3T3_KEY" else len(wishes)) + 1


@pytest.mark.parametrize("mode", ["L3T3", "L3T3_KEY"])
@pytest.mark.parametrize("codec", CODECS)
def test_over_links_that_lose(network: Network, codec: str, mode: str) -> None:
    publisher = Peer(network, uplink=Link(loss=0.05), downlink=Link(loss=0.03))
    peers = [Peer(network, uplink=Link(loss=0.03), downlink=Link(loss=0.05)) for _ in range(2)]
    network.run(3)
    source = Svc(publisher, codec, mode)
    viewers = [Viewer(peer.consume(source)) for peer in peers]
    source.start()
    for wish in (2, 0, 2, 1, 2):
        viewers[0].prefer(wish)
        network.run(2)
    source.stop()
    network.run(1)
    for viewer in viewers:
        shown = viewer.watch(marks=False)
        assert longest_gap_us(shown) < 700_000
        assert len(shown) > 0.95 * (source.captures - shown[0].capture + 1)


@pytest.mark.parametrize("codec", CODECS)
def test_a_descriptor_of_its_own_says_the_same(network: Network, codec: str) -> None:
    """VP9 with both descriptors, as Chromium sends it."""
    source, (viewer,) = call(network, codec, "L3T3_KEY", says="both" if codec == "vp9" else "dd")
    source.start()
    network.run(1)
    for wish in [(0, 2), (2, 1), (1, 0)]:
        viewer.prefer(*wish)
        network.run(1)
        assert viewer.layers == wish
    viewer.watch(marks=False)


def test_the_structure_is_kept_though_its_packet_was_lost(network: Network) -> None:
    """What refers to templates that are not there waits for the retransmission, and is not read by others."""
    source, (viewer,) = call(network, "av1", "L3T3")
    source.start()
    network.run(1)
    for _ in range(5):
        source.peer.uplink.loss = 1.0
        source.capture(key=True)
        source.peer.uplink.loss = 0.0
        network.run(1)
    source.stop()
    network.run(0.2)
    shown = viewer.watch()
    assert len(shown) == source.captures
    assert longest_gap_us(shown) < 200_000


def test_the_structure_that_never_came_is_asked_for(network: Network) -> None:
    source, (viewer,) = call(network, "av1", "L3T3", nack=False)
    source.peer.uplink.loss = 1.0
    source.capture()
    source.peer.uplink.loss = 0.0
    source.start()
    network.run(2)
    assert network.core.stats()["drops"]["layers_unknown"] > 0
    assert source.key_frame_requests_us
    shown = viewer.watch()
    assert shown[0].key
    assert len(shown) > 40


def test_one_and_two_byte_header_extensions_within_one_stream(network: Network) -> None:
    """A descriptor with its structure is longer than 16 bytes and needs the two-byte form; others do not."""
    source, (viewer,) = call(network, "av1", "L3T3")
    source.start()
    network.run(0.5)
    source.capture(key=True)
    network.run(0.5)
    source.stop()
    network.run(0.1)
    lengths = [len(packet.extensions[DEPENDENCY_DESCRIPTOR]) for packet in source.stream.sent.values()]
    assert min(lengths) <= 16 < max(lengths)
    forwarded = viewer.forwarded()
    assert len(forwarded) == len(lengths)
    for packet in forwarded:
        assert len(packet.rtp.extensions[DD]) in lengths
    assert read_descriptor(forwarded[0].rtp.extensions[DD], None).structure is not None
    viewer.watch()


@pytest.mark.parametrize("codec", CODECS)
def test_a_layer_of_k_svc_that_stops_leaves_nobody_without_picture(network: Network, codec: str) -> None:
    """Those who followed it have not got what the layers below lean on: only a key picture helps."""
    source, (viewer,) = call(network, codec, "L3T3_KEY")
    source.start()
    network.run(1)
    source.stream.layers = 2
    stopped_us = network.now_us
    network.run(3)
    shown = viewer.watch(marks=False)
    assert longest_gap_us(shown) < 1_400_000
    assert {picture.spatial for picture in between(shown, stopped_us + 1_400_000, network.now_us)} == {1}


@pytest.mark.parametrize("codec", CODECS)
def test_a_spatial_layer_that_stops_is_done_without_and_comes_back(network: Network, codec: str) -> None:
    source, (viewer,) = call(network, codec, "L3T3")
    source.start()
    network.run(1)
    for _ in range(2):
        source.stream.layers = 2
        stopped_us = network.now_us
        network.run(2)
        source.stream.layers = 3
        started_us = network.now_us
        network.run(2)
    shown = viewer.watch(marks=False)
    assert longest_gap_us(shown) < 100_000
    assert {picture.spatial for picture in between(shown, stopped_us + 300_000, started_us)} == {1}
    assert {picture.spatial for picture in between(shown, started_us + 700_000, network.now_us)} == {2}
