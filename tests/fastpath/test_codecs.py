"""Key frames are compared with what a decoder (PyAV's FFmpeg) says of the reassembled frames."""

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest
from aiortc.codecs.h264 import H264PayloadDescriptor
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bitstream import leb128, vp9_payload
from tests.support.guarded import GuardedBuffer
from tests.support.pcap import is_rtcp, read_udp
from vpaas_core._fastpath.codecs import vp8, vp9
from vpaas_core._fastpath.codecs.codec import Codec, starts_key_frame

VECTORS = Path(__file__).parents[1] / "vectors" / "rtp"
GUARDED = GuardedBuffer()
WITH_KEY_FRAMES = [Codec.CODEC_VP8, Codec.CODEC_VP9, Codec.CODEC_H264, Codec.CODEC_AV1, Codec.CODEC_H265]


def key(codec: Codec, payload: bytes) -> bool:
    return starts_key_frame(codec, GUARDED.place(payload))


# Recordings


def pictures(name: str, payload_type: int) -> Iterator[list[RtpPacket]]:
    """The packets of each stream and timestamp, in sending order."""
    grouped: dict[tuple[int, int], list[RtpPacket]] = {}
    for datagram in read_udp(VECTORS / f"{name}.pcap"):
        if datagram.data[0] >> 6 == 2 and not is_rtcp(datagram.data):
            packet = RtpPacket.parse(datagram.data)
            if packet.payload_type == payload_type and packet.payload:
                grouped.setdefault((packet.ssrc, packet.timestamp), []).append(packet)
    for packets in grouped.values():
        numbers = [packet.sequence_number for packet in packets]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "the recording has no loss"
    return iter(grouped.values())


def vp8_frame(payloads: list[bytes]) -> bytes:
    return b"".join(VpxPayloadDescriptor.parse(payload)[1] for payload in payloads)


def vp9_base_layer(payloads: list[bytes]) -> bytes:
    """Frames of higher spatial layers are left out."""
    return b"".join(each.data for each in map(vp9_payload, payloads) if each.spatial == 0)


def h264_access_unit(payloads: list[bytes]) -> bytes:
    return b"".join(H264PayloadDescriptor.parse(payload)[1] for payload in payloads)


def av1_obus(payloads: list[bytes]) -> list[bytes]:
    """The OBU elements of a temporal unit (RTP Payload Format For AV1 §4.3)."""
    obus: list[bytes] = []
    for payload in payloads:
        header, at = payload[0], 1
        elements = []
        while at < len(payload):
            if header >> 4 & 0x03 == len(elements) + 1:
                size = len(payload) - at  # the last of W elements has no length
            else:
                size, at = leb128(payload, at)
            elements.append(payload[at : at + size])
            at += size
        if header & 0x80:
            obus[-1] += elements.pop(0)
        obus += elements
    return obus


def av1_base_layer(payloads: list[bytes]) -> bytes:
    """A low-overhead bitstream (AV1 §5.2), each OBU with a size field; higher spatial layers are left out."""
    stream = bytes([0x12, 0])  # temporal delimiter
    for obu in av1_obus(payloads):
        header_len = 2 if obu[0] & 0x04 else 1
        if header_len == 2 and obu[1] >> 3 & 0x03:
            continue
        assert not obu[0] & 0x02
        size = len(obu) - header_len
        stream += bytes([obu[0] | 0x02]) + obu[1:header_len]
        stream += bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) + obu[header_len:]
    return stream


@pytest.mark.parametrize(
    ("name", "payload_type", "codec", "decoder", "depacketize"),
    [
        ("sim_vp8_3rid_dd", 96, Codec.CODEC_VP8, "vp8", vp8_frame),
        ("svc_vp9_L3T3_KEY_dd", 98, Codec.CODEC_VP9, "vp9", vp9_base_layer),
        ("h264_42e01f", 108, Codec.CODEC_H264, "h264", h264_access_unit),
        ("svc_av1_L3T3_dd", 45, Codec.CODEC_AV1, "libdav1d", av1_base_layer),
    ],
)
def test_key_frames_of_chromium_are_where_a_decoder_sees_them(
    name: str, payload_type: int, codec: Codec, decoder: str, depacketize: Callable[[list[bytes]], bytes]
) -> None:
    contexts: dict[int, av.VideoCodecContext] = {}
    decoded: dict[int, list[bool]] = {}
    found: dict[int, list[bool]] = {}
    for packets in pictures(name, payload_type):
        if not packets[-1].marker:
            continue  # the recording ends here
        ssrc = packets[0].ssrc
        context = contexts.setdefault(ssrc, av.CodecContext.create(decoder, "r"))
        frames = context.decode(av.Packet(depacketize([packet.payload for packet in packets])))
        decoded.setdefault(ssrc, []).extend(bool(frame.key_frame) for frame in frames)
        starts = [key(codec, packet.payload) for packet in packets]
        found.setdefault(ssrc, []).append(any(starts))
        if any(starts):
            assert starts[0]
    for ssrc, context in contexts.items():
        decoded[ssrc].extend(bool(frame.key_frame) for frame in context.decode(None))
    assert found == decoded
    assert any(any(flags) for flags in found.values())
    assert not all(all(flags) for flags in found.values())


# VP8 (RFC 7741 §4.2)


def bits(text: str) -> bytes:
    """Bytes of 0 and 1, fields apart as they stand in an RFC's diagram."""
    digits = "".join(text.split())
    return int(digits, 2).to_bytes(len(digits) // 8, "big")


VP8_PLAIN = {
    "size": 1,
    "non_reference": False,
    "starts_partition": True,
    "partition": 0,
    "picture_id": -1,
    "tl0_picture": -1,
    "temporal": -1,
    "layer_sync": False,
    "key_index": -1,
}


@pytest.mark.parametrize(
    ("descriptor", "fields"),
    [
        # X R N S R PID
        ("0 0 0 1 0 000", {}),
        ("0 0 1 0 0 111", {"non_reference": True, "starts_partition": False, "partition": 7}),
        # X R N S R PID  I L T K RSV
        ("1 0 0 1 0 000  0 0 0 0 0000", {"size": 2}),
        # ... M PictureID
        ("1 0 0 1 0 000  1 0 0 0 0000  0 1111111", {"size": 3, "picture_id": 127}),
        ("1 0 0 1 0 000  1 0 0 0 0000  1 100000000000001", {"size": 4, "picture_id": 0x4001}),
        # ... TL0PICIDX
        ("1 0 0 1 0 000  0 1 0 0 0000  11111110", {"size": 3, "tl0_picture": 254}),
        # ... TID Y KEYIDX: one byte for T, K or both
        ("1 0 0 1 0 000  0 0 1 0 0000  10 1 11111", {"size": 3, "temporal": 2, "layer_sync": True}),
        ("1 0 0 1 0 000  0 0 0 1 0000  11 1 10001", {"size": 3, "key_index": 17}),
        (
            "1 0 1 0 0 001  1 1 1 1 0000  1 000000000000011  00000111  01 0 00100",
            {
                "size": 6,
                "non_reference": True,
                "starts_partition": False,
                "partition": 1,
                "picture_id": 3,
                "tl0_picture": 7,
                "temporal": 1,
                "key_index": 4,
            },
        ),
    ],
)
def test_vp8_descriptor(descriptor: str, fields: dict) -> None:
    data = bits(descriptor)
    expected = {**VP8_PLAIN, **fields}
    assert vp8.describe(GUARDED.place(data)) == expected
    assert vp8.describe(GUARDED.place(data + b"\xff")) == expected
    for cut in range(len(data)):
        assert vp8.describe(GUARDED.place(data[:cut])) is None
    assert not key(Codec.CODEC_VP8, data), "no frame follows"
    begins = expected["starts_partition"] and expected["partition"] == 0
    assert key(Codec.CODEC_VP8, data + b"\x10") == begins
    assert not key(Codec.CODEC_VP8, data + b"\x11")  # P: an interframe


@given(
    st.integers(0, 1),
    st.integers(0, 7),
    st.none() | st.integers(0, 0x7FFF),
    st.none() | st.integers(0, 255),
    st.none() | st.tuples(st.integers(0, 3), st.integers(0, 1)),
    st.none() | st.integers(0, 31),
)
def test_vp8_descriptor_of_aiortc(
    start: int,
    partition: int,
    picture_id: int | None,
    tl0: int | None,
    tid: tuple[int, int] | None,
    key_index: int | None,
) -> None:
    data = bytes(VpxPayloadDescriptor(start, partition, picture_id, tl0, tid, key_index))
    assert vp8.describe(GUARDED.place(data)) == {
        "size": len(data),
        "non_reference": False,
        "starts_partition": bool(start),
        "partition": partition,
        "picture_id": -1 if picture_id is None else picture_id,
        "tl0_picture": -1 if tl0 is None else tl0,
        "temporal": -1 if tid is None else tid[0],
        "layer_sync": tid is not None and bool(tid[1]),
        "key_index": -1 if key_index is None else key_index,
    }


# VP9 (RFC 9628 §4.2)

VP9_PLAIN = {
    "inter_predicted": False,
    "flexible": False,
    "starts_frame": True,
    "ends_frame": False,
    "not_reference": False,
    "picture_id": -1,
    "temporal": -1,
    "spatial": -1,
    "switching_up": False,
    "inter_layer": False,
    "tl0_picture": -1,
}


@pytest.mark.parametrize(
    ("descriptor", "fields", "starts"),
    [
        # I P L F B E V Z
        ("0 0 0 0 1 0 0 0", {}, True),
        ("0 0 0 0 0 1 0 1", {"starts_frame": False, "ends_frame": True, "not_reference": True}, False),
        ("0 1 0 0 1 0 0 0", {"inter_predicted": True}, False),
        # I P L F B E V Z  M PICTURE ID
        ("1 0 0 0 1 0 0 0  0 0000101", {"picture_id": 5}, True),
        ("1 0 0 0 1 0 0 0  1 111111111111111", {"picture_id": 0x7FFF}, True),
        # ... TID U SID D  TL0PICIDX in non-flexible mode
        (
            "1 0 1 0 1 1 0 0  0 0000001  000 1 000 0  00001001",
            {
                "ends_frame": True,
                "picture_id": 1,
                "temporal": 0,
                "spatial": 0,
                "switching_up": True,
                "tl0_picture": 9,
            },
            True,
        ),
        (
            "1 0 1 0 1 0 0 0  0 0000001  010 0 001 1  00001001",
            {"picture_id": 1, "temporal": 2, "spatial": 1, "inter_layer": True, "tl0_picture": 9},
            False,  # a higher spatial layer of a key picture
        ),
        # ... TID U SID D in flexible mode
        (
            "1 0 1 1 1 0 0 0  1 000000000000001  000 0 000 0",
            {"flexible": True, "picture_id": 1, "temporal": 0, "spatial": 0},
            True,
        ),
        (
            "1 1 1 1 1 0 0 0  1 000000000000001  111 0 111 0",
            {"inter_predicted": True, "flexible": True, "picture_id": 1, "temporal": 7, "spatial": 7},
            False,
        ),
    ],
)
def test_vp9_descriptor(descriptor: str, fields: dict, starts: bool) -> None:
    data = bits(descriptor)
    assert vp9.describe(GUARDED.place(data)) == {**VP9_PLAIN, **fields}
    assert key(Codec.CODEC_VP9, data) == starts
    assert key(Codec.CODEC_VP9, data + b"frame") == starts
    for cut in range(len(data)):
        assert vp9.describe(GUARDED.place(data[:cut])) is None
        assert not key(Codec.CODEC_VP9, data[:cut])


# H.264 (RFC 6184) and H.265 (RFC 7798)


def aggregate(header: bytes, *units: bytes) -> bytes:
    return header + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


SPS, PPS, SEI = b"\x67\x42\xe0\x1f", b"\x68\xce", b"\x06\x05"
IDR, IDR_SECOND_SLICE, SLICE = b"\x65\x88\x84", b"\x65\x00\x44", b"\x41\x9a"
STAP_A = b"\x78"


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        (SPS, True),
        (IDR, True),
        (IDR_SECOND_SLICE, False),
        (PPS, False),
        (SEI, False),
        (SLICE, False),
        (aggregate(STAP_A, SPS, PPS), True),
        (aggregate(STAP_A, SEI, PPS, SPS), True),
        (aggregate(STAP_A, SEI, IDR), True),
        (aggregate(STAP_A, SEI, PPS, SLICE), False),
        (aggregate(STAP_A, b"", SPS), False),  # no NAL unit is empty
        (STAP_A + b"\x00\x05" + SPS, False),  # longer than the packet
        # FU-A: |S|E|R| type |
        (bits("0 11 11100  1 0 0 00101") + b"\x88", True),
        (bits("0 11 11100  1 0 0 00111") + b"\x42", True),
        (bits("0 11 11100  0 0 0 00101") + b"\x88", False),
        (bits("0 11 11100  0 1 0 00101") + b"\x88", False),
        (bits("0 11 11100  1 0 0 00001") + b"\x88", False),
        (bits("0 11 11100  1 0 0 00101"), False),
    ],
)
def test_h264(payload: bytes, starts: bool) -> None:
    assert key(Codec.CODEC_H264, payload) == starts


def hevc(kind: int, rest: bytes = b"\x80") -> bytes:
    return bytes([kind << 1, 1]) + rest


@pytest.mark.parametrize(
    ("payload", "starts"),
    [
        (hevc(32), True),  # VPS
        (hevc(33), True),  # SPS
        (hevc(34), False),  # PPS
        (hevc(19), True),  # IDR_W_RADL
        (hevc(20), True),  # IDR_N_LP
        (hevc(21), True),  # CRA
        (hevc(19, b"\x40"), False),  # a later slice segment
        (hevc(1), False),  # TRAIL_R
        (hevc(39), False),  # prefix SEI
        (aggregate(hevc(48, b""), hevc(39), hevc(32)), True),
        (aggregate(hevc(48, b""), hevc(39), hevc(19)), True),
        (aggregate(hevc(48, b""), hevc(39), hevc(1)), False),
        # FU: |S|E| type |
        (hevc(49, bits("1 0 010011") + b"\x80"), True),
        (hevc(49, bits("0 0 010011") + b"\x80"), False),
        (hevc(49, bits("1 0 000001") + b"\x80"), False),
        (hevc(49, bits("1 0 010011")), False),
    ],
)
def test_h265(payload: bytes, starts: bool) -> None:
    assert key(Codec.CODEC_H265, payload) == starts


# AV1 (RTP Payload Format For AV1 §4.4)


@pytest.mark.parametrize(
    ("header", "starts"),
    [
        # Z Y W N reserved
        ("0 0 00 1 000", True),
        ("0 1 10 1 000", True),
        ("0 1 10 0 000", False),
        ("1 0 01 0 000", False),
        ("1 0 01 1 000", False),  # a new sequence does not continue an OBU
    ],
)
def test_av1(header: str, starts: bool) -> None:
    assert key(Codec.CODEC_AV1, bits(header) + b"\x0a") == starts
    assert not key(Codec.CODEC_AV1, bits(header))


# Any codec


@pytest.mark.parametrize("codec", WITH_KEY_FRAMES)
@given(payload=st.binary(max_size=80))
def test_noise_is_read_within_its_bounds(codec: Codec, payload: bytes) -> None:
    for cut in range(len(payload) + 1):
        key(codec, payload[:cut])


@pytest.mark.parametrize("aggregation", [(Codec.CODEC_H264, STAP_A), (Codec.CODEC_H265, hevc(48, b""))])
@given(units=st.lists(st.binary(max_size=9), max_size=6))
def test_aggregates_are_read_within_their_bounds(
    aggregation: tuple[Codec, bytes], units: list[bytes]
) -> None:
    codec, header = aggregation
    payload = aggregate(header, *units)
    for cut in range(len(payload) + 1):
        key(codec, payload[:cut])


@pytest.mark.parametrize("codec", [Codec.CODEC_OTHER, Codec.CODEC_OPUS, 99])
def test_no_key_frames(codec: int) -> None:
    assert not key(codec, b"\x10\x10")
