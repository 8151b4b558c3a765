"""A slot shows one source after another: to its viewer one stream, whose numbers and time go on."""

from itertools import pairwise
from typing import Any

import pytest

from tests.sim.decoder import Shown, Viewer, longest_gap_us
from tests.sim.layers import Layered, Simulcast, Svc
from tests.sim.network import Link, Network
from tests.sim.peers import Peer
from tests.sim.streams import Source

CACHE: dict[str, Any] = {"key_frame_cache_us": 12_000_000}


def publishers(network: Network, count: int, codec: str = "vp8", **options: Any) -> list[Layered]:
    """They start one after another, so that none has its key frames or clock in step with another."""
    sources: list[Layered] = []
    for _ in range(count):
        peer = Peer(network)
        network.run(0.1)
        sources.append(Simulcast(peer, codec, 1, **{**CACHE, "payload_bytes": 1100, **options}))
        sources[-1].start()
        network.run(0.237)
    return sources


def slot(network: Network, codec: str, sources: list[Layered]) -> Viewer:
    peer = Peer(network)
    network.run(0.1)
    return Viewer(peer.consume(None, codec=codec), *sources)


def assert_time_goes_on(shown: list[Shown]) -> None:
    """On the viewer's screen as in the world: neither stands still nor runs away."""
    for left, right in pairwise(shown):
        assert right.timestamp > left.timestamp
    passed = (shown[-1].timestamp - shown[0].timestamp) / 90_000
    assert passed == pytest.approx((shown[-1].at_us - shown[0].at_us) / 1e6, abs=0.2)


@pytest.mark.parametrize("codec", ["vp8", "h264", "vp9", "av1"])
def test_a_source_a_second_with_the_cache(network: Network, codec: str) -> None:
    sources = publishers(network, 4, codec)
    viewer = slot(network, codec, sources)
    network.run(0.5)
    assert not viewer.departed
    switched: list[tuple[int, Layered]] = []
    for n in range(12):
        source = sources[n % 4]
        switched.append((network.now_us, source))
        viewer.sink.switch_to(source)
        network.run(1)
    shown = viewer.watch(aligned=None, marks=False)
    for at_us, source in switched:
        first = next(p for p in shown if p.at_us > at_us and p.stream.publisher is source)
        assert first.at_us - at_us < 100_000
        assert first.key
    assert longest_gap_us(shown) < 150_000
    assert_time_goes_on(shown)
    assert not any(source.key_frame_requests_us for source in sources)


@pytest.mark.parametrize("codec", ["vp8", "vp9"])
def test_without_the_cache_it_waits_for_a_key_frame(network: Network, codec: str) -> None:
    sources = publishers(network, 3, codec, key_frame_cache_us=0)
    viewer = slot(network, codec, sources)
    for n in range(9):
        viewer.sink.switch_to(sources[n % 3])
        network.run(1)
    shown = viewer.watch(aligned=None)
    assert longest_gap_us(shown) < 200_000
    assert_time_goes_on(shown)
    assert sum(len(source.key_frame_requests_us) for source in sources) == 9


def test_nothing_is_sent_from_nobody(network: Network) -> None:
    sources = publishers(network, 2)
    viewer = slot(network, "vp8", sources)
    for _ in range(3):
        for source in (*sources, None):
            viewer.sink.switch_to(source)
            network.run(0.05)
            before = len(viewer.departed)
            network.run(1)
            assert (len(viewer.departed) > before) == (source is not None)
    assert_time_goes_on(viewer.watch(aligned=None, marks=False))


def test_a_source_that_leaves_and_another_that_comes(network: Network) -> None:
    sources = publishers(network, 3)
    viewer = slot(network, "vp8", sources)
    viewer.sink.switch_to(sources[0])
    network.run(1)
    network.core.close_producer(sources[0].producer)
    network.run(1)
    viewer.sink.switch_to(sources[1])
    network.run(1)
    sources[1].peer.close()
    network.run(1)
    viewer.sink.switch_to(sources[2])
    network.run(1)
    shown = viewer.watch(aligned=None, marks=False)
    assert {picture.stream.publisher for picture in shown} == set(sources)
    assert_time_goes_on(shown)


def test_from_many_encodings_to_one_that_is_silent(network: Network) -> None:
    """Reports go on meanwhile, and there is nothing to report."""
    peer, quiet = Peer(network), Peer(network)
    network.run(0.1)
    many, one = Simulcast(peer), Simulcast(quiet, encodings=1)
    many.start()
    network.run(1)
    viewer = slot(network, "vp8", [many, one])
    viewer.sink.switch_to(many)
    network.run(2)
    assert viewer.layers[0] == 2
    viewer.sink.switch_to(one)
    network.run(0.05)
    reports = len(viewer.sink.sender_reports)
    network.run(3)
    assert len(viewer.sink.sender_reports) == reports
    one.start()
    network.run(2)
    assert len(viewer.sink.sender_reports) > reports
    assert_time_goes_on(viewer.watch(aligned=None, marks=False))


def test_layers_of_each_source(network: Network) -> None:
    """The wish is the slot's: it counts for whatever is shown in it."""
    sources = publishers(network, 1, "av1")
    for mode in ("L3T3", "L2T1", "L3T3_KEY"):
        peer = Peer(network)
        network.run(0.1)
        sources.append(Svc(peer, "av1", mode, payload_bytes=1100, **CACHE))
        sources[-1].start()
        network.run(0.3)
    viewer = slot(network, "av1", sources)
    viewer.prefer(1, 0)
    for n in (0, 1, 2, 3, 2, 1, 3, 0):
        viewer.sink.switch_to(sources[n])
        network.run(1.5)
        assert viewer.layers == (min(1, sources[n].streams[0].mode.spatial - 1), 0)
    shown = viewer.watch(aligned=None, marks=False)
    assert {picture.temporal for picture in shown if picture.capture > 100} == {0}
    assert_time_goes_on(shown)


def test_on_a_link_that_loses(network: Network) -> None:
    sources = publishers(network, 3)
    peer = Peer(network, downlink=Link(loss=0.05), uplink=Link(loss=0.02))
    network.run(3)
    viewer = Viewer(peer.consume(None, codec="vp8"), *sources)
    for n in range(9):
        viewer.sink.switch_to(sources[n % 3])
        network.run(1)
    peer.downlink.loss = 0.0
    network.run(0.5)
    shown = viewer.watch(aligned=None, marks=False)
    assert longest_gap_us(shown) < 500_000


def test_what_was_sent_of_the_last_source_is_not_sent_again_as_another(network: Network) -> None:
    sources = publishers(network, 2)
    viewer = slot(network, "vp8", sources)
    viewer.sink.switch_to(sources[0])
    network.run(1)
    old = sorted(viewer.sink.packets)[-5:]
    viewer.sink.switch_to(sources[1])
    network.run(0.5)
    before = dict(viewer.sink.packets)
    for seq in old:
        del viewer.sink.packets[seq]
    viewer.sink.ask_again(old)
    network.run(0.2)
    for seq in old:
        assert viewer.sink.packets.get(seq, before[seq]) == before[seq]


def test_twenty_viewers_of_one_stage(network: Network) -> None:
    """All are switched at once, as speakers change, and none costs the sources anything."""
    sources = publishers(network, 4)
    viewers = [slot(network, "vp8", sources) for _ in range(20)]
    for n in range(8):
        source = sources[n % 4]
        for viewer in viewers:
            viewer.sink.source = source
        network.core.switch_consumers(
            [viewer.sink.consumer for viewer in viewers], source.producer, [{96: 120}] * len(viewers)
        )
        network.run(0.7)
    for viewer in viewers:
        assert longest_gap_us(viewer.watch(aligned=None, marks=False)) < 150_000
    assert not any(source.key_frame_requests_us for source in sources)


# Sound


def voices(network: Network, count: int) -> list[Source]:
    sources = []
    for n in range(count):
        peer = Peer(network)
        network.run(0.1)
        source = peer.produce("opus", first_seq=7000 * n, timestamp_base=0x1234567 * n)
        sources.append(source.start())
        network.run(0.133)
    return sources


def test_sound_goes_on_at_once_and_each_spurt_is_marked(network: Network) -> None:
    """RFC 3551 §4.1: the marker tells the jitter buffer where it may adapt."""
    sources = voices(network, 3)
    peer = Peer(network)
    network.run(0.1)
    sink = peer.consume(None, codec="opus")
    begins = []
    for n in range(9):
        sink.switch_to(sources[n % 3])
        begins.append(max(sink.packets, default=19_999) + 1)
        before = len(sink.packets)
        network.run(1)
        assert len(sink.packets) - before >= 49
    seqs = sorted(sink.packets)
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    steps = [right - left for left, right in pairwise(sink.timestamps)]
    assert all(0 < step < 2 * 960 + 96 for step in steps)
    assert sum(steps) == pytest.approx(9 * 48_000, rel=0.02)
    marks = [seq for seq in seqs if sink.packets[seq].marker]
    assert len(marks) == len(begins) - 1  # the first source is not a change
    assert all(
        0 <= mark - begin <= 1 for mark, begin in zip(marks, begins[1:], strict=True)
    )  # one was on its way
