"""aiortc's parser is the oracle: what it reads we read alike, what it refuses we refuse."""

import struct

import pytest
from aiortc.rtp import RtpPacket, unpack_header_extensions
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.packets import Rtp
from vpaas_core._fastpath.drop import DropReason
from vpaas_core._fastpath.rtp import ExtensionKind, read

ALL_IDS = {number: number for number in range(1, 256)}  # every extension, under its own id as kind
MALFORMED = str(int(DropReason.DROP_RTP_MALFORMED))

packets = st.builds(
    Rtp,
    payload_type=st.integers(0, 127),
    seq=st.integers(0, 65535),
    timestamp=st.integers(0, 2**32 - 1),
    ssrc=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=40),
    marker=st.booleans(),
    extensions=st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=8),
    padding=st.integers(0, 40),
    csrcs=st.lists(st.integers(0, 2**32 - 1), max_size=15).map(tuple),
)


def oracle(data: bytes) -> dict[str, object] | None:
    """None: malformed."""
    try:
        packet = RtpPacket.parse(data)
        header = len(data) - len(packet.payload) - packet.padding_size
        extensions: dict[int, bytes] = {}
        if data[0] & 0x10:
            at = 12 + 4 * (data[0] & 15)
            profile = struct.unpack_from("!H", data, at)[0]
            if profile & 0xFFF0 == 0x1000:
                profile = 0x1000
            extensions = dict(unpack_header_extensions(profile, data[at + 4 : header]))
    except (ValueError, struct.error):
        return None
    return {
        "payload_type": packet.payload_type,
        "marker": bool(packet.marker),
        "timestamp": packet.timestamp,
        "header_len": header,
        "payload": packet.payload,
        "extensions": extensions,
    }


def ours(data: bytes) -> dict[str, object] | None:
    try:
        return read(data, ALL_IDS)
    except ValueError as error:
        if str(error) != MALFORMED:
            raise
        return None


@given(packets, st.booleans())
def test_what_aiortc_reads(packet: Rtp, two_byte: bool) -> None:
    data = packet.pack(two_byte)
    assert ours(data) == oracle(data)
    assert ours(data) is not None


@given(packets, st.booleans())
@settings(max_examples=30)
def test_cut_at_every_byte(packet: Rtp, two_byte: bool) -> None:
    data = packet.pack(two_byte)
    for length in range(len(data)):
        assert ours(data[:length]) == oracle(data[:length])


def elements(body: bytes) -> bytes:
    """Up to where RFC 8285 §4.2 ends them: at id 15, or at id 0 with a length. aiortc reads on."""
    at = 0
    while at < len(body):
        if body[at] != 0 and body[at] >> 4 in (0, 15):
            return body[:at]
        at += 1 if body[at] == 0 else (body[at] & 15) + 2
    return body


@given(st.sampled_from([0xBEDE, 0x1000, 0x100F, 0x1234]), st.binary(max_size=40), st.integers(-2, 2))
def test_any_extension_and_lengths_that_lie(profile: int, body: bytes, lie: int) -> None:
    if profile == 0xBEDE:
        body = elements(body)
    body += bytes(-len(body) % 4)
    words = max(0, len(body) // 4 + lie)
    tail = bytes(8)  # which a length that lies may take in
    data = struct.pack("!BBHIIHH", 0x90, 96, 1, 2, 3, profile, words) + body + tail
    expected = oracle(data)
    if expected is None or len(expected["extensions"]) <= 12:  # type: ignore[arg-type] # we read no more
        assert ours(data) == expected


@given(st.binary(max_size=80))
def test_rubbish_is_refused_or_read_within_its_bounds(data: bytes) -> None:
    result = ours(data)
    if result is not None:
        assert len(data) >= int(result["header_len"]) + len(bytes(result["payload"]))  # type: ignore[call-overload]


@pytest.mark.parametrize("first", [0x00, 0x40, 0xC0])
def test_other_versions(first: int) -> None:
    assert ours(bytes([first, 96]) + bytes(20)) is None


@pytest.mark.parametrize(
    ("count", "well_formed"), [(0, False), (1, True), (4, True), (5, False), (255, False)]
)
def test_padding_that_lies(count: int, well_formed: bool) -> None:
    data = bytes([0xA0, 96]) + bytes(10) + b"\x01\x02\x03" + bytes([count])
    assert (ours(data) is not None) == well_formed


def test_only_what_is_negotiated_is_kept() -> None:
    data = Rtp(96, 1, 2, 3, b"x", extensions={1: b"mid", 2: b"abc"}).pack()
    assert read(data, {1: ExtensionKind.EXT_MID})["extensions"] == {ExtensionKind.EXT_MID: b"mid"}
    assert read(data, {})["extensions"] == {}


def test_more_extensions_than_there_is_room_for() -> None:
    data = Rtp(96, 1, 2, 3, b"x", extensions=dict.fromkeys(range(1, 15), b"e")).pack()
    extensions = read(data, ALL_IDS)["extensions"]
    assert extensions == dict.fromkeys(range(1, 13), b"e")


def test_the_stop_id_ends_the_extensions() -> None:
    data = struct.pack("!BBHIIHH", 0x90, 96, 1, 2, 3, 0xBEDE, 2) + b"\x10\x05\xf0\x01\x20\x07\x00\x00" + b"p"
    assert read(data, ALL_IDS)["extensions"] == {1: b"\x05"}
    data = struct.pack("!BBHIIHH", 0x90, 96, 1, 2, 3, 0xBEDE, 2) + b"\x10\x05\x01\x01\x20\x07\x00\x00" + b"p"
    assert read(data, ALL_IDS)["extensions"] == {1: b"\x05"}


def test_too_large() -> None:
    with pytest.raises(ValueError, match=str(int(DropReason.DROP_RTP_TOO_LARGE))):
        read(bytes([0x80, 96]) + bytes(1600), {})
