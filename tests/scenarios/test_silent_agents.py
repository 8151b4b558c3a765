"""Agents that send no more checks once they have a pair: libnice, and with it GStreamer 1.22.

Media that such a peer authenticates, from the selected address, proves what its checks would: that it is
still there and takes part. A lite agent learns no more from a check either.
"""

from tests.sim.network import Network
from tests.sim.peers import Peer
from tests.sim.streams import Sink, Source
from vpaas_core._fastpath.ice import IceState


def state(network: Network, peer: Peer) -> int:
    return int(network.core.transport_state(peer.transport)["ice_state"])


def call(network: Network) -> tuple[Peer, Source, Peer, Sink]:
    """Both have checked once, and send no further checks."""
    publisher, viewer = (Peer(network, consent_timeout_us=3_000_000) for _ in range(2))
    network.run(0.1)
    publisher.connect = viewer.connect = False
    source = publisher.produce().start()
    sink = viewer.consume(source)
    return publisher, source, viewer, sink


def test_media_and_reports_keep_a_path(network: Network) -> None:
    publisher, _, viewer, sink = call(network)
    network.run(10)
    assert (state(network, publisher), state(network, viewer)) == (IceState.ICE_COMPLETED,) * 2
    sink.assert_continuous()
    assert len(sink.packets) > 800


def test_silence_ends_it(network: Network) -> None:
    publisher, source, viewer, sink = call(network)
    network.run(2)
    source.stop()
    source.reports = sink.reports = False
    network.run(2)
    assert state(network, publisher) == IceState.ICE_COMPLETED
    network.run(2)
    assert (state(network, publisher), state(network, viewer)) == (IceState.ICE_DISCONNECTED,) * 2


def test_media_from_elsewhere_or_of_others_keeps_nothing(network: Network) -> None:
    publisher, source, viewer, _ = call(network)
    network.run(1)
    home = publisher.address
    publisher.network.leave(home)
    publisher.address = network.new_address()
    publisher.network.join(publisher)
    network.run(2)
    viewer.outbound = Peer(network).outbound  # another's keys: nothing of it is authentic
    network.run(4)
    assert source.running
    assert (state(network, publisher), state(network, viewer)) == (IceState.ICE_DISCONNECTED,) * 2
