"""Every header extension that is negotiated reaches a viewer under its own number, in either form."""

from itertools import pairwise
from typing import Any

import pytest

from tests.sim.decoder import DD, Viewer
from tests.sim.layers import DEPENDENCY_DESCRIPTOR, Simulcast, Svc
from tests.sim.network import Network
from tests.sim.packets import Rtp
from tests.sim.peers import Peer
from tests.sim.streams import SENT_EXTENSIONS, Sink, Source
from tests.support.dependency import read_descriptor
from vpaas_core._fastpath.events import EventKind
from vpaas_core._fastpath.rtp import ExtensionKind as Kind

SENT: dict[int, int] = {
    **SENT_EXTENSIONS,
    8: Kind.EXT_TOFFSET,
    9: Kind.EXT_PLAYOUT_DELAY,
    10: Kind.EXT_ABS_CAPTURE_TIME,
    11: Kind.EXT_TRANSPORT_CC,
}
RECEIVED: dict[int, int] = {
    Kind.EXT_MID: 4,
    Kind.EXT_ABS_SEND_TIME: 1,
    Kind.EXT_AUDIO_LEVEL: 7,
    Kind.EXT_VIDEO_ORIENTATION: 3,
    Kind.EXT_TOFFSET: 5,
    Kind.EXT_PLAYOUT_DELAY: 2,
    Kind.EXT_ABS_CAPTURE_TIME: 9,
    Kind.EXT_TRANSPORT_CC: 8,
}
PASSED_ON = {  # by what the viewer calls them
    RECEIVED[Kind.EXT_AUDIO_LEVEL]: b"\x85",
    RECEIVED[Kind.EXT_VIDEO_ORIENTATION]: b"\x03",
    RECEIVED[Kind.EXT_TOFFSET]: b"\x00\x01\x02",
    RECEIVED[Kind.EXT_PLAYOUT_DELAY]: b"\x00\x10\x20",
    RECEIVED[Kind.EXT_ABS_CAPTURE_TIME]: b"\x01\x02\x03\x04\x05\x06\x07\x08",
}
OF_THE_PUBLISHER = {
    1: b"theirs",
    2: b"\x11\x22\x33",
    3: b"\x85",
    4: b"rid",
    5: b"rep",
    6: b"\x03",
    8: b"\x00\x01\x02",
    9: b"\x00\x10\x20",
    10: b"\x01\x02\x03\x04\x05\x06\x07\x08",
    11: b"\xab\xcd",
}


def call(network: Network, received: dict[int, int], **options: Any) -> tuple[Peer, Source, Sink]:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(extensions=lambda: OF_THE_PUBLISHER, sent_extensions=SENT)
    return publisher, source, viewer.consume(source, mid="ours", extensions=received, **options)


@pytest.mark.parametrize("two_byte", [False, True])
@pytest.mark.parametrize("numbers", ["small", "large"])
def test_all_of_them_at_once(network: Network, two_byte: bool, numbers: str) -> None:
    """Numbers above 14 need the two-byte form, whatever the publisher used."""
    by = 0 if numbers == "small" else 100
    received = {kind: number + by for kind, number in RECEIVED.items()}
    publisher, source, sink = call(network, received)
    publisher.send_rtp(source.next_packet(source.codec.key), two_byte)
    network.run(0.1)
    (packet,) = sink.packets.values()
    got = {number - by: data for number, data in packet.extensions.items()}
    assert got.pop(RECEIVED[Kind.EXT_MID]) == b"ours"
    assert len(got.pop(RECEIVED[Kind.EXT_ABS_SEND_TIME])) == 3
    assert got.pop(RECEIVED[Kind.EXT_TRANSPORT_CC]) == b"\x00\x00"
    assert got == PASSED_ON


@pytest.mark.parametrize("kind", [kind for kind in RECEIVED if kind != Kind.EXT_MID])
def test_each_alone(network: Network, kind: int) -> None:
    publisher, source, sink = call(network, {kind: 6})
    publisher.send_rtp(source.next_packet(source.codec.key))
    network.run(0.1)
    (packet,) = sink.packets.values()
    assert packet.extensions.keys() == {6}
    own = {Kind.EXT_ABS_SEND_TIME: 3, Kind.EXT_TRANSPORT_CC: 2}
    if kind in own:
        assert len(packet.extensions[6]) == own[Kind(kind)]
    else:
        assert packet.extensions[6] == PASSED_ON[RECEIVED[kind]]


def test_a_retransmission_carries_them_too(network: Network) -> None:
    publisher, source, sink = call(network, RECEIVED)
    for _ in range(5):
        publisher.send_rtp(source.next_packet(source.codec.key))
    network.run(0.1)
    before = dict(sink.packets)
    sink.packets.clear()
    sink.ask_again(sorted(before))
    network.run(0.1)
    assert sink.packets.keys() == before.keys()
    now = RECEIVED[Kind.EXT_ABS_SEND_TIME], RECEIVED[Kind.EXT_TRANSPORT_CC]
    for seq, packet in sink.packets.items():
        assert {n: d for n, d in packet.extensions.items() if n not in now} == {
            n: d for n, d in before[seq].extensions.items() if n not in now
        }
        assert all(packet.extensions[n] != before[seq].extensions[n] for n in now)


def test_transport_wide_numbers_count_all_that_a_viewer_is_sent(network: Network) -> None:
    """Of all its streams and their retransmissions: that is what they are for."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    received = {Kind.EXT_TRANSPORT_CC: 8}
    seen: list[int] = []
    receive = Sink.receive
    sources = [
        publisher.produce(mid=f"{n}", payload_type=96 + 2 * n, rtx_payload_type=97 + 2 * n) for n in (0, 1)
    ]
    sinks = [viewer.consume(source, extensions=received, payload_type=120) for source in sources]
    for sink in sinks:

        def noted(packet: Rtp, sink: Sink = sink) -> None:
            seen.append(int.from_bytes(packet.extensions[8]))
            receive(sink, packet)

        sink.receive = noted  # type: ignore[method-assign]
    for source in sources:
        source.start()
    network.run(1)
    for sink in sinks:
        sink.ask_again(sorted(sink.packets)[-20:])
    network.run(0.1)
    assert len(seen) > 200
    assert seen == list(range(len(seen)))


def test_how_a_camera_is_turned_is_told(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    turned = [b"\x00"]
    source = publisher.produce(extensions=lambda: {6: turned[-1]})
    viewer.consume(source)
    source.start()
    told: list[int] = []
    for now in (b"\x00", b"\x01", b"\x0b", b"\x0b", b"\x00"):
        turned.append(now)
        network.run(0.3)
        told += [
            value for kind, _, value, _ in network.core.take_events() if kind == EventKind.EVENT_ORIENTATION
        ]
    assert told == [0, 1, 11, 0]


def test_rid_and_repaired_rid_stay_with_the_publisher(network: Network) -> None:
    publisher, peer = Peer(network), Peer(network)
    network.run(0.1)
    source = Simulcast(publisher)
    received = {Kind.EXT_RID: 4, Kind.EXT_REPAIRED_RID: 5, Kind.EXT_MID: 1}
    viewer = Viewer(peer.consume(source, extensions=received, mid="m"))
    source.start()
    network.run(1)
    assert {frozenset(packet.rtp.extensions.items()) for packet in viewer.forwarded()} == {
        frozenset({(1, b"m")})
    }


# The dependency descriptor


def test_only_who_negotiated_it_gets_the_dependency_descriptor(network: Network) -> None:
    publisher = Peer(network)
    peers = [Peer(network) for _ in range(3)]
    network.run(0.1)
    source = Svc(publisher, "av1", "L3T3")
    with_it, without, large = (
        Viewer(peer.consume(source, extensions=extensions))
        for peer, extensions in zip(
            peers,
            ({Kind.EXT_DEPENDENCY_DESCRIPTOR: DD}, {}, {Kind.EXT_DEPENDENCY_DESCRIPTOR: 200}),
            strict=True,
        )
    )
    source.start()
    network.run(1)
    for viewer, number in ((with_it, DD), (without, None), (large, 200)):
        viewer.watch()
        for packet in viewer.forwarded():
            assert packet.rtp.extensions.keys() == ({number} if number else set())


@pytest.mark.parametrize("rtx", [True, False])
def test_the_decode_targets_that_are_left_are_named(network: Network, rtx: bool) -> None:
    """So that it waits for no frame of the others. Without RTX it is told nothing that may change."""
    publisher, peer = Peer(network), Peer(network)
    network.run(0.1)
    source = Svc(publisher, "av1", "L3T3")
    viewer = Viewer(peer.consume(source, rtx=rtx))
    viewer.prefer(1, 1)
    source.start()
    network.run(1)
    structure = None
    named = set()
    for packet in viewer.forwarded():
        said = read_descriptor(packet.rtp.extensions[DD], structure)
        structure = said.structure or structure
        if packet.sent.index == 0 and packet.sent.capture > 5:
            named.add(said.active)
    assert structure is not None
    left = sum(1 << i for i, (s, t) in enumerate(structure.target_layers) if s <= 1 and t <= 1)
    assert named == ({left} if rtx else {None})


def test_frame_numbers_are_continued_over_encodings(network: Network) -> None:
    publisher, peer = Peer(network), Peer(network)
    network.run(0.1)
    source = Simulcast(publisher, "av1")
    viewer = Viewer(peer.consume(source))
    source.start()
    for wish in (2, 0, 1, 2, 0):
        network.run(1)
        viewer.prefer(wish)
    viewer.watch()
    numbers = [
        int.from_bytes(packet.rtp.extensions[DD][1:3])
        for packet in viewer.forwarded()
        if packet.sent.index == 0
    ]
    assert {(after - before) & 0xFFFF for before, after in pairwise(numbers)} == {1}
    assert any(DEPENDENCY_DESCRIPTOR in packet.extensions for packet in source.streams[0].sent.values())
