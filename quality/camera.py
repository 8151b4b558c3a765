"""What the browser's fake camera shows: a landscape that pans, so that encoders have something to do.

Its colour tells that it is this camera's, and that no decoder has made it up.
"""

from __future__ import annotations

import fractions
import random
from functools import cache
from pathlib import Path

import av

from quality import clips

WIDTH, HEIGHT = 1280, 720
PICTURES = 100
PAN_PIXELS = 4  # a picture
SOURCE = 8
"""Of the colours in clips.py."""
SEED = 1
_ROUGHNESS, _BAND_LINES = 3, 16
_DARK, _BRIGHT = 40, 215


@cache
def record(path: Path) -> Path:
    """The pictures as Motion JPEG, which Chromium plays in a loop."""
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
    encoder.framerate, encoder.time_base = fractions.Fraction(20), fractions.Fraction(1, 20)
    encoder.options = {"qmin": "2", "qmax": "4"}
    lines = _landscape(WIDTH + PICTURES * PAN_PIXELS)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for number in range(PICTURES):
            picture = av.VideoFrame(WIDTH, HEIGHT, "yuvj420p")
            picture.pts = number
            at = number * PAN_PIXELS
            clips.fill(picture, [line[at : at + WIDTH] for line in lines], SOURCE, luma_of(number))
            for packet in encoder.encode(picture):
                file.write(bytes(packet))
        for packet in encoder.encode(None):
            file.write(bytes(packet))
    return path


def luma_of(number: int) -> int:
    """Of the middle of a picture: there and back again, without a jump where the recording begins anew."""
    number %= PICTURES
    return 30 + 4 * min(number, PICTURES - number)


def is_strange(colour: tuple[int, int, int] | None) -> bool:
    """Not of this camera."""
    return colour is not None and clips.source_of(colour) != SOURCE


def _landscape(width: int) -> list[bytes]:
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    lines, line = [], _ridge(width, chance)
    for y in range(HEIGHT):
        if y % _BAND_LINES == 0:
            line = bytes((3 * old + new) // 4 for old, new in zip(line, _ridge(width, chance), strict=True))
        lines.append(line)
    return lines


def _ridge(width: int, chance: random.Random) -> bytes:
    level, found = (_DARK + _BRIGHT) // 2, bytearray()
    for _ in range(width):
        level = max(_DARK, min(_BRIGHT, level + chance.randint(-_ROUGHNESS, _ROUGHNESS)))
        found.append(level)
    return bytes(found)
