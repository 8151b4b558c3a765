from enum import IntEnum

from typing_extensions import Buffer

class Codec(IntEnum):
    CODEC_OTHER = 0
    CODEC_OPUS = 1
    CODEC_RED = 2
    CODEC_VP8 = 3
    CODEC_VP9 = 4
    CODEC_H264 = 5
    CODEC_AV1 = 6
    CODEC_H265 = 7

def starts_key_frame(codec: int, payload: Buffer) -> bool:
    """`is_key_frame` of codec.pxd, for tests and tools."""
