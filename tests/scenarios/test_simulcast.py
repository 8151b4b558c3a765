"""A viewer's encoding changes at key frames alone; to its decoder all is one stream under one clock."""

from itertools import pairwise
from typing import Any

import pytest

from tests.sim.decoder import Shown, Viewer, between, longest_gap_us, switches
from tests.sim.layers import Simulcast
from tests.sim.network import Link, Network
from tests.sim.peers import Peer

CODECS = ["vp8", "h264", "vp9", "av1"]


def call(
    network: Network, codec: str = "vp8", viewers: int = 1, **options: Any
) -> tuple[Simulcast, list[Viewer]]:
    publisher = Peer(network)
    peers = [Peer(network) for _ in range(viewers)]
    network.run(0.1)
    source = Simulcast(publisher, codec, **options)
    return source, [Viewer(peer.consume(source)) for peer in peers]


def encodings(shown: list[Shown], start_us: int, end_us: int) -> set[int]:
    return {picture.layer for picture in between(shown, start_us, end_us)}


@pytest.mark.parametrize("by", ["rid", "ssrc"])
@pytest.mark.parametrize("codec", CODECS)
def test_every_wish_is_followed_within_half_a_second_and_nothing_freezes(
    network: Network, codec: str, by: str
) -> None:
    source, (viewer,) = call(network, codec, by=by)
    source.start()
    network.run(2)
    wishes = []
    for wish in (0, 2, 1, 0, 1, 2, 0):
        wishes.append((viewer.prefer(wish), wish))
        network.run(2)
        assert viewer.layers == (wish, 2)
    shown = viewer.watch()
    assert longest_gap_us(shown) < 100_000
    for at_us, wish in wishes:
        assert encodings(shown, at_us + 600_000, at_us + 2_000_000) == {wish}
    assert len(switches(between(shown, wishes[0][0], network.now_us))) == len(wishes)


@pytest.mark.parametrize("lags_us", [(0, 20_000, 45_000), (45_000, 20_000, 0)])
def test_encoders_of_different_speed_stay_in_step_by_their_reports(
    network: Network, lags_us: tuple[int, ...]
) -> None:
    """Each encoding has a clock of its own; arrival would put it off by what the encoder takes."""
    source, _ = call(network, viewers=0, lags_us=lags_us)
    source.start()
    network.run(2)
    peer = Peer(network)
    network.run(0.1)
    viewer = Viewer(peer.consume(source))
    network.run(1)
    for wish in (0, 2, 1, 2, 0, 2, 0, 1, 0):
        viewer.prefer(wish)
        network.run(1.5)
    assert len(switches(viewer.watch())) >= 9


def test_without_reports_it_goes_by_arrival(network: Network) -> None:
    source, (viewer,) = call(network, reports=False)
    source.start()
    network.run(2)
    for wish in (0, 2, 1, 2, 0):
        viewer.prefer(wish)
        network.run(1.5)
    assert len(switches(viewer.watch(aligned=900))) >= 5


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_links_that_lose_reorder_and_repeat(network: Network, codec: str) -> None:
    """Every picture that came can be decoded, and 95 % of all come."""

    def link() -> Link:
        return Link(loss=0.05, jitter_us=8_000, reorder=0.03, duplicate=0.02)

    publisher = Peer(network, uplink=link(), downlink=link())
    peers = [Peer(network, uplink=link(), downlink=link()) for _ in range(2)]
    network.run(3)
    source = Simulcast(publisher, codec)
    viewers = [Viewer(peer.consume(source)) for peer in peers]
    source.start()
    network.run(2)
    for wish in (0, 2, 1, 2):
        viewers[0].prefer(wish)
        network.run(3)
    source.stop()
    network.run(1)
    for viewer in viewers:
        shown = viewer.watch(aligned=2000, marks=False)
        first = shown[0].capture
        assert len(shown) > 0.95 * (source.captures - first + 1)
        assert longest_gap_us(shown) < 500_000
    assert {picture.layer for picture in viewers[1].shown(viewers[1].forwarded())[60:]} == {2}


def test_retransmissions_find_their_encoding_by_repaired_rid(network: Network) -> None:
    source, (viewer,) = call(network)
    source.peer.uplink.loss = 0.1
    source.start()
    network.run(1)
    for wish in (0, 1, 2):
        viewer.prefer(wish)
        network.run(3)
    source.peer.uplink.loss = 0
    network.run(0.5)
    source.stop()
    network.run(0.5)
    shown = viewer.watch(aligned=2000)
    assert len(shown) > 0.97 * (source.captures - shown[0].capture)
    for stats, stream in zip(network.core.producer_stats(source.producer), source.streams, strict=True):
        assert stats["rid"] == stream.rid
        assert stats["ssrc"] == stream.ssrc
        assert stream.resent > 10
        assert stats["packets_retransmitted"] == stream.resent_arrived


def test_an_encoding_that_stops_is_replaced_and_comes_back(network: Network) -> None:
    source, (viewer,) = call(network)
    source.start()
    network.run(2)
    for _ in range(2):
        source.streams[2].activate(False)
        stopped_us = network.now_us
        network.run(3)
        assert viewer.layers[0] == 1
        source.streams[2].activate(True)
        started_us = network.now_us
        network.run(3)
        assert viewer.layers[0] == 2
    shown = viewer.watch()
    assert encodings(shown, stopped_us + 1_000_000, started_us) == {1}
    assert longest_gap_us(shown) < 700_000  # it takes a moment to know that nothing comes any more


def test_the_smallest_is_better_than_none(network: Network) -> None:
    source, (viewer,) = call(network)
    source.start()
    source.streams[0].activate(False)
    source.streams[1].activate(False)
    viewer.prefer(0)
    network.run(2)
    assert viewer.layers[0] == 2
    source.streams[0].activate(True)
    network.run(2)
    assert viewer.layers[0] == 0
    for stream in source.streams:
        stream.activate(False)
    network.run(2)
    source.streams[1].activate(True)
    network.run(2)
    assert viewer.layers[0] == 1
    viewer.watch()


def test_viewers_of_different_encodings_do_not_disturb_each_other(network: Network) -> None:
    source, viewers = call(network, viewers=4)
    source.start()
    network.run(1)
    for viewer, wish in zip(viewers, (0, 1, 2, 2), strict=True):
        viewer.prefer(wish)
    network.run(2)
    before = [len(stream.key_frame_requests_us) for stream in source.streams]
    for wish in (0, 1, 0, 1):
        viewers[3].prefer(wish)
        network.run(1)
    after = [len(stream.key_frame_requests_us) for stream in source.streams]
    assert after[2] == before[2]
    assert all(0 < right - left <= 4 for left, right in list(zip(before, after, strict=True))[:2])
    for viewer, wish in zip(viewers[:3], (0, 1, 2), strict=True):
        shown = viewer.watch()
        assert longest_gap_us(shown) < 60_000
        assert {picture.layer for picture in shown[60:]} == {wish}
        assert [right.capture - left.capture for left, right in pairwise(shown[60:])].count(1) == len(
            shown
        ) - 61
    viewers[3].watch()


def test_a_switch_asks_the_target_alone(network: Network) -> None:
    source, (viewer,) = call(network)
    source.start()
    network.run(2)
    before = [len(stream.key_frame_requests_us) for stream in source.streams]
    viewer.prefer(0)
    network.run(2)
    after = [len(stream.key_frame_requests_us) for stream in source.streams]
    assert [right - left for left, right in zip(before, after, strict=True)] == [1, 0, 0]


def test_a_target_that_sends_no_key_frame_is_waited_for(network: Network) -> None:
    source, (viewer,) = call(network, key_frame_on_request=False)
    source.start()
    network.run(2)
    top = viewer.layers[0]
    viewer.prefer(0)
    network.run(3)
    assert viewer.layers[0] == top
    source.capture(key=True)
    network.run(1)
    assert viewer.layers[0] == 0
    shown = viewer.watch()
    assert longest_gap_us(shown) < 60_000
