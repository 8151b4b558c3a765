import struct
from pathlib import Path

import pytest
from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.guarded import GuardedBuffer
from tests.support.pcap import is_rtcp, read_udp
from vpaas_core._fastpath import rtcp
from vpaas_core._fastpath.rtcp import RtcpKind

VECTORS = Path(__file__).parents[1] / "vectors" / "rtp"
GUARDED = GuardedBuffer()

u8 = st.integers(0, 0xFF)
u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
u64 = st.integers(0, 0xFFFFFFFFFFFFFFFF)
senders = st.fixed_dictionaries(
    {"ssrc": u32, "ntp": u64, "rtp_timestamp": u32, "packet_count": u32, "octet_count": u32}
)
reports = st.fixed_dictionaries(
    {
        "ssrc": u32,
        "fraction_lost": u8,
        "cumulative_lost": st.integers(-0x800000, 0x7FFFFF),
        "extended_seq": u32,
        "jitter": u32,
        "lsr": u32,
        "dlsr": u32,
    }
)
report_lists = st.lists(reports, max_size=31)


def packet(kind: int, count: int, body: bytes, *, padding: bool = False) -> bytes:
    assert len(body) % 4 == 0
    return struct.pack("!BBH", 0x80 | padding << 5 | count, kind, len(body) // 4) + body


def parse(data: bytes) -> tuple[list[dict], bool]:
    return rtcp.parse(GUARDED.place(data))


def parse_one(data: bytes) -> dict:
    packets, whole = parse(data)
    assert whole
    assert len(packets) == 1
    return packets[0]


def lost(nacks: list[tuple[int, int]]) -> list[int]:
    return [
        (pid + offset) & 0xFFFF
        for pid, blp in nacks
        for offset in range(17)
        if offset == 0 or blp >> (offset - 1) & 1
    ]


def to_aiortc(report: dict) -> RtcpReceiverInfo:
    return RtcpReceiverInfo(
        ssrc=report["ssrc"],
        fraction_lost=report["fraction_lost"],
        packets_lost=report["cumulative_lost"],
        highest_sequence=report["extended_seq"],
        jitter=report["jitter"],
        lsr=report["lsr"],
        dlsr=report["dlsr"],
    )


def sender_to_aiortc(sender: dict, blocks: list[dict]) -> RtcpSrPacket:
    return RtcpSrPacket(
        ssrc=sender["ssrc"],
        sender_info=RtcpSenderInfo(
            ntp_timestamp=sender["ntp"],
            rtp_timestamp=sender["rtp_timestamp"],
            packet_count=sender["packet_count"],
            octet_count=sender["octet_count"],
        ),
        reports=[to_aiortc(block) for block in blocks],
    )


def complaint_of_aiortc(data: bytes) -> str:
    try:
        RtcpPacket.parse(data)
    except ValueError as error:
        return str(error)
    return ""


SENDER = dict.fromkeys(("ssrc", "ntp", "rtp_timestamp", "packet_count", "octet_count"), 1)
REPORT = dict.fromkeys(
    ("ssrc", "fraction_lost", "cumulative_lost", "extended_seq", "jitter", "lsr", "dlsr"), 1
)
COMPOUND = (
    rtcp.build_sr(SENDER, [REPORT])
    + rtcp.build_sdes(1, b"cname")
    + rtcp.build_nack(1, 2, [3, 5, 90])
    + rtcp.build_pli(1, 2)
    + rtcp.build_fir(1, 2, 3)
    + rtcp.build_rrtr(1, 1 << 40)
    + rtcp.build_dlrr(1, 2, 3, 4)
    + rtcp.build_bye(1)
)


# Against aiortc, in both directions


@given(senders, report_lists)
def test_sender_report(sender: dict, blocks: list[dict]) -> None:
    data = bytes(sender_to_aiortc(sender, blocks))
    assert rtcp.build_sr(sender, blocks) == data
    seen = parse_one(data)
    assert seen["kind"] == RtcpKind.RTCP_SR
    assert seen["ssrc"] == sender["ssrc"]
    assert seen["sender"] == sender
    assert seen["reports"] == blocks


@given(u32, report_lists)
def test_receiver_report(ssrc: int, blocks: list[dict]) -> None:
    data = bytes(RtcpRrPacket(ssrc=ssrc, reports=[to_aiortc(block) for block in blocks]))
    assert rtcp.build_rr(ssrc, blocks) == data
    seen = parse_one(data)
    assert (seen["kind"], seen["ssrc"], seen["reports"]) == (RtcpKind.RTCP_RR, ssrc, blocks)


@given(u32, st.binary(max_size=255))
def test_sdes(ssrc: int, cname: bytes) -> None:
    data = rtcp.build_sdes(ssrc, cname)
    assert len(data) % 4 == 0
    assert data[10 + len(cname)] == 0  # RFC 3550 §6.5: at least one null octet ends the items
    assert RtcpPacket.parse(data) == [RtcpSdesPacket(chunks=[RtcpSourceInfo(ssrc=ssrc, items=[(1, cname)])])]
    assert parse_one(data)["ssrc"] == ssrc


@given(st.lists(u32, max_size=31))
def test_bye(sources: list[int]) -> None:
    seen = parse_one(bytes(RtcpByePacket(sources=sources)))
    assert seen["bye"] == sources
    assert seen["ssrc"] == (sources[0] if sources else 0)
    for ssrc in sources[:1]:
        assert RtcpPacket.parse(rtcp.build_bye(ssrc)) == [RtcpByePacket(sources=[ssrc])]


def test_the_reason_of_a_bye_without_sources_is_no_ssrc() -> None:
    assert parse_one(packet(RtcpKind.RTCP_BYE, 0, b"\x03bye"))["ssrc"] == 0


@given(u32, u32)
def test_pli(sender: int, media: int) -> None:
    data = bytes(RtcpPsfbPacket(fmt=1, ssrc=sender, media_ssrc=media))
    assert rtcp.build_pli(sender, media) == data
    seen = parse_one(data)
    assert (seen["pli"], seen["ssrc"], seen["media_ssrc"], seen["fir"]) == (True, sender, media, [])


@given(u32, st.lists(st.tuples(u32, u8), max_size=9))
def test_fir(sender: int, entries: list[tuple[int, int]]) -> None:
    fci = b"".join(struct.pack("!IB3x", ssrc, seq) for ssrc, seq in entries)
    seen = parse_one(bytes(RtcpPsfbPacket(fmt=4, ssrc=sender, media_ssrc=0, fci=fci)))
    assert (seen["pli"], seen["fir"]) == (False, entries)
    for ssrc, seq in entries[:1]:
        expected = RtcpPsfbPacket(fmt=4, ssrc=sender, media_ssrc=0, fci=fci[:8])
        assert RtcpPacket.parse(rtcp.build_fir(sender, ssrc, seq)) == [expected]


@given(u16, st.sets(st.integers(0, 2000), min_size=1, max_size=200))
def test_nack_carries_exactly_the_set_across_the_wrap(base: int, offsets: set[int]) -> None:
    seqs = [(base + offset) & 0xFFFF for offset in sorted(offsets)]
    seen = parse_one(rtcp.build_nack(1, 2, seqs))
    assert (seen["ssrc"], seen["media_ssrc"]) == (1, 2)
    assert lost(seen["nack"]) == seqs


@given(st.sets(u16, min_size=1, max_size=100))
def test_nack_is_understood_by_aiortc(numbers: set[int]) -> None:
    seqs = sorted(numbers)
    expected = RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=seqs)
    assert RtcpPacket.parse(rtcp.build_nack(1, 2, seqs)) == [expected]
    assert rtcp.build_nack(1, 2, seqs) == bytes(expected)  # so it is packed as tightly
    assert lost(parse_one(bytes(expected))["nack"]) == seqs


def test_nack_ignores_a_number_given_twice() -> None:
    assert lost(parse_one(rtcp.build_nack(1, 2, [7, 7, 8, 8]))["nack"]) == [7, 8]


# RFC 3611, which aiortc does not know


def test_rrtr_is_found_behind_other_blocks() -> None:
    loss_rle = struct.pack("!BBHIHHHH", 1, 0, 3, 9, 1, 2, 0x8001, 0)
    rrtr = struct.pack("!BBHQ", 4, 0, 2, 0x0123456789ABCDEF)
    seen = parse_one(packet(RtcpKind.RTCP_XR, 0, struct.pack("!I", 77) + loss_rle + rrtr))
    assert (seen["ssrc"], seen["rrtr"]) == (77, 0x0123456789ABCDEF)
    assert parse_one(rtcp.build_rrtr(77, 0x0123456789ABCDEF))["rrtr"] == 0x0123456789ABCDEF


@pytest.mark.parametrize(
    "block",
    [
        struct.pack("!BBHQ", 4, 0, 3, 1),  # longer than its packet
        struct.pack("!BBHI", 4, 0, 1, 1),  # too short for a time
        struct.pack("!BBHQ", 5, 0, 2, 1),  # another block
        b"",
    ],
)
def test_no_rrtr(block: bytes) -> None:
    assert "rrtr" not in parse_one(packet(RtcpKind.RTCP_XR, 0, struct.pack("!I", 77) + block))


def test_dlrr() -> None:
    expected = packet(RtcpKind.RTCP_XR, 0, struct.pack("!IBBHIII", 1, 5, 0, 3, 2, 0x11223344, 65536))
    assert rtcp.build_dlrr(1, 2, 0x11223344, 65536) == expected


def test_ones_own_dlrr_is_found_among_others() -> None:
    rrtr = struct.pack("!BBHQ", 4, 0, 2, 7)
    other = struct.pack("!BBHIII", 5, 0, 3, 8, 1, 2)
    several = struct.pack("!BBHIIIIII", 5, 0, 6, 9, 3, 4, 10, 5, 6)
    data = packet(RtcpKind.RTCP_XR, 0, struct.pack("!I", 77) + rrtr + other + several)
    for receiver, found in {8: (1, 2), 9: (3, 4), 10: (5, 6)}.items():
        (seen,), _ = rtcp.parse(data, receiver)
        assert (seen["rrtr"], seen["dlrr"]) == (7, found)
    (seen,), _ = rtcp.parse(data, 11)
    assert "dlrr" not in seen


@pytest.mark.parametrize("words", [0, 2, 4, 0xFFFF])
def test_no_dlrr(words: int) -> None:
    """Without items, cut short, and longer than its packet."""
    block = struct.pack("!BBHII", 5, 0, words, 8, 1)
    (seen,), _ = rtcp.parse(packet(RtcpKind.RTCP_XR, 0, struct.pack("!I", 77) + block), 8)
    assert "dlrr" not in seen


# Malformed


def test_every_cut_gives_fewer_packets() -> None:
    packets, whole = parse(COMPOUND)
    assert whole
    assert [p["kind"] for p in packets] == [200, 202, 205, 206, 206, 207, 207, 203]
    ends = [0]
    for p in packets:
        ends.append(ends[-1] + 4 + len(p["body"]))
    for cut in range(len(COMPOUND)):
        seen, whole = parse(COMPOUND[:cut])
        assert whole == (cut in ends)
        assert seen == packets[: sum(end <= cut for end in ends[1:])]


@pytest.mark.parametrize(
    ("kind", "count", "body"),
    [
        (RtcpKind.RTCP_SR, 0, bytes(20)),
        (RtcpKind.RTCP_SR, 1, bytes(24 + 20)),
        (RtcpKind.RTCP_RR, 0, b""),
        (RtcpKind.RTCP_RR, 31, bytes(4 + 24 * 30)),
        (RtcpKind.RTCP_SDES, 1, b""),
        (RtcpKind.RTCP_BYE, 2, bytes(4)),
        (RtcpKind.RTCP_APP, 0, bytes(4)),
        (RtcpKind.RTCP_RTPFB, 1, bytes(4)),
        (RtcpKind.RTCP_PSFB, 1, bytes(4)),
        (RtcpKind.RTCP_XR, 0, b""),
    ],
)
def test_a_count_that_the_body_cannot_hold(kind: int, count: int, body: bytes) -> None:
    assert parse(packet(kind, count, body)) == ([], False)


def test_a_length_beyond_the_datagram() -> None:
    for words in (2, 3, 0x7FFF, 0xFFFF):
        assert parse(struct.pack("!BBHI", 0x80, RtcpKind.RTCP_RR, words, 1)) == ([], False)


def test_another_version() -> None:
    for version in (0, 1, 3):
        assert parse(bytes([version << 6]) + rtcp.build_rr(1)[1:]) == ([], False)


@pytest.mark.parametrize("last", [0, 9, 255])
def test_a_padding_length_that_lies(last: int) -> None:
    body = struct.pack("!I", 1) + bytes([0, 0, 0, last])
    assert parse(packet(RtcpKind.RTCP_RR, 0, body, padding=True)) == ([], False)


def test_padding_that_eats_what_the_header_claims() -> None:
    assert parse(packet(RtcpKind.RTCP_RR, 0, bytes([0, 0, 0, 4]), padding=True)) == ([], False)
    assert parse(struct.pack("!BBH", 0xA0, RtcpKind.RTCP_BYE, 0)) == ([], False)


@pytest.mark.parametrize("size", [1, 3, 4, 8])
def test_padding_is_removed_from_any_packet_of_a_compound(size: int) -> None:
    """libwebrtc pads each transport-wide feedback by one to three bytes."""
    content = struct.pack("!II", 1, 2) + bytes(-size % 4)
    padded = packet(205, 15, content + bytes(size - 1) + bytes([size]), padding=True)
    packets, whole = parse(padded + padded + rtcp.build_rr(3))
    assert whole
    assert [p["body"] for p in packets[:2]] == [content, content]


def test_reduced_size_and_unknown_packets() -> None:
    packets, whole = parse(rtcp.build_pli(1, 2) + packet(210, 5, bytes(8)) + rtcp.build_bye(1))
    assert whole
    assert [(p["kind"], p["ssrc"]) for p in packets] == [(206, 1), (210, 0), (203, 1)]


def test_empty() -> None:
    assert parse(b"") == ([], True)


@settings(max_examples=300)
@given(st.binary(max_size=120), st.integers(0, len(COMPOUND)))
def test_noise_behind_a_good_start(noise: bytes, cut: int) -> None:
    packets, _ = parse(COMPOUND[:cut] + noise)
    assert sum(4 + len(p["body"]) for p in packets) <= cut + len(noise)


@settings(max_examples=300)
@given(st.integers(0, len(COMPOUND) - 1), u8)
def test_one_wrong_byte(at: int, value: int) -> None:
    data = bytearray(COMPOUND)
    data[at] = value
    packets, whole = parse(bytes(data))
    complaint = complaint_of_aiortc(bytes(data))
    if not complaint:
        assert packets
    elif whole:
        # What we let pass: report extensions (RFC 3550 §6.4.3), SDES items, odd bytes behind feedback
        assert any(word in complaint for word in ("report length", "SDES", "feedback"))


# Room


@pytest.mark.parametrize(
    ("size", "build"),
    [
        (28 + 24, lambda room: rtcp.build_sr(SENDER, [REPORT], room)),
        (8 + 48, lambda room: rtcp.build_rr(1, [REPORT, REPORT], room)),
        (16, lambda room: rtcp.build_sdes(1, b"abcd", room)),
        (8, lambda room: rtcp.build_bye(1, room)),
        (20, lambda room: rtcp.build_nack(1, 2, [1, 17, 18], room)),
        (12, lambda room: rtcp.build_pli(1, 2, room)),
        (20, lambda room: rtcp.build_fir(1, 2, 3, room)),
        (20, lambda room: rtcp.build_rrtr(1, 2, room)),
        (24, lambda room: rtcp.build_dlrr(1, 2, 3, 4, room)),
    ],
)
def test_exact_room_or_nothing(size: int, build) -> None:
    assert len(build(size)) == size
    assert len(build(1200)) == size
    for room in range(size):
        assert build(room) == b""


def test_what_the_format_cannot_hold() -> None:
    assert rtcp.build_rr(1, [REPORT] * 32) == b""
    assert rtcp.build_sr(SENDER, [REPORT] * 32) == b""
    assert rtcp.build_sdes(1, bytes(256)) == b""
    assert rtcp.build_nack(1, 2, []) == b""


@pytest.mark.parametrize(("loss", "stored"), [(1 << 24, 0x7FFFFF), (-(1 << 24), -0x800000)])
def test_cumulative_loss_saturates(loss: int, stored: int) -> None:
    """RFC 3550 A.3."""
    seen = parse_one(rtcp.build_rr(1, [{**REPORT, "cumulative_lost": loss}]))
    assert seen["reports"][0]["cumulative_lost"] == stored


# Chromium


# Those whose name begins with layers_ were trimmed to their RTP.
RECORDED = sorted(path for path in VECTORS.glob("*.pcap") if not path.stem.startswith("layers_"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_from_chromium(path: Path) -> None:
    compounds = [datagram.data for datagram in read_udp(path) if is_rtcp(datagram.data)]
    assert compounds
    for data in compounds:
        packets, whole = parse(data)
        assert whole
        if any(p["kind"] == RtcpKind.RTCP_RTPFB for p in packets):
            continue  # aiortc refuses transport-wide feedback padded to a word
        ours = [p for p in packets if "reports" in p]
        theirs = [p for p in RtcpPacket.parse(data) if isinstance(p, (RtcpSrPacket, RtcpRrPacket))]
        assert ours
        for seen, expected in zip(ours, theirs, strict=True):
            assert [to_aiortc(block) for block in seen["reports"]] == expected.reports
            if isinstance(expected, RtcpSrPacket):
                assert sender_to_aiortc(seen["sender"], seen["reports"]) == expected
