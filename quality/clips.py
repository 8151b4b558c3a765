"""Streams encoded beforehand, whose pictures tell their source and number in the colour of their middle."""

from __future__ import annotations

import fractions
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import av

Codec = Literal["VP8", "H264"]

PATCH = 96  # pixels, either way: the middle whose colour is read
NUMBERS = 200
NUMBER_LUMA = 20  # of picture 0; each next one is a step brighter
SOURCES_A_ROW = 5
SOURCE_CHROMA, SOURCE_STEP = 48, 40
BAR = 64
BITRATE = 1_000_000

_ENCODERS: dict[Codec, tuple[str, dict[str, str]]] = {
    "VP8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0"}),
    "H264": (
        "libx264",
        {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "sc_threshold": "0"},
    ),
}


@dataclass(frozen=True)
class Clip:
    """One group of pictures; played in a loop it has a key frame whenever it begins again."""

    codec: Codec
    fps: int
    frames: list[bytes]

    @property
    def seconds(self) -> float:
        return len(self.frames) / self.fps


@cache
def encode(codec: Codec, source: int, *, seconds: float, fps: int, width: int, height: int) -> Clip:
    name, options = _ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = fractions.Fraction(fps), fractions.Fraction(1, fps)
    encoder.bit_rate = BITRATE
    count = round(seconds * fps)
    encoder.gop_size = count + 1
    encoder.options = options
    frames = []
    for number in range(count):
        picture = draw(source, number, width, height)
        picture.pts = number
        frames += [bytes(each) for each in encoder.encode(picture)]
    frames += [bytes(each) for each in encoder.encode(None)]
    assert len(frames) == count
    return Clip(codec, fps, frames)


def draw(source: int, number: int, width: int, height: int) -> av.VideoFrame:
    """A bar that moves over stripes, in the source's colour, and the number in the middle."""
    line = bytearray(64 + x // 16 % 2 * 96 for x in range(width))
    at = number * 8 % (width - BAR)
    line[at : at + BAR] = bytes([220]) * BAR
    picture = av.VideoFrame(width, height, "yuv420p")
    fill(picture, [bytes(line)] * height, source, NUMBER_LUMA + number % NUMBERS)
    return picture


def fill(picture: av.VideoFrame, lines: list[bytes], source: int, middle: int) -> None:
    """A YUV 4:2:0 picture from lines of luma, the source's colour, and the luma of its middle."""
    left, top = (picture.width - PATCH) // 2, (picture.height - PATCH) // 2
    patch = bytes([middle]) * PATCH
    marked = [line[:left] + patch + line[left + PATCH :] for line in lines[top : top + PATCH]]
    luma, *chroma = picture.planes
    padding = bytes(luma.line_size - picture.width)
    luma.update(b"".join(line + padding for line in (*lines[:top], *marked, *lines[top + PATCH :])))
    for plane, level in zip(chroma, chroma_of(source), strict=True):
        plane.update(bytes([level]) * plane.buffer_size)


def chroma_of(source: int) -> tuple[int, int]:
    """U and V."""
    row, column = divmod(source, SOURCES_A_ROW)
    return SOURCE_CHROMA + SOURCE_STEP * column, SOURCE_CHROMA + SOURCE_STEP * row


def source_of(colour: tuple[int, int, int]) -> int | None:
    """Whose picture has that colour in its middle; None: nobody's."""
    _, u, v = colour
    column, row = (round((value - SOURCE_CHROMA) / SOURCE_STEP) for value in (u, v))
    expected = SOURCE_CHROMA + SOURCE_STEP * column, SOURCE_CHROMA + SOURCE_STEP * row
    near = abs(u - expected[0]) < SOURCE_STEP / 4 and abs(v - expected[1]) < SOURCE_STEP / 4
    return row * SOURCES_A_ROW + column if near and 0 <= column < SOURCES_A_ROW and row >= 0 else None


def number_of(colour: tuple[int, int, int]) -> int:
    return colour[0] - NUMBER_LUMA


PAYLOAD_BYTES_MAX = 1100


def payloads(codec: Codec, frame: bytes, number: int) -> Iterator[bytes]:
    """A frame as RTP payloads."""
    return _vp8_payloads(frame, number) if codec == "VP8" else _h264_payloads(frame)


def _vp8_payloads(frame: bytes, number: int) -> Iterator[bytes]:
    """RFC 7741 §4.2: X, S in the first, and a 15-bit picture id."""
    picture_id = (0x8000 | number & 0x7FFF).to_bytes(2, "big")
    for at in range(0, len(frame), PAYLOAD_BYTES_MAX):
        yield bytes([0x80 | (0x10 if at == 0 else 0), 0x80]) + picture_id + frame[at : at + PAYLOAD_BYTES_MAX]


def _h264_payloads(frame: bytes) -> Iterator[bytes]:
    """RFC 6184 §5.6, §5.8: a NAL unit a packet, or in fragments (FU-A)."""
    for unit in frame.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01"):
        if not unit:
            continue
        if len(unit) <= PAYLOAD_BYTES_MAX:
            yield unit
            continue
        indicator, kind, body = unit[0] & 0xE0 | 28, unit[0] & 0x1F, unit[1:]
        for at in range(0, len(body), PAYLOAD_BYTES_MAX):
            last = at + PAYLOAD_BYTES_MAX >= len(body)
            yield bytes([indicator, (at == 0) << 7 | last << 6 | kind]) + body[at : at + PAYLOAD_BYTES_MAX]
