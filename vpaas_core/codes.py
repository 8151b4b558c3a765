"""How the names of parameters are numbered in the packet path."""

from __future__ import annotations

from ._fastpath.codecs.codec import Codec
from ._fastpath.rtp import ExtensionKind
from .codecs import (
    URI_ABS_CAPTURE_TIME,
    URI_ABS_SEND_TIME,
    URI_AUDIO_LEVEL,
    URI_DEPENDENCY_DESCRIPTOR,
    URI_MID,
    URI_PLAYOUT_DELAY,
    URI_REPAIRED_RID,
    URI_RID,
    URI_TIME_OFFSET,
    URI_TRANSPORT_CC,
    URI_VIDEO_ORIENTATION,
)
from .parameters import RtpHeaderExtensionParameters

_CODECS = {
    "audio/opus": Codec.CODEC_OPUS,
    "audio/red": Codec.CODEC_RED,
    "video/vp8": Codec.CODEC_VP8,
    "video/vp9": Codec.CODEC_VP9,
    "video/h264": Codec.CODEC_H264,
    "video/av1": Codec.CODEC_AV1,
    "video/h265": Codec.CODEC_H265,
}

_EXTENSIONS = {
    URI_MID: ExtensionKind.EXT_MID,
    URI_RID: ExtensionKind.EXT_RID,
    URI_REPAIRED_RID: ExtensionKind.EXT_REPAIRED_RID,
    URI_ABS_SEND_TIME: ExtensionKind.EXT_ABS_SEND_TIME,
    URI_TIME_OFFSET: ExtensionKind.EXT_TOFFSET,
    URI_AUDIO_LEVEL: ExtensionKind.EXT_AUDIO_LEVEL,
    URI_VIDEO_ORIENTATION: ExtensionKind.EXT_VIDEO_ORIENTATION,
    URI_ABS_CAPTURE_TIME: ExtensionKind.EXT_ABS_CAPTURE_TIME,
    URI_PLAYOUT_DELAY: ExtensionKind.EXT_PLAYOUT_DELAY,
    URI_DEPENDENCY_DESCRIPTOR: ExtensionKind.EXT_DEPENDENCY_DESCRIPTOR,
    URI_TRANSPORT_CC: ExtensionKind.EXT_TRANSPORT_CC,
}


def codec_code(mime_type: str) -> int:
    return int(_CODECS.get(mime_type.lower(), Codec.CODEC_OTHER))


def extension_codes(extensions: list[RtpHeaderExtensionParameters]) -> dict[int, int]:
    """Id -> kind, for those the packet path knows."""
    return {each.id: int(_EXTENSIONS[each.uri]) for each in extensions if each.uri in _EXTENSIONS}
