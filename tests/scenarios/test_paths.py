"""Where media goes: to the address that the client's checks prove, for as long as they do."""

from typing import Any

from tests.sim.network import Network
from tests.sim.peers import Peer
from tests.sim.streams import Sink, Source
from vpaas_core._fastpath.events import EventKind
from vpaas_core._fastpath.ice import IceState


def call(network: Network, **options: Any) -> tuple[Source, Peer, Sink]:
    publisher, viewer = Peer(network), Peer(network, **options)
    network.run(0.1)
    source = publisher.produce().start()
    sink = viewer.consume(source)
    network.run(1)
    return source, viewer, sink


def states(network: Network, peer: Peer) -> list[int]:
    return [
        value
        for kind, transport, value, _ in network.core.take_events()
        if kind == EventKind.EVENT_ICE_STATE and transport == peer.transport
    ]


def test_checks_are_answered_and_told_once(network: Network) -> None:
    peer = Peer(network)
    network.run(10)
    assert len(peer.stun_answers) == 4
    assert all(answer.mapped_address == peer.address for answer in peer.stun_answers)
    assert all(answer.integrity_ok(peer.pwd) for answer in peer.stun_answers)
    assert states(network, peer) == [IceState.ICE_COMPLETED]


def test_media_stops_when_consent_expires_and_comes_back_with_it(network: Network) -> None:
    """RFC 7675 §5.1."""
    source, viewer, sink = call(network, consent_timeout_us=5_000_000)
    viewer.connect = sink.reports = False  # it checks no more, and says nothing else
    network.run(9)
    state = network.core.transport_state(viewer.transport)
    assert (state["ice_state"], state["remote"]) == (IceState.ICE_DISCONNECTED, None)
    sent = network.core.transport_stats(viewer.transport)["packets_sent"]
    requests = len(source.key_frame_requests_us)
    network.run(2)
    assert network.core.transport_stats(viewer.transport)["packets_sent"] == sent
    viewer.connect = True
    viewer.keep_checking()
    network.run(1)
    assert network.core.transport_stats(viewer.transport)["packets_sent"] > sent + 50
    assert states(network, viewer) == [
        IceState.ICE_COMPLETED,
        IceState.ICE_DISCONNECTED,
        IceState.ICE_COMPLETED,
    ]
    assert len(source.key_frame_requests_us) == requests + 1
    sink.assert_continuous()


def test_a_restart_keeps_media_flowing(network: Network) -> None:
    _, viewer, sink = call(network)
    for attempt in range(3):
        old = viewer.ufrag, viewer.pwd
        ufrag, pwd = f"restarted-{attempt}".encode(), b"another-password-altogether"
        network.core.restart_ice(viewer.transport, ufrag, pwd)
        network.run(3)  # the client still checks with the old ones
        assert network.core.transport_state(viewer.transport)["remote"] == viewer.address
        viewer.ufrag, viewer.pwd = ufrag, pwd
        viewer.check()
        network.run(1)
        viewer.ufrag, viewer.pwd = old
        before = network.core.stats()["drops"].get("stun_unknown_ufrag", 0)
        viewer.check()
        network.run(0.1)
        assert network.core.stats()["drops"]["stun_unknown_ufrag"] == before + 1
        viewer.ufrag, viewer.pwd = ufrag, pwd
    sink.assert_continuous()
    assert len(sink.packets) > 1000


def test_restarts_that_are_never_taken_up_leave_nothing(network: Network) -> None:
    _, viewer, sink = call(network)
    for attempt in range(50):
        network.core.restart_ice(viewer.transport, f"restart-{attempt}".encode(), b"p" * 22)
    network.run(3)
    sink.assert_continuous()
    viewer.ufrag, viewer.pwd = b"restart-49", b"p" * 22
    network.run(3)
    viewer.ufrag = b"restart-3"
    answers = len(viewer.stun_answers)
    viewer.check()
    network.run(0.1)
    assert len(viewer.stun_answers) == answers


def test_a_client_moves_to_another_network(network: Network) -> None:
    source, viewer, sink = call(network)
    publisher = source.peer
    for _ in range(12):  # more addresses than are remembered
        viewer.move()
        publisher.move()
        network.run(0.5)
    network.run(0.5)
    assert network.core.transport_state(viewer.transport)["remote"] == viewer.address
    assert len(sink.packets) > 300
    seen = len(sink.packets)
    network.run(1)
    assert len(sink.packets) > seen + 85
    assert sink.timestamps == sorted(sink.timestamps)


def test_an_address_given_to_another_client_is_that_ones(network: Network) -> None:
    """A NAT hands the port of a client that left to the next one."""
    source, viewer, _ = call(network)
    network.leave(viewer.address)
    heir = Peer(network, connect=False)
    network.leave(heir.address)
    heir.address = viewer.address
    network.join(heir)
    viewer.connect = False
    heir.check()
    network.run(0.1)
    theirs = heir.produce("opus", payload_type=111).start()
    network.run(0.5)
    assert network.core.producer_stats(theirs.producer)[0]["packets_received"] > 20
    network.core.close_transport(viewer.transport)
    network.run(0.5)
    assert network.core.producer_stats(theirs.producer)[0]["packets_received"] > 45
    assert source.running


def test_dtls_goes_to_where_the_checks_come_from(network: Network) -> None:
    peer = Peer(network, connect=False, keys=False)
    network.core.send(peer.transport, [b"\x16too early"])
    network.run(0.1)
    assert peer.other == []
    peer.check(use_candidate=False)
    network.run(0.1)
    network.core.send(peer.transport, [b"\x16a", b"\x16b", bytes(1501)])
    network.send(peer, b"\x16\xfe\xfd" + bytes(20))
    network.run(0.1)
    assert peer.other == [b"\x16a", b"\x16b"]
    assert (
        EventKind.EVENT_DTLS,
        peer.transport,
        0,
        b"\x16\xfe\xfd" + bytes(20),
    ) in network.core.take_events()
