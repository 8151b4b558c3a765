"""Header extensions arrive under the viewer's ids; the mid is the consumer's, abs-send-time the node's."""

from typing import Any

import pytest

from tests.sim.network import Network
from tests.sim.packets import Rtp
from tests.sim.peers import Peer
from tests.sim.streams import RECEIVED_EXTENSIONS, Sink, Source
from vpaas_core._fastpath.rtp import ExtensionKind

MID, ABS_SEND_TIME, AUDIO_LEVEL, ORIENTATION = (
    RECEIVED_EXTENSIONS[kind]
    for kind in (
        ExtensionKind.EXT_MID,
        ExtensionKind.EXT_ABS_SEND_TIME,
        ExtensionKind.EXT_AUDIO_LEVEL,
        ExtensionKind.EXT_VIDEO_ORIENTATION,
    )
)


def one_packet(
    network: Network,
    extensions: dict[int, bytes],
    *,
    two_byte: bool = False,
    negotiated: dict[int, int] | None = None,
    **options: Any,
) -> Rtp:
    """Sends one key frame's first packet with these extensions; what the viewer gets of it."""
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(extensions=lambda: extensions)
    if negotiated is None:
        negotiated = {kind: number for kind, number in RECEIVED_EXTENSIONS.items() if number != ABS_SEND_TIME}
    sink = viewer.consume(source, extensions=negotiated, **options)
    publisher.send_rtp(source.next_packet(source.codec.key), two_byte)
    network.run(0.1)
    (packet,) = sink.packets.values()
    return packet


@pytest.mark.parametrize("two_byte", [False, True])
def test_ids_are_mapped_and_what_the_viewer_did_not_negotiate_is_left_out(
    network: Network, two_byte: bool
) -> None:
    sent = {3: b"\x85", 4: b"hi", 5: b"lo", 6: b"\x01", 9: b"unknown"}
    packet = one_packet(network, sent, two_byte=two_byte)
    assert packet.extensions == {AUDIO_LEVEL: b"\x85", ORIENTATION: b"\x01"}


def test_the_mid_is_the_consumers_own(network: Network) -> None:
    assert one_packet(network, {1: b"theirs"}, mid="ours").extensions == {MID: b"ours"}


def test_a_consumer_without_mid_shows_none(network: Network) -> None:
    assert one_packet(network, {1: b"theirs"}).extensions == {}


@pytest.mark.parametrize("sent", [{2: b"\x12\x34\x56"}, {}])
def test_abs_send_time_is_the_nodes_clock(network: Network, sent: dict[int, bytes]) -> None:
    """Whether or not the publisher sends its own."""
    packet = one_packet(network, sent, negotiated=RECEIVED_EXTENSIONS)
    assert set(packet.extensions) == {ABS_SEND_TIME}
    seconds = int.from_bytes(packet.extensions[ABS_SEND_TIME]) / (1 << 18)
    sent_s = (network.now_us / 1e6 - 0.1 + 0.01) % 64  # the link up takes 10 ms
    assert abs(seconds - sent_s) < 0.001


def test_abs_send_time_is_right_after_a_year_of_uptime(network: Network) -> None:
    network.now_us = 500 * 86400 * 1_000_000
    test_abs_send_time_is_the_nodes_clock(network, {})


def test_abs_send_time_of_a_retransmission_is_when_it_was_sent_again(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce(extensions=lambda: {2: b"\x12\x34\x56"})
    sink = viewer.consume(source)
    source.send_frame()
    network.run(0.5047)
    (seq, *_) = sink.packets
    first = sink.packets.pop(seq)
    sink.ask_again([seq])
    network.run(0.1)
    times = [
        int.from_bytes(each.extensions[ABS_SEND_TIME]) / (1 << 18) for each in (first, sink.packets[seq])
    ]
    assert times[1] - times[0] == pytest.approx(0.5047, abs=0.0005)


def test_plain_retransmission_leaves_abs_send_time_out(network: Network) -> None:
    """It would change what is sent under the same SRTP index."""
    assert one_packet(
        network, {2: b"\x12\x34\x56", 3: b"\x05"}, rtx=False, negotiated=RECEIVED_EXTENSIONS
    ).extensions == {AUDIO_LEVEL: b"\x05"}


@pytest.mark.parametrize(
    ("sent", "mid", "ids"),
    [
        ({3: b"\x85", 6: b""}, "", None),  # an empty element
        ({3: bytes(17)}, "", None),  # a long one
        ({3: b"\x85"}, "a-mid-of-17-bytes", None),
        ({3: b"\x85"}, "m", {ExtensionKind.EXT_MID: 15, ExtensionKind.EXT_AUDIO_LEVEL: 1}),
        ({3: b"\x85"}, "m", {ExtensionKind.EXT_MID: 1, ExtensionKind.EXT_AUDIO_LEVEL: 200}),
    ],
)
def test_what_needs_the_two_byte_form_gets_it(
    network: Network, sent: dict[int, bytes], mid: str, ids: dict[int, int] | None
) -> None:
    packet = one_packet(network, sent, two_byte=True, mid=mid, negotiated=ids)
    numbers = RECEIVED_EXTENSIONS if ids is None else ids
    expected = {numbers[ExtensionKind.EXT_AUDIO_LEVEL]: sent[3]}
    if 6 in sent:
        expected[ORIENTATION] = b""
    if mid:
        expected[numbers[ExtensionKind.EXT_MID]] = mid.encode()
    assert packet.extensions == expected


def test_contributing_sources_and_padding_stay_behind(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce()
    sink = viewer.consume(source)
    first = source.next_packet(source.codec.key)
    publisher.send_rtp(
        Rtp(96, first.seq, first.timestamp, first.ssrc, first.payload, padding=9, csrcs=(1, 2, 3))
    )
    network.run(0.1)
    (packet,) = sink.packets.values()
    assert (packet.payload, packet.padding, packet.csrcs) == (first.payload, 0, ())


def test_padding_alone_leaves_no_gap(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source, sink = _running(publisher, viewer)
    for _ in range(3):
        padding = Rtp(96, source.seq, source.timestamp(), source.ssrc, padding=200)
        source.seq += 1
        publisher.send_rtp(padding)
        network.run(0.5)
    source.stop()
    network.run(0.1)
    sink.assert_continuous()
    assert sink.numbers == list(range(1, source.number + 1))


def _running(publisher: Peer, viewer: Peer) -> tuple[Source, Sink]:
    source = publisher.produce()
    sink = viewer.consume(source)
    source.start()
    publisher.network.run(0.5)
    return source, sink
