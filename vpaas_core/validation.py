"""Whether capabilities and parameters are what they can be; the first field that is not is named."""

from __future__ import annotations

import re

from .codecs import is_rtx, kind_of
from .errors import InvalidParameters
from .parameters import (
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpParameters,
)

ENCODINGS_MAX = 4
"""Simulcast encodings of one producer; the engine's own bound."""

_RID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_MID = re.compile(r"[!-~]{1,16}")
# One-byte header extensions carry at most 16 bytes (RFC 8285 §4.2), and MID and RID travel in them.


def validate_rtp_capabilities(capabilities: RtpCapabilities) -> None:
    """Raises InvalidParameters naming the first field that is out of range."""
    for i, codec in enumerate(capabilities.codecs):
        validate_codec(f"codecs[{i}]", codec)
    for i, extension in enumerate(capabilities.header_extensions):
        _validate_range(f"headerExtensions[{i}].preferredId", extension.preferred_id, 1, 255)
        if not extension.uri:
            raise InvalidParameters(f"headerExtensions[{i}].uri", "is empty")


def validate_rtp_parameters(parameters: RtpParameters) -> None:
    """Raises InvalidParameters naming the first field that is out of range or contradicts another."""
    payload_types: set[int] = set()
    media: set[int] = set()
    for i, codec in enumerate(parameters.codecs):
        validate_codec(f"codecs[{i}]", codec)
        if codec.payload_type in payload_types:
            raise InvalidParameters(f"codecs[{i}].payloadType", f"{codec.payload_type} is used twice")
        payload_types.add(codec.payload_type)
        if not is_rtx(codec.mime_type):
            media.add(codec.payload_type)
    if not media:
        raise InvalidParameters("codecs", "has no media codec")
    for i, codec in enumerate(parameters.codecs):
        if is_rtx(codec.mime_type) and codec.parameters["apt"] not in media:
            raise InvalidParameters(f"codecs[{i}].parameters.apt", "names no media codec")
    validate_mid(parameters.mid)
    ids: set[int] = set()
    for i, extension in enumerate(parameters.header_extensions):
        _validate_range(f"headerExtensions[{i}].id", extension.id, 1, 255)
        if extension.id in ids:
            raise InvalidParameters(f"headerExtensions[{i}].id", f"{extension.id} is used twice")
        ids.add(extension.id)
    _validate_encodings(parameters.encodings, media)


def validate_mid(mid: str | None) -> None:
    if mid is not None and not _MID.fullmatch(mid):
        raise InvalidParameters("mid", "is not 1 to 16 printable characters")


def validate_codec(where: str, codec: RtpCodecCapability | RtpCodecParameters) -> None:
    kind = kind_of(codec.mime_type)
    if kind is None:
        raise InvalidParameters(f"{where}.mimeType", f"{codec.mime_type!r} is neither audio nor video")
    if isinstance(codec, RtpCodecCapability):
        if codec.kind != kind:
            raise InvalidParameters(f"{where}.kind", f"is {codec.kind}, but mimeType is {codec.mime_type}")
        if codec.preferred_payload_type is not None:
            _validate_range(f"{where}.preferredPayloadType", codec.preferred_payload_type, 0, 127)
    else:
        _validate_range(f"{where}.payloadType", codec.payload_type, 0, 127)
    _validate_range(f"{where}.clockRate", codec.clock_rate, 1, 0xFFFFFFFF)
    if codec.channels is not None:
        _validate_range(f"{where}.channels", codec.channels, 1, 255)
    if is_rtx(codec.mime_type) and not isinstance(codec.parameters.get("apt"), int):
        raise InvalidParameters(f"{where}.parameters.apt", "is missing or no integer")


def _validate_encodings(encodings: list[RtpEncodingParameters], media: set[int]) -> None:
    if len(encodings) > ENCODINGS_MAX:
        raise InvalidParameters("encodings", f"has {len(encodings)}, at most {ENCODINGS_MAX} are taken")
    ssrcs: set[int] = set()
    rids: set[str] = set()
    for i, encoding in enumerate(encodings):
        where = f"encodings[{i}]"
        for name, ssrc in (
            (".ssrc", encoding.ssrc),
            (".rtx.ssrc", encoding.rtx.ssrc if encoding.rtx else None),
        ):
            if ssrc is None:
                continue
            _validate_range(where + name, ssrc, 0, 0xFFFFFFFF)
            if ssrc in ssrcs:
                raise InvalidParameters(where + name, f"{ssrc} is used twice")
            ssrcs.add(ssrc)
        if encoding.rid is not None:
            if not _RID.fullmatch(encoding.rid):
                raise InvalidParameters(f"{where}.rid", "is not 1 to 16 letters, digits, - or _")
            if encoding.rid in rids:
                raise InvalidParameters(f"{where}.rid", f"{encoding.rid} is used twice")
            rids.add(encoding.rid)
        elif encoding.ssrc is None and len(encodings) > 1:
            raise InvalidParameters(where, "needs an ssrc or a rid beside other encodings")
        if encoding.codec_payload_type is not None and encoding.codec_payload_type not in media:
            raise InvalidParameters(f"{where}.codecPayloadType", "names no media codec")


def _validate_range(where: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidParameters(where, f"{value} is not in {low}..{high}")
