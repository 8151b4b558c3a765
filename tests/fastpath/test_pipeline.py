"""Where a datagram goes by its first byte (RFC 7983 §7), and in which order what it causes leaves."""

import pytest

from tests.sim.network import Network
from tests.sim.packets import parse_rtp
from tests.sim.peers import Peer
from tests.sim.streams import Sink, Source
from vpaas_core._fastpath import rtcp
from vpaas_core._fastpath.control import Core
from vpaas_core._fastpath.events import EventKind


@pytest.fixture
def network() -> Network:
    return Network(5)


def drops_of(network: Network, peer: Peer, first: int, size: int = 40) -> set[str]:
    before = network.core.stats()["drops"]
    network.core.drive([(bytes([first]) + bytes(size - 1), peer.address)], network.now_us)
    after = network.core.stats()["drops"]
    return {name for name in after if after[name] != before.get(name, 0)}


@pytest.mark.parametrize("first", range(256))
def test_demultiplexing(network: Network, first: int) -> None:
    peer = Peer(network, connect=False, keys=False)
    if first >= 4:
        assert drops_of(network, peer, first) == {"unknown_peer"}
    peer.check()
    network.run(0.1)
    network.core.take_events()
    expected = (
        {"stun_malformed"}
        if first < 4
        else set()
        if 20 <= first < 64
        else {"not_ready"}
        if 128 <= first < 192
        else {"unknown_protocol"}
    )
    if 128 <= first < 192 and first & 0x1F not in (0, 1, 2, 3, 4, 5, 6) and not first & 0x10:
        expected = {"rtp_malformed"} if 12 + 4 * (first & 15) > 40 else expected
    if first & 0xD0 == 0x90 and 16 + 4 * (first & 15) > 40:
        expected = {"rtp_malformed"}
    assert drops_of(network, peer, first) == expected
    assert [kind for kind, *_ in network.core.take_events()] == [EventKind.EVENT_DTLS] * (20 <= first < 64)


@pytest.mark.parametrize("size", [0, 1])
def test_too_short_to_tell(network: Network, size: int) -> None:
    network.core.drive([(bytes(size), ("10.9.9.9", 1))], network.now_us)
    assert network.core.stats()["drops"] == {"empty": 1}


def test_rtcp_is_told_from_rtp_by_its_second_byte(network: Network) -> None:
    """RFC 5761 §4."""
    peer = Peer(network, keys=False)
    network.run(0.1)
    for second in range(256):
        network.core.drive([(bytes([0x80, second]) + bytes(6), peer.address)], network.now_us)
    drops = network.core.transport_stats(peer.transport)["drops"]
    assert drops == {"rtp_malformed": 224, "not_ready": 32}


def call(network: Network, viewers: int) -> tuple[Peer, Source, list[Sink]]:
    publisher = Peer(network)
    peers = [Peer(network) for _ in range(viewers)]
    network.run(0.1)
    source = publisher.produce()
    return publisher, source, [peer.consume(source) for peer in peers]


def batch(publisher: Peer, source: Source, packets: int) -> list[tuple[bytes, tuple[str, int]]]:
    start = [source.codec.key] + [source.codec.further] * (packets - 1)
    return [
        (publisher.outbound.protect_rtp(source.next_packet(each).pack()), publisher.address) for each in start
    ]


def test_a_batch_leaves_consumer_by_consumer(network: Network) -> None:
    """So that each consumer's packets can be one GSO message."""
    publisher, source, sinks = call(network, 3)
    out = network.core.drive(batch(publisher, source, 10), network.now_us)
    media = [to for data, to in out if not 192 <= data[1] < 224]
    assert media == [sink.peer.address for sink in sinks for _ in range(10)]
    seqs = [parse_rtp(data).seq for data, _ in out if not 192 <= data[1] < 224]
    assert seqs == list(range(20_000, 20_010)) * 3


@pytest.mark.parametrize("packets", [127, 128, 129, 300])
def test_a_batch_longer_than_there_is_room_for_is_cut(network: Network, packets: int) -> None:
    publisher, source, (sink,) = call(network, 1)
    out = network.core.drive(batch(publisher, source, packets), network.now_us)
    assert [parse_rtp(data).seq for data, to in out if to == sink.peer.address] == list(
        range(20_000, 20_000 + packets)
    )


def test_producers_of_one_batch_do_not_mix(network: Network) -> None:
    publisher, first, (sink,) = call(network, 1)
    second = publisher.produce(payload_type=98, rtx_payload_type=99)
    other = sink.peer.consume(second)
    batches = zip(batch(publisher, first, 5), batch(publisher, second, 5), strict=True)
    out = network.core.drive([each for pair in batches for each in pair], network.now_us)
    ssrcs = [parse_rtp(data).ssrc for data, to in out if to == sink.peer.address]
    assert ssrcs == [sink.ssrc] * 5 + [other.ssrc] * 5


def test_a_stray_datagram_between_does_not_break_a_batch(network: Network) -> None:
    publisher, source, (sink,) = call(network, 1)
    datagrams = batch(publisher, source, 4)
    datagrams[2:2] = [
        (b"", publisher.address),
        (b"\xff" * 30, publisher.address),
        (b"\x80\x60", ("10.1.1.1", 1)),
    ]
    out = network.core.drive(datagrams, network.now_us)
    assert len([data for data, to in out if to == sink.peer.address]) == 4


def test_a_drive_that_fails_leaves_nothing_behind(network: Network) -> None:
    """Whatever is closed after it must not be in a batch still."""
    publisher, source, _ = call(network, 1)
    with pytest.raises((OSError, ValueError)):
        network.core.drive([*batch(publisher, source, 3), (b"x", ("not an address", 1))], network.now_us)
    network.core.close_transport(publisher.transport)
    network.core.drive([], network.now_us)
    network.core.tick(network.now_us)


def test_reports_of_many_consumers_fit_their_datagrams(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    sources = [publisher.produce("opus", payload_type=i).start() for i in range(40)]
    sinks = [viewer.consume(source, payload_type=100) for source in sources]
    sizes: list[int] = []
    departing = viewer.departing
    viewer.departing = lambda data: (sizes.append(len(data)), departing(data))[1]  # type: ignore[method-assign]
    network.run(3)
    assert max(sizes) <= 1220
    assert all(sink.sender_reports for sink in sinks)
    reported = {block["ssrc"] for each in publisher.reports for block in each.body.get("reports", ())}
    assert reported == {source.ssrc for source in sources}


def test_fir_for_who_knows_no_pli(network: Network) -> None:
    publisher, viewer = Peer(network), Peer(network)
    network.run(0.1)
    source = publisher.produce()
    publisher.network.core.close_producer(source.producer)
    source.producer = publisher.network.core.add_producer(
        publisher.transport,
        video=True,
        clock_rate=90000,
        mid="",
        cname="",
        encodings=[(source.ssrc, 0, "")],
        codecs={96: source.codec.code},
        rtx={},
        extensions={},
        nack=False,
        pli=False,
        fir=True,
        paused=False,
        key_frame_request_delay_us=200_000,
    )
    source.key_frame_on_request = False
    source._key_frame_next = False
    source.start()
    viewer.consume(source)
    network.run(1)
    firs = [entry for each in publisher.reports for entry in each.body.get("fir", ())]
    assert [ssrc for ssrc, _ in firs] == [source.ssrc] * len(firs)
    assert [seq for _, seq in firs] == list(range(firs[0][1], firs[0][1] + len(firs)))  # RFC 5104 §4.3.1.1
    assert 4 <= len(firs) <= 6


def test_feedback_for_what_is_not_there_is_counted(network: Network) -> None:
    _, _, (sink,) = call(network, 1)
    peer = sink.peer
    for compound in (rtcp.build_pli(1, 4242), rtcp.build_nack(1, 4242, [5]), rtcp.build_fir(1, 4242, 1)):
        peer.send_rtcp(compound)
    block = dict.fromkeys(("fraction_lost", "cumulative_lost", "extended_seq", "jitter", "lsr", "dlsr"), 0)
    peer.send_rtcp(rtcp.build_rr(1, [{"ssrc": 4242, **block}]))
    network.run(0.1)
    assert network.core.transport_stats(peer.transport)["drops"] == {"rtcp_unknown_ssrc": 4}


def test_unknown_ids() -> None:
    core = Core()
    calls = {
        core.close_transport: (1,),
        core.close_producer: (1,),
        core.close_consumer: (1,),
        core.pause_producer: (1, True),
        core.pause_consumer: (1, True),
        core.request_key_frame: (1,),
        core.transport_stats: (1,),
        core.producer_stats: (1,),
        core.consumer_stats: (1,),
        core.transport_state: (1,),
        core.send: (1, [b""]),
        core.restart_ice: (1, b"ufrag", b"p" * 22),
        core.set_srtp: (1, 7, b"", b"", b"", b""),
    }
    for method, arguments in calls.items():
        with pytest.raises(KeyError):
            method(*arguments)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("ufrag", "pwd"), [(b"", b"p" * 22), (b"u" * 65, b"p" * 22), (b"ufrag", b"p" * 21), (b"u" * 4, b"p" * 65)]
)
def test_credentials_of_a_wrong_length(ufrag: bytes, pwd: bytes) -> None:
    core = Core()
    with pytest.raises(ValueError, match="ufrag has 4 to 64"):
        core.add_webrtc_transport(ufrag, pwd, 1, 1)
    assert core.stats()["transports"] == 0


@pytest.mark.parametrize(
    "keys",
    [
        (99, b"k" * 16, b"s" * 12),
        (7, b"k" * 15, b"s" * 12),
        (7, b"k" * 16, b""),
        (1, b"k" * 16, b"s" * 12),
        (8, b"k" * 16, b"s" * 12),
    ],
)
def test_keys_of_a_wrong_kind(keys: tuple[int, bytes, bytes]) -> None:
    """They would be read beyond their end."""
    core = Core()
    transport = core.add_webrtc_transport(b"ufrag", b"p" * 22, 1, 1)
    with pytest.raises(ValueError, match="SRTP"):
        core.set_srtp(transport, *keys, *keys[1:])
    core.tick(1)
    core.close_transport(transport)
