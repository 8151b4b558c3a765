"""What viewers wish outlasts pauses and reaches the publisher; what they get is told to the application."""

import pytest

from tests.sim.decoder import Viewer, between, longest_gap_us
from tests.sim.layers import Layered, Simulcast, Svc
from tests.sim.network import Network
from tests.sim.peers import Peer
from vpaas_core._fastpath.events import EventKind

HOLD_S = 3.3  # how long a layer that nobody wants any more is still sent, and the time to notice


def call(network: Network, viewers: int = 1, kind: str = "simulcast") -> tuple[Layered, list[Viewer]]:
    publisher = Peer(network)
    peers = [Peer(network) for _ in range(viewers)]
    network.run(0.1)
    source = Simulcast(publisher) if kind == "simulcast" else Svc(publisher, "av1")
    return source, [Viewer(peer.consume(source)) for peer in peers]


def events(network: Network, kind: EventKind, subject: int) -> list[int]:
    return [value for each, of, value, _ in network.core.take_events() if (each, of) == (kind, subject)]


def wanted(network: Network, source: Layered) -> list[int]:
    return events(network, EventKind.EVENT_WANTED_LAYERS, source.producer)


@pytest.mark.parametrize("kind", ["simulcast", "svc"])
def test_a_pause_keeps_the_wish(network: Network, kind: str) -> None:
    source, (viewer,) = call(network, kind=kind)
    source.start()
    viewer.prefer(1, 1)
    network.run(2)
    consumer = viewer.sink.consumer
    for _ in range(3):
        network.core.pause_consumer(consumer, True)
        network.run(1)
        assert viewer.layers == (-1, -1)
        network.core.pause_consumer(consumer, False)
        resumed_us = network.now_us
        network.run(1)
        assert viewer.layers == (1, 1)
    late = between(viewer.watch(marks=False), resumed_us + 100_000, network.now_us)
    assert {(picture.layer, picture.temporal) for picture in late} == {(1, 0), (1, 1)}


@pytest.mark.parametrize("kind", ["simulcast", "svc"])
def test_a_wish_may_come_before_the_first_packet_and_during_a_pause(network: Network, kind: str) -> None:
    source, (viewer,) = call(network, kind=kind)
    viewer.prefer(0, 1)
    source.start()
    network.run(1)
    assert viewer.layers == (0, 1)
    network.core.pause_consumer(viewer.sink.consumer, True)
    viewer.prefer(2, 2)
    network.run(1)
    network.core.pause_consumer(viewer.sink.consumer, False)
    resumed_us = network.now_us
    network.run(1)
    assert viewer.layers == (2, 2)
    shown = viewer.watch(marks=False)
    assert {picture.layer for picture in between(shown, resumed_us, network.now_us)} == {2}
    assert {picture.layer for picture in between(shown, 0, resumed_us)} == {0}


@pytest.mark.parametrize("kind", ["simulcast", "svc"])
def test_a_producer_pauses(network: Network, kind: str) -> None:
    source, (viewer,) = call(network, kind=kind)
    source.start()
    viewer.prefer(1, 0)
    network.run(1)
    for _ in range(2):
        network.core.pause_producer(source.producer, True)
        network.run(1)
        network.core.pause_producer(source.producer, False)
        network.run(1)
        assert viewer.layers == (1, 0)
    viewer.watch(marks=False)


def test_wishes_beyond_what_there_is(network: Network) -> None:
    for kind in ("simulcast", "svc"):
        source, (viewer,) = call(network, kind=kind)
        source.start()
        viewer.prefer(100, 100)
        network.run(1)
        assert viewer.layers == (2, 2)
        viewer.prefer(-5, -5)
        network.run(1)
        assert viewer.layers == (0, 0)
        viewer.watch(marks=False)


def test_what_is_forwarded_is_told(network: Network) -> None:
    source, (viewer,) = call(network)
    source.start()
    network.run(2)
    viewer.prefer(0, 1)
    network.run(1)
    network.core.pause_consumer(viewer.sink.consumer, True)
    network.run(0.5)
    told = events(network, EventKind.EVENT_CONSUMER_LAYERS, viewer.sink.consumer)
    assert told[-1] == 0xFFFF
    assert told[-2] == 0x0001
    assert 0x0202 in told[:-2]
    assert len(told) <= 6


def test_encodings_that_nobody_wants_are_told(network: Network) -> None:
    """Unwanted after a while, wanted at once."""
    source, viewers = call(network, 2)
    source.start()
    network.run(1)
    for viewer in viewers:
        viewer.prefer(0)
    network.run(1)
    viewers[0].prefer(2)
    network.run(HOLD_S)
    assert wanted(network, source)[-1:] == [0b101]
    viewers[0].prefer(0)
    network.run(1)
    assert wanted(network, source) == []
    network.run(HOLD_S)
    assert wanted(network, source) == [0b001]
    viewers[1].prefer(1)
    network.run(0.15)
    assert wanted(network, source) == [0b011]
    for viewer in viewers:
        network.core.pause_consumer(viewer.sink.consumer, True)
    network.run(HOLD_S)
    assert wanted(network, source) == [0]
    network.core.pause_consumer(viewers[1].sink.consumer, False)
    network.run(0.15)
    assert wanted(network, source) == [0b010]


def test_spatial_layers_are_wanted_with_all_below(network: Network) -> None:
    source, (viewer,) = call(network, kind="svc")
    source.start()
    network.run(1)
    viewer.prefer(1)
    network.run(HOLD_S)
    assert wanted(network, source)[-1:] == [0b011]
    viewer.prefer(2)
    network.run(0.15)
    assert wanted(network, source) == [0b111]
    viewer.sink.peer.close()
    network.run(HOLD_S)
    assert wanted(network, source) == [0]


def test_a_publisher_that_sends_only_what_is_wanted(network: Network) -> None:
    """As the browser SDK does: viewers see no more of it than the switch that they asked for."""
    source, viewers = call(network, 2)

    def obey() -> None:
        for mask in wanted(network, source)[-1:]:
            for stream in source.streams:
                stream.activate(bool(mask >> stream.index & 1))
        network.after(50_000, obey)

    obey()
    source.start()
    network.run(2)
    for wish in [(0, 0), (0, 2), (1, 1), (2, 0), (0, 0)]:
        for viewer, spatial in zip(viewers, wish, strict=True):
            viewer.prefer(spatial)
        network.run(HOLD_S + 1)
        assert {stream.index for stream in source.streams if stream.running} == set(wish)
        assert [viewer.layers[0] for viewer in viewers] == list(wish)
    for viewer in viewers:
        assert longest_gap_us(viewer.watch()) < 150_000
