"""Whatever is dropped, switched, paused, lost or reordered: no gap, no step back, nothing undecodable."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.decoder import Viewer
from tests.sim.layers import Layered, Simulcast, Svc
from tests.sim.network import Link, Network
from tests.sim.peers import Peer

SOURCES: dict[str, Callable[..., Layered]] = {
    "vp8": lambda peer, **control: Simulcast(peer, "vp8", **control),
    "vp8 dd": lambda peer, **control: Simulcast(peer, "vp8", says="dd", **control),
    "h264": lambda peer, **control: Simulcast(peer, "h264", 2, by="ssrc", **control),
    "av1 simulcast": lambda peer, **control: Simulcast(peer, "av1", 3, **control),
    "vp9": lambda peer, **control: Svc(peer, "vp9", "L3T3", **control),
    "vp9 k-svc": lambda peer, **control: Svc(peer, "vp9", "L3T3_KEY", **control),
    "av1": lambda peer, **control: Svc(peer, "av1", "L3T3", **control),
    "av1 k-svc": lambda peer, **control: Svc(peer, "av1", "L2T2_KEY", **control),
}

LINKS = [
    {},
    {"loss": 0.1},
    {"loss": 0.02, "reorder": 0.1, "duplicate": 0.05},
    {"jitter_us": 30_000},
    {"reorder": 0.2, "reorder_us": 60_000},
]

actions = st.one_of(
    st.tuples(st.just("prefer"), st.integers(0, 3), st.integers(0, 2)),
    st.tuples(st.just("prefer"), st.integers(0, 3), st.integers(0, 2)),
    st.tuples(st.just("encoding"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("layers"), st.integers(1, 3), st.just(0)),
    st.tuples(st.just("pause consumer"), st.booleans(), st.just(0)),
    st.tuples(st.just("pause producer"), st.booleans(), st.just(0)),
    st.tuples(st.just("uplink"), st.integers(0, len(LINKS) - 1), st.just(0)),
    st.tuples(st.just("downlink"), st.integers(0, len(LINKS) - 1), st.just(0)),
    st.tuples(st.just("ask"), st.just(0), st.just(0)),
)
steps = st.lists(st.tuples(st.sampled_from([0.0, 0.003, 0.04, 0.3, 1.2]), actions), min_size=5, max_size=25)


def act(network: Network, source: Layered, viewer: Viewer, action: tuple[str, Any, int]) -> None:
    name, value, temporal = action
    if name == "prefer":
        viewer.prefer(value, temporal)
    elif name == "encoding":
        source.streams[value % len(source.streams)].activate(bool(temporal))
    elif name == "layers":
        source.streams[0].layers = min(value, source.streams[0].mode.spatial)
    elif name == "pause consumer":
        network.core.pause_consumer(viewer.sink.consumer, value)
    elif name == "pause producer":
        network.core.pause_producer(source.producer, value)
    elif name == "ask":
        viewer.sink.ask_key_frame()
    else:
        peer = source.peer if name == "uplink" else viewer.sink.peer
        link = getattr(peer, name)
        fresh = Link(**LINKS[value])
        link.loss, link.reorder, link.reorder_us = fresh.loss, fresh.reorder, fresh.reorder_us
        link.jitter_us, link.duplicate = fresh.jitter_us, fresh.duplicate


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 32), cache_us=st.sampled_from([0, 12_000_000]), script=steps)
def test_whatever_happens(
    name: str, seed: int, cache_us: int, script: list[tuple[float, tuple[str, Any, int]]]
) -> None:
    network = Network(seed)
    publisher, peer = Peer(network), Peer(network)
    network.run(0.1)
    source = SOURCES[name](publisher, key_frame_cache_us=cache_us)
    viewer = Viewer(peer.consume(source))
    source.start()
    for wait_s, action in script:
        network.run(wait_s)
        act(network, source, viewer, action)
    for link in (publisher.uplink, peer.downlink):
        link.loss = link.reorder = link.duplicate = 0.0
    network.core.pause_consumer(viewer.sink.consumer, False)
    network.core.pause_producer(source.producer, False)
    for stream in source.streams:
        stream.activate(True)
    ready_us = network.now_us
    network.run(2)
    shown = viewer.watch(aligned=None, marks=len(source.streams) > 1)
    assert [picture for picture in shown if picture.at_us > ready_us + 1_000_000]
    assert not set(peer.refused) - {"srtp_replay"}


@pytest.mark.parametrize("codec", ["vp8", "av1"])
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    cache_us=st.sampled_from([0, 12_000_000]),
    script=st.lists(st.tuples(st.sampled_from([0.0, 0.02, 0.4, 1.0]), st.integers(-1, 3)), max_size=14),
    loss=st.sampled_from([0.0, 0.05]),
)
def test_whatever_a_slot_shows(
    codec: str, seed: int, cache_us: int, script: list[tuple[float, int]], loss: float
) -> None:
    network = Network(seed)
    peer = Peer(network)
    publishers = [Peer(network) for _ in range(4)]
    network.run(0.1)
    sources: list[Layered] = [
        Simulcast(each, codec, 2, key_frame_cache_us=cache_us) for each in publishers[:2]
    ]
    if codec == "av1":
        sources += [Svc(each, codec, "L2T2_KEY", key_frame_cache_us=cache_us) for each in publishers[2:]]
    for source in sources:
        source.start()
        network.run(0.21)
    viewer = Viewer(peer.consume(None, codec=codec), *sources)
    for each in (*publishers, peer):
        each.uplink.loss = each.downlink.loss = loss
    for wait_s, n in script:
        network.run(wait_s)
        viewer.sink.switch_to(sources[n] if 0 <= n < len(sources) else None)
    for each in (*publishers, peer):
        each.uplink.loss = each.downlink.loss = 0.0
    viewer.sink.switch_to(sources[0])
    ready_us = network.now_us
    network.run(1.5)
    shown = viewer.watch(aligned=None, marks=False)
    late = [picture for picture in shown if picture.at_us > ready_us + 700_000]
    assert {picture.stream.publisher for picture in late} == {sources[0]}


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_whoever_comes_and_goes(seed: int) -> None:
    """Rings grow and shrink under those who catch up, sources and viewers leave in the middle of it."""
    network = Network(seed)
    chance = network.chance
    sources: list[Layered] = []
    viewers: list[tuple[Viewer, bool]] = []

    def publish() -> None:
        peer = Peer(network, uplink=Link(loss=chance.choice([0.0, 0.03])))
        make = chance.choice([Simulcast, Svc])
        codec = chance.choice(["vp8", "vp9"]) if make is Simulcast else "vp9"
        source = make(peer, codec, key_frame_cache_us=chance.choice([0, 2_000_000, 12_000_000]))
        for stream in source.streams:
            stream.packets = chance.choice([(1, 2, 3, 4), (1, 4, 12, 12)])
        network.run(0.05)
        source.start()
        sources.append(source)

    def join() -> None:
        source = chance.choice(sources)
        slot = chance.random() < 0.3
        peer = Peer(network, downlink=Link(loss=chance.choice([0.0, 0.03])))
        network.run(0.03)
        sink = peer.consume(None if slot else source, codec=source.codec_name)
        viewers.append((Viewer(sink, *sources) if slot else Viewer(sink), slot))

    publish()
    publish()
    for _ in range(30):
        act = chance.randrange(8)
        viewer, slot = chance.choice(viewers) if viewers else (None, False)
        if act == 0 and len(sources) < 5:
            publish()
        elif act in (1, 2) or viewer is None:
            join()
        elif act == 3:
            viewer.prefer(chance.randrange(3), chance.randrange(3))
        elif act == 4 and slot:
            viewer.sink.switch_to(chance.choice([None, *viewer.publishers]))
        elif act == 5:
            viewer.sink.peer.close()
            viewers.remove((viewer, slot))
        elif act == 6 and len(sources) > 1:
            source = sources.pop(chance.randrange(len(sources)))
            source.peer.close()
            viewers = [(v, s) for v, s in viewers if source not in v.publishers]
        elif act == 7:
            network.core.pause_consumer(viewer.sink.consumer, chance.random() < 0.5)
        network.run(chance.choice([0.0, 0.01, 0.1, 0.7]))
    network.run(1)
    for viewer, _ in viewers:
        if viewer.departed:
            viewer.watch(aligned=None, marks=False)
