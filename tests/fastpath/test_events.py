"""The ring of news for Python, driven through a Core: datagrams of a peer that nobody reads."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.network import Network
from tests.sim.peers import Peer
from vpaas_core._fastpath.events import EventKind
from vpaas_core._fastpath.ice import IceState

RING_BYTES, RESERVE_BYTES, PAYLOAD_MAX, HEADER_BYTES = 1048576, 131072, 2048, 12


def connected() -> tuple[Network, Peer]:
    network = Network(0)
    peer = Peer(network)
    network.run(0.1)
    network.core.take_events()
    return network, peer


def dtls(size: int, number: int = 0) -> bytes:
    return b"\x16\xfe\xfd" + number.to_bytes(4) + bytes(size - 7)


def deliver(network: Network, peer: Peer, *datagrams: bytes) -> None:
    network.core.drive([(datagram, peer.address) for datagram in datagrams], network.now_us)


def test_news_come_in_order_and_once() -> None:
    network, peer = connected()
    deliver(network, peer, dtls(13, 1), dtls(1400, 2), dtls(PAYLOAD_MAX, 3))
    events = network.core.take_events()
    assert [(kind, native_id) for kind, native_id, _, _ in events] == [
        (EventKind.EVENT_DTLS, peer.transport)
    ] * 3
    assert [payload for _, _, _, payload in events] == [dtls(13, 1), dtls(1400, 2), dtls(PAYLOAD_MAX, 3)]
    assert network.core.take_events() == []


def test_a_change_of_state_carries_it() -> None:
    network = Network(0)
    peer = Peer(network, connect=False, keys=False)
    peer.check(use_candidate=False)
    network.run(0.1)
    peer.check()
    network.run(0.1)
    assert [(kind, value) for kind, _, value, _ in network.core.take_events()] == [
        (EventKind.EVENT_ICE_TUPLE, 0),
        (EventKind.EVENT_ICE_STATE, IceState.ICE_CONNECTED),
        (EventKind.EVENT_ICE_STATE, IceState.ICE_COMPLETED),
    ]


def test_too_long_a_datagram_is_dropped() -> None:
    network, peer = connected()
    deliver(network, peer, dtls(PAYLOAD_MAX + 1))
    assert network.core.take_events() == []
    assert network.core.transport_stats(peer.transport)["drops"] == {"event_ring_full": 1}


@pytest.mark.parametrize("size", [13, 1000, PAYLOAD_MAX])
def test_a_full_ring_keeps_what_it_has_and_room_for_states(size: int) -> None:
    network, peer = connected()
    fits = (RING_BYTES - RESERVE_BYTES) // (size + HEADER_BYTES)
    deliver(network, peer, *(dtls(size, number) for number in range(fits + 5)))
    assert network.core.transport_stats(peer.transport)["drops"] == {"event_ring_full": 5}
    Peer(network)
    network.run(0.1)
    events = network.core.take_events()
    assert [payload for kind, _, _, payload in events if kind == EventKind.EVENT_DTLS] == [
        dtls(size, number) for number in range(fits)
    ]
    assert [kind for kind, *_ in events[fits:]] == [EventKind.EVENT_ICE_TUPLE, EventKind.EVENT_ICE_STATE]


@given(st.lists(st.lists(st.integers(13, PAYLOAD_MAX), max_size=40), max_size=40))
@settings(max_examples=30, deadline=None)
def test_around_the_end_of_the_ring(rounds: list[list[int]]) -> None:
    network, peer = connected()
    for number, sizes in enumerate(rounds):
        deliver(network, peer, *(dtls(size, number) for size in sizes))
        assert [payload for *_, payload in network.core.take_events()] == [
            dtls(size, number) for size in sizes
        ]
