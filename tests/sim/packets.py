"""RTP packets for simulated peers, built and read in slow Python, and payloads of every codec."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from vpaas_core._fastpath.codecs.codec import Codec


@dataclass(frozen=True, slots=True)
class Rtp:
    payload_type: int
    seq: int
    timestamp: int
    ssrc: int
    payload: bytes = b""
    marker: bool = False
    extensions: dict[int, bytes] = field(default_factory=dict)  # id -> data
    padding: int = 0  # bytes, the one that counts them included
    csrcs: tuple[int, ...] = ()

    def pack(self, two_byte: bool = False) -> bytes:
        first = 0x80 | (0x20 if self.padding else 0) | (0x10 if self.extensions else 0) | len(self.csrcs)
        header = struct.pack(
            "!BBHII",
            first,
            self.marker << 7 | self.payload_type,
            self.seq & 0xFFFF,
            self.timestamp & 0xFFFFFFFF,
            self.ssrc,
        )
        header += b"".join(struct.pack("!I", csrc) for csrc in self.csrcs)
        if self.extensions:
            header += pack_extensions(self.extensions.items(), two_byte)
        tail = bytes(self.padding - 1) + bytes([self.padding]) if self.padding else b""
        return header + self.payload + tail


def pack_extensions(elements: Iterable[tuple[int, bytes]], two_byte: bool = False) -> bytes:
    """RFC 8285 §4.2 and §4.3, with the words before."""
    body = b""
    for number, data in elements:
        head = bytes([number, len(data)]) if two_byte else bytes([number << 4 | len(data) - 1])
        body += head + data
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", 0x1000 if two_byte else 0xBEDE, len(body) // 4) + body


def parse_rtp(data: bytes) -> Rtp:
    """A well-made packet; extensions in either form."""
    first, second, seq, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    assert first >> 6 == 2
    at = 12 + 4 * (first & 15)
    csrcs = struct.unpack_from(f"!{first & 15}I", data, 12)
    extensions: dict[int, bytes] = {}
    if first & 0x10:
        profile, words = struct.unpack_from("!HH", data, at)
        body = data[at + 4 : at + 4 + 4 * words]
        at += 4 + 4 * words
        assert len(data) >= at
        extensions = _parse_extensions(profile, body)
    padding = data[-1] if first & 0x20 else 0
    payload = data[at : len(data) - padding]
    return Rtp(second & 127, seq, timestamp, ssrc, payload, bool(second >> 7), extensions, padding, csrcs)


def _parse_extensions(profile: int, body: bytes) -> dict[int, bytes]:
    elements: dict[int, bytes] = {}
    at = 0
    while at < len(body):
        if body[at] == 0:
            at += 1
            continue
        if profile == 0xBEDE:
            number, size = body[at] >> 4, (body[at] & 15) + 1
            at += 1
        else:
            number, size = body[at], body[at + 1]
            at += 2
        assert number not in elements
        assert at + size <= len(body)
        elements[number] = body[at : at + size]
        at += size
    return elements


@dataclass(frozen=True, slots=True)
class CodecKind:
    """How the packets of a codec begin: the first of a key frame, the first of another, any further one."""

    code: Codec
    video: bool
    clock_rate: int
    key: bytes
    delta: bytes
    further: bytes


CODECS = {
    "opus": CodecKind(Codec.CODEC_OPUS, False, 48000, b"\xfc", b"\xfc", b"\xfc"),
    "vp8": CodecKind(Codec.CODEC_VP8, True, 90000, b"\x10\x00", b"\x10\x01", b"\x00\x00"),
    "vp9": CodecKind(Codec.CODEC_VP9, True, 90000, b"\x08", b"\x48", b"\x00"),
    "h264": CodecKind(Codec.CODEC_H264, True, 90000, b"\x7c\x85\x80", b"\x7c\x81\x80", b"\x7c\x05"),
    "av1": CodecKind(Codec.CODEC_AV1, True, 90000, b"\x18", b"\x10", b"\x90"),
}
