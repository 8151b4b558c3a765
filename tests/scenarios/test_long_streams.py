"""Sequence numbers wrap, on the way in and on the way out, and nobody notices."""

import pytest

from tests.sim.network import Network
from tests.sim.peers import CM, GCM, Peer
from vpaas_core._fastpath.srtp import SrtpProfile


@pytest.mark.parametrize(
    ("first_in", "first_out"), [(65500, 65500), (65535, 20), (32700, 65535), (65000, 65300)]
)
@pytest.mark.parametrize("profile", [GCM, CM])
def test_numbers_wrap(network: Network, first_in: int, first_out: int, profile: SrtpProfile) -> None:
    publisher, viewer = Peer(network, profile=profile), Peer(network, profile=profile)
    network.run(0.1)
    source = publisher.produce(first_seq=first_in).start()
    sink = viewer.consume(source, first_seq=first_out)
    network.run(8)
    source.stop()
    network.run(0.1)
    assert source.number > 700
    sink.assert_continuous()
    assert sink.numbers == list(range(1, source.number + 1))
    assert not viewer.refused
    assert network.core.stats()["drops"].keys() <= {"no_destination", "not_ready"}


def test_more_packets_than_there_are_numbers_with_loss(network: Network) -> None:
    """The roll-over counter goes on, through gaps at the wrap, and retransmissions find the right packet."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(first_seq=64000, packets_per_frame=16, payload_bytes=20, fps=100)
    sink = viewer.consume(source, first_seq=10)
    source.start()
    network.run(0.5)
    viewer.downlink.loss = publisher.uplink.loss = 0.01
    network.run(84)
    viewer.downlink.loss = publisher.uplink.loss = 0.0
    network.run(1)
    source.stop()
    network.run(2)
    assert source.number > 2 * 65536
    assert len(sink.packets) >= 0.999 * source.number
    assert sink.numbers == sorted(sink.numbers)
    assert not viewer.refused


def test_both_sides_agree_after_a_long_outage(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(first_seq=50_000, packets_per_frame=1).start()
    sink = viewer.consume(source)
    network.run(1)
    source.seq += 30_000  # as many are lost
    network.run(2)
    source.stop()
    network.run(0.1)
    assert max(sink.numbers) == source.number
    assert sink.timestamps == sorted(sink.timestamps)
    assert not viewer.refused
