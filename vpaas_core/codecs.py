"""Codecs, RTCP feedback and header extensions the engine carries: where every negotiation starts."""

from __future__ import annotations

from typing import NamedTuple

from .parameters import Direction, Fmtp, MediaKind, RtcpFeedback, RtpCodecCapability, RtpHeaderExtension

# What a peer is told here is what the engine sends and understands; nothing else may be promised.
VIDEO_FEEDBACK = [RtcpFeedback("nack"), RtcpFeedback("nack", "pli"), RtcpFeedback("ccm", "fir")]
AUDIO_FEEDBACK: list[RtcpFeedback] = []

URI_MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
URI_RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
URI_REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
URI_ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
URI_TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
URI_DEPENDENCY_DESCRIPTOR = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)
URI_AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
URI_VIDEO_ORIENTATION = "urn:3gpp:video-orientation"
URI_TIME_OFFSET = "urn:ietf:params:rtp-hdrext:toffset"
URI_ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
URI_PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"


class _Extension(NamedTuple):
    uri: str
    id: int
    audio: Direction | None
    video: Direction | None


_EXTENSIONS = [
    _Extension(URI_MID, 1, "sendrecv", "sendrecv"),
    _Extension(URI_RID, 2, None, "recvonly"),
    _Extension(URI_REPAIRED_RID, 3, None, "recvonly"),
    _Extension(URI_ABS_SEND_TIME, 4, "sendrecv", "sendrecv"),
    _Extension(URI_TRANSPORT_CC, 5, "sendonly", "sendonly"),
    _Extension(URI_DEPENDENCY_DESCRIPTOR, 8, None, "sendrecv"),
    _Extension(URI_AUDIO_LEVEL, 10, "sendrecv", None),
    _Extension(URI_VIDEO_ORIENTATION, 11, None, "sendrecv"),
    _Extension(URI_TIME_OFFSET, 12, None, "sendrecv"),
    _Extension(URI_ABS_CAPTURE_TIME, 13, "sendrecv", "sendrecv"),
    _Extension(URI_PLAYOUT_DELAY, 14, None, "sendrecv"),
]


def _by_kind(extension: _Extension) -> list[tuple[MediaKind, Direction | None]]:
    return [("audio", extension.audio), ("video", extension.video)]


HEADER_EXTENSIONS = [
    RtpHeaderExtension(kind, extension.uri, extension.id, direction=direction)
    for extension in _EXTENSIONS
    for kind, direction in _by_kind(extension)
    if direction is not None
]


def _audio(
    name: str, clock_rate: int, channels: int, payload_type: int | None = None, **parameters: int
) -> RtpCodecCapability:
    return RtpCodecCapability(
        "audio", f"audio/{name}", clock_rate, channels, payload_type, dict(parameters), AUDIO_FEEDBACK
    )


def _video(name: str, parameters: Fmtp | None = None) -> RtpCodecCapability:
    return RtpCodecCapability(
        "video", f"video/{name}", 90000, parameters=parameters or {}, rtcp_feedback=VIDEO_FEEDBACK
    )


def _h264(profile_level_id: str, packetization_mode: int) -> RtpCodecCapability:
    return _video(
        "H264",
        {
            "level-asymmetry-allowed": 1,
            "packetization-mode": packetization_mode,
            "profile-level-id": profile_level_id,
        },
    )


SUPPORTED_CODECS = [
    _audio("opus", 48000, 2, minptime=10, useinbandfec=1),
    _audio("red", 48000, 2),
    _audio("PCMU", 8000, 1, 0),
    _audio("PCMA", 8000, 1, 8),
    _audio("G722", 8000, 1, 9),
    _video("VP8"),
    _video("VP9"),
    _video("H264", {"level-asymmetry-allowed": 1}),
    _video("H265"),
    _video("AV1"),
]
"""A router's codecs are among these; the parameters are defaults the application may override."""

DEFAULT_ROUTER_CODECS = [
    _audio("opus", 48000, 2, minptime=10, useinbandfec=1),
    _video("VP8"),
    # Constrained Baseline for browsers; Baseline, Main and High as FFmpeg and OBS name what encoders make;
    # Constrained High for Safari. Mode 0 (no fragmentation) last: a few hardware encoders know nothing else.
    _h264("42e01f", 1),
    _h264("42001f", 1),
    _h264("4d001f", 1),
    _h264("64001f", 1),
    _h264("640c1f", 1),
    _h264("42e01f", 0),
    _video("VP9", {"profile-id": 0}),
    _video("VP9", {"profile-id": 2}),
    _video("AV1", {"profile": 0}),
    _audio("red", 48000, 2),  # Opus that carries earlier packets along, for those who prefer it (RFC 2198)
]
"""Order is preference: mediasoup-client publishes with the first one its browser has."""


class H264Profile(NamedTuple):
    idc: int
    iop_mask: int
    iop_value: int
    name: str


# RFC 6184 §8.1, table 5: profile_idc and profile-iop patterns that name the same set of tools.
_H264_PROFILES = [
    H264Profile(0x42, 0b0100_1111, 0b0100_0000, "constrained-baseline"),
    H264Profile(0x4D, 0b1000_1111, 0b1000_0000, "constrained-baseline"),
    H264Profile(0x58, 0b1100_1111, 0b1100_0000, "constrained-baseline"),
    H264Profile(0x42, 0b0100_1111, 0b0000_0000, "baseline"),
    H264Profile(0x58, 0b1100_1111, 0b1000_0000, "baseline"),
    H264Profile(0x4D, 0b1010_1111, 0b0000_0000, "main"),
    H264Profile(0x64, 0b1111_1111, 0b0000_0000, "high"),
    H264Profile(0x64, 0b1111_1111, 0b0000_1100, "constrained-high"),
    H264Profile(0xF4, 0b1111_1111, 0b0000_0000, "high-444-predictive"),
]
_H264_DEFAULT_PROFILE_LEVEL_ID = "42e01f"
"""What browsers assume without one; RFC 6184's own default (Baseline 1.0) is of no use for video calls."""


def h264_profile(parameters: Fmtp) -> str | None:
    """Name of the profile in `profile-level-id`; None when it is malformed or unknown."""
    # JavaScript SDP readers turn "640032" into a number.
    text = str(parameters.get("profile-level-id", _H264_DEFAULT_PROFILE_LEVEL_ID))
    try:
        idc, iop, _level = bytes.fromhex(text)
    except ValueError:
        return None
    for profile in _H264_PROFILES:
        if idc == profile.idc and iop & profile.iop_mask == profile.iop_value:
            return profile.name
    return None


def kind_of(mime_type: str) -> MediaKind | None:
    """Media kind of a MIME type; None if it is neither audio nor video."""
    top, _, subtype = mime_type.partition("/")
    match top.lower():
        case "audio" if subtype:
            return "audio"
        case "video" if subtype:
            return "video"
    return None


def is_rtx(mime_type: str) -> bool:
    return mime_type.lower().endswith("/rtx")


def is_red(mime_type: str) -> bool:
    return mime_type.lower() == "audio/red"


def red_parameters(primary: int) -> Fmtp:
    """Format parameters of redundant audio that carries this payload type: a value without a name."""
    return {"": f"{primary}/{primary}"}
