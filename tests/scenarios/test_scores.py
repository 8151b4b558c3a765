"""How well a stream gets through, towards the node and towards each viewer, is told when it changes."""

from tests.sim.network import Link, Network
from tests.sim.peers import Peer
from vpaas_core._fastpath.events import EventKind


def scores(network: Network, kind: EventKind, number: int) -> list[int]:
    """Of a producer's first encoding, or of a consumer."""
    return [
        payload[0] if payload else value
        for event, id, value, payload in network.core.take_events()  # noqa: A001
        if (event, id) == (kind, number)
    ]


def test_a_publisher_on_a_bad_link(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(rtx=False, nack=False).start()
    viewer.consume(source)
    network.run(5)
    assert not scores(network, EventKind.EVENT_PRODUCER_SCORE, source.producer)
    publisher.uplink.loss = 0.2
    network.run(12)
    told = scores(network, EventKind.EVENT_PRODUCER_SCORE, source.producer)
    assert 3 <= told[-1] <= 5
    source.stop()
    network.run(3)
    assert scores(network, EventKind.EVENT_PRODUCER_SCORE, source.producer)[-1] == 0
    publisher.uplink.loss = 0
    source.start()
    network.run(3)
    assert scores(network, EventKind.EVENT_PRODUCER_SCORE, source.producer)[-1] == 10


def test_losses_that_are_repaired_cost_nothing(network: Network) -> None:
    publisher, viewer = Peer(network, uplink=Link(loss=0.1)), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    viewer.consume(source)
    network.run(10)
    told = scores(network, EventKind.EVENT_PRODUCER_SCORE, source.producer)
    assert source.resent > 50
    assert min([10, *told]) >= 9


def test_a_viewer_on_a_bad_link_and_another_on_a_good_one(network: Network) -> None:
    publisher, far, near = Peer(network), Peer(network, downlink=Link(loss=0.3)), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    bad, good = far.consume(source, nack=False), near.consume(source)
    network.run(10)
    events = network.core.take_events()
    told = {
        sink: [
            value
            for kind, subject, value, _ in events
            if (kind, subject) == (EventKind.EVENT_CONSUMER_SCORE, sink.consumer)
        ]
        for sink in (bad, good)
    }
    assert 1 <= told[bad][-1] <= 4
    assert not told[good]


def test_a_pause_is_not_a_loss(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce().start()
    viewer.consume(source)
    network.run(3)
    network.core.pause_producer(source.producer, True)
    source.stop()
    network.run(5)
    assert not scores(network, EventKind.EVENT_PRODUCER_SCORE, source.producer)
