"""Who can send what to whom: mediasoup v3's rules over RTP capabilities and parameters.

A producer's own payload types, SSRCs and extension ids are mapped to the router's ("consumable" parameters),
and each consumer gets those its peer can receive, under the peer's numbers.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from msgspec.structs import replace

from .codecs import (
    HEADER_EXTENSIONS,
    SUPPORTED_CODECS,
    URI_DEPENDENCY_DESCRIPTOR,
    h264_profile,
    is_red,
    is_rtx,
    kind_of,
    red_parameters,
)
from .errors import InvalidParameters, Unsupported
from .parameters import (
    Fmtp,
    MediaKind,
    RtcpFeedback,
    RtcpParameters,
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtensionParameters,
    RtpParameters,
    RtxParameters,
)
from .validation import validate_codec, validate_mid, validate_rtp_capabilities, validate_rtp_parameters

_DYNAMIC_PAYLOAD_TYPES = (*range(100, 128), *range(96, 100))

_Codec: TypeAlias = RtpCodecCapability | RtpCodecParameters
_C = TypeVar("_C", RtpCodecCapability, RtpCodecParameters)


class CodecMapping(NamedTuple):
    payload_type: int
    """On the wire from the producer's peer."""
    mapped_payload_type: int
    """The router's."""


class EncodingMapping(NamedTuple):
    mapped_ssrc: int
    ssrc: int | None
    rid: str | None
    scalability_mode: str | None


class RtpMapping(NamedTuple):
    codecs: list[CodecMapping]
    encodings: list[EncodingMapping]


def router_capabilities(media_codecs: Sequence[RtpCodecCapability]) -> RtpCapabilities:
    """Capabilities of a router for these codecs, in this order of preference.

    Payload types not chosen by the caller are assigned from 100; each video codec gets its RTX.
    Raises Unsupported for a codec the engine does not carry, InvalidParameters for a payload type used twice.
    """
    used = {codec.preferred_payload_type for codec in media_codecs}
    free = (payload_type for payload_type in _DYNAMIC_PAYLOAD_TYPES if payload_type not in used)
    taken: set[int] = set()
    codecs: list[RtpCodecCapability] = []
    for i, codec in enumerate(media_codecs):
        where = f"mediaCodecs[{i}]"
        validate_codec(where, codec)
        supported = next((each for each in SUPPORTED_CODECS if _same_codec(each, codec, strict=False)), None)
        if supported is None:
            raise Unsupported(f"{where}: {codec.mime_type}/{codec.clock_rate} is not supported")
        payload_type = codec.preferred_payload_type
        if payload_type is None:
            static = supported.preferred_payload_type
            payload_type = static if static is not None and static not in used else _next(free)
        if payload_type in taken:
            raise InvalidParameters(f"{where}.preferredPayloadType", f"{payload_type} is used twice")
        taken.add(payload_type)
        codecs.append(
            replace(
                supported,
                preferred_payload_type=payload_type,
                parameters={**supported.parameters, **codec.parameters},
            )
        )
        if supported.kind == "video":
            rtx = _next(free)
            taken.add(rtx)
            codecs.append(
                RtpCodecCapability(
                    "video",
                    "video/rtx",
                    supported.clock_rate,
                    preferred_payload_type=rtx,
                    parameters={"apt": payload_type},
                )
            )
    return RtpCapabilities(_with_red_parameters(codecs), list(HEADER_EXTENSIONS))


def _with_red_parameters(codecs: Sequence[_C]) -> list[_C]:
    """Redundant audio names the payload type that it carries; where that is not, it is of no use."""
    opus = next((_any_payload_type(c) for c in codecs if c.mime_type.lower() == "audio/opus"), None)
    result: list[_C] = []
    for codec in codecs:
        if not is_red(codec.mime_type):
            result.append(codec)
        elif opus is not None:
            result.append(replace(codec, parameters=red_parameters(opus)))
    return result


def _any_payload_type(codec: _Codec) -> int | None:
    return codec.payload_type if isinstance(codec, RtpCodecParameters) else codec.preferred_payload_type


def producer_mapping(params: RtpParameters, caps: RtpCapabilities) -> RtpMapping:
    """How a producer's payload types and encodings map to the router's. Raises Unsupported if they do not."""
    validate_rtp_parameters(params)
    codecs: list[CodecMapping] = []
    for codec in params.codecs:
        if is_rtx(codec.mime_type):
            media = next(c for c in params.codecs if c.payload_type == codec.parameters["apt"])
            capability = _rtx_of(_match(media, caps.codecs), caps.codecs)
        else:
            capability = _match(codec, caps.codecs)
        if capability is None:
            raise Unsupported(
                f"the router does not take {codec.mime_type} (payload type {codec.payload_type})"
            )
        codecs.append(CodecMapping(codec.payload_type, _payload_type(capability)))
    ssrcs = _fresh_ssrcs()
    encodings = [
        EncodingMapping(next(ssrcs), encoding.ssrc, encoding.rid, encoding.scalability_mode)
        for encoding in params.encodings or [RtpEncodingParameters()]
    ]
    return RtpMapping(codecs, encodings)


def consumable_parameters(
    kind: MediaKind, params: RtpParameters, caps: RtpCapabilities, mapping: RtpMapping
) -> RtpParameters:
    """The producer as the router's consumers see it: router payload types, SSRCs and extension ids."""
    mapped = dict(mapping.codecs)
    codecs: list[RtpCodecParameters] = []
    for codec in params.codecs:
        if kind_of(codec.mime_type) != kind:
            raise InvalidParameters("kind", f"is {kind}, but there is a codec {codec.mime_type}")
        if is_rtx(codec.mime_type):
            continue
        payload_type = mapped[codec.payload_type]
        capability = next(c for c in caps.codecs if c.preferred_payload_type == payload_type)
        codecs.append(
            replace(
                codec,
                payload_type=payload_type,
                rtcp_feedback=capability.rtcp_feedback,
                channels=capability.channels,
            )
        )
        # Retransmission is hop by hop: consumers get RTX even if the producer has none.
        rtx = _rtx_of(capability, caps.codecs)
        if rtx is not None:
            codecs.append(_rtx_parameters(rtx, _payload_type(rtx), payload_type))
    encodings = [
        replace(encoding, ssrc=each.mapped_ssrc, rid=None, rtx=None, codec_payload_type=None)
        for encoding, each in zip(
            params.encodings or [RtpEncodingParameters()], mapping.encodings, strict=True
        )
    ]
    return RtpParameters(
        codecs=_with_red_parameters(codecs),
        header_extensions=_sent_extensions(kind, caps),
        encodings=encodings,
        rtcp=RtcpParameters(cname=params.rtcp.cname),
        msid=params.msid,
    )


def _sent_extensions(kind: MediaKind, caps: RtpCapabilities) -> list[RtpHeaderExtensionParameters]:
    return [
        RtpHeaderExtensionParameters(extension.uri, extension.preferred_id)
        for extension in caps.header_extensions
        if extension.kind == kind and extension.direction in ("sendrecv", "sendonly")
    ]


def can_consume(consumable: RtpParameters, caps: RtpCapabilities) -> bool:
    """Whether a peer with these capabilities can receive this producer. Raises InvalidParameters."""
    validate_rtp_capabilities(caps)
    return any(
        _receivable(codec, caps.codecs) is not None
        for codec in consumable.codecs
        if not is_rtx(codec.mime_type)
    )


def consumer_parameters(
    consumable: RtpParameters, remote_caps: RtpCapabilities, *, mid: str | None, enable_rtx: bool = True
) -> RtpParameters:
    """What a consumer sends to a peer with these capabilities: one encoding, with fresh SSRCs.

    Payload types and extension ids are those of `remote_caps`: the router's own for a mediasoup-client, the
    offer's for a peer that negotiates by SDP. Raises Unsupported if the peer can receive none of the codecs,
    InvalidParameters for capabilities or a mid that cannot be.
    """
    validate_rtp_capabilities(remote_caps)
    validate_mid(mid)
    codecs: list[RtpCodecParameters] = []
    rtx: list[RtpCodecParameters] = []
    for codec in consumable.codecs:
        if is_rtx(codec.mime_type):
            continue
        capability = _receivable(codec, remote_caps.codecs)
        if capability is None:
            continue
        payload_type = _or_default(capability.preferred_payload_type, codec.payload_type)
        if any(payload_type == each.payload_type for each in codecs):
            continue
        feedback = [
            each
            for each in _common_feedback(codec.rtcp_feedback, capability.rtcp_feedback)
            if enable_rtx or each != RtcpFeedback("nack")
        ]
        codecs.append(replace(codec, payload_type=payload_type, rtcp_feedback=feedback))
        own_rtx = _rtx_of(codec, consumable.codecs)
        remote_rtx = _rtx_of(capability, remote_caps.codecs)
        if enable_rtx and own_rtx is not None and remote_rtx is not None:
            rtx_payload_type = _or_default(_payload_type_or_none(remote_rtx), _payload_type(own_rtx))
            rtx.append(_rtx_parameters(own_rtx, rtx_payload_type, payload_type))
    if not codecs:
        wanted = ", ".join(codec.mime_type for codec in consumable.codecs if not is_rtx(codec.mime_type))
        raise Unsupported(f"the peer cannot receive {wanted}")
    kind = kind_of(codecs[0].mime_type)
    remote_ids = {
        extension.uri: extension.preferred_id
        for extension in remote_caps.header_extensions
        if extension.kind == kind and extension.direction in ("sendrecv", "recvonly")
    }
    # A browser that is told which frames nothing refers to leaves them out rather than wait for their repair:
    # at 10 % loss a fifth of VP8's frames. AV1's layers cannot be decoded without it.
    needs_descriptor = any(codec.mime_type.lower() == "video/av1" for codec in codecs)
    ssrcs = _fresh_ssrcs()
    return RtpParameters(
        codecs=_interleave(_with_red_parameters(codecs), rtx),
        mid=mid,
        header_extensions=[
            replace(extension, id=remote_ids[extension.uri])
            for extension in consumable.header_extensions
            if extension.uri in remote_ids
            and (extension.uri != URI_DEPENDENCY_DESCRIPTOR or needs_descriptor)
        ],
        encodings=[
            RtpEncodingParameters(
                ssrc=next(ssrcs),
                rtx=RtxParameters(next(ssrcs)) if rtx else None,
                dtx=consumable.encodings[0].dtx,
                scalability_mode=_consumer_scalability_mode(consumable.encodings),
                max_bitrate=max((e.max_bitrate for e in consumable.encodings if e.max_bitrate), default=None),
            )
        ],
        rtcp=consumable.rtcp,
        msid=consumable.msid,
    )


def payload_type_map(consumable: RtpParameters, consumer: RtpParameters) -> dict[int, int]:
    """Media payload type of the router -> that of the consumer, for the codecs the consumer has."""
    found: dict[int, int] = {}
    for codec in consumable.codecs:
        match = None if is_rtx(codec.mime_type) else _receivable(codec, consumer.codecs)
        if match is not None:
            found[codec.payload_type] = match.payload_type
    return found


def consumer_payload_types(
    mapping: RtpMapping, consumable: RtpParameters, consumer: RtpParameters
) -> dict[int, int]:
    """The producer's own payload types -> the consumer's, by way of the router's."""
    to_consumer = payload_type_map(consumable, consumer)
    return {
        each.payload_type: to_consumer[each.mapped_payload_type]
        for each in mapping.codecs
        if each.mapped_payload_type in to_consumer
    }


def slot_parameters(kind: MediaKind, caps: RtpCapabilities, cname: str) -> RtpParameters:
    """What a consumer is made from that is filled later: every codec of the router, one stream.

    Raises Unsupported when the router has no codec of this kind.
    """
    codecs: list[RtpCodecParameters] = []
    for capability in caps.codecs:
        if capability.kind != kind or is_rtx(capability.mime_type):
            continue
        payload_type = _payload_type(capability)
        codecs.append(
            RtpCodecParameters(
                capability.mime_type,
                payload_type,
                capability.clock_rate,
                capability.channels,
                capability.parameters,
                capability.rtcp_feedback,
            )
        )
        rtx = _rtx_of(capability, caps.codecs)
        if rtx is not None:
            codecs.append(_rtx_parameters(rtx, _payload_type(rtx), payload_type))
    if not codecs:
        raise Unsupported(f"the router has no {kind} codec")
    return RtpParameters(
        codecs=_with_red_parameters(codecs),
        header_extensions=_sent_extensions(kind, caps),
        encodings=[RtpEncodingParameters()],
        rtcp=RtcpParameters(cname=cname),
    )


def codec_matches(a: _Codec, b: _Codec) -> bool:
    """Whether a stream of one can be taken for the other: same format, and profile where there are any."""
    return _same_codec(a, b, strict=True)


def _same_codec(a: _Codec, b: _Codec, *, strict: bool) -> bool:
    mime_type = a.mime_type.lower()
    if mime_type != b.mime_type.lower() or a.clock_rate != b.clock_rate:
        return False
    if mime_type.startswith("audio/") and (a.channels or 1) != (b.channels or 1):
        return False
    if not strict:
        return True
    match mime_type:
        case "video/h264":
            profile = h264_profile(a.parameters)
            # RFC 6184 §8.2.2: packetization-mode is symmetric; levels may differ and do not decide.
            return (
                _number(a.parameters, "packetization-mode") == _number(b.parameters, "packetization-mode")
                and profile is not None
                and profile == h264_profile(b.parameters)
            )
        case "video/vp9":
            return _number(a.parameters, "profile-id") == _number(b.parameters, "profile-id")
        case "video/av1":
            return _number(a.parameters, "profile") == _number(b.parameters, "profile")
        case "video/h265":
            return _number(a.parameters, "profile-id", 1) == _number(b.parameters, "profile-id", 1)
    return True


def _match(codec: _Codec, codecs: Iterable[_C]) -> _C | None:
    return next((each for each in codecs if codec_matches(codec, each)), None)


def _receivable(codec: _Codec, codecs: Iterable[_C]) -> _C | None:
    """The codec a receiver takes this stream with.

    Encoders that call their stream Baseline (FFmpeg's x264, aiortc) use none of the tools that set it apart
    from Constrained Baseline (RFC 6184 §8.1), which every browser decodes: refusing it would help nobody.
    """
    codecs = list(codecs)
    match = _match(codec, codecs)
    if (
        match is None
        and codec.mime_type.lower() == "video/h264"
        and h264_profile(codec.parameters) == "baseline"
    ):
        match = _match(replace(codec, parameters={**codec.parameters, "profile-level-id": "42e01f"}), codecs)
    return match


def _rtx_of(codec: _Codec | None, codecs: Iterable[_C]) -> _C | None:
    """RTX codec among `codecs` that repairs `codec` (RFC 4588 §8.6: apt)."""
    payload_type = None if codec is None else _payload_type_or_none(codec)
    if payload_type is None:
        return None
    return next((c for c in codecs if is_rtx(c.mime_type) and c.parameters.get("apt") == payload_type), None)


def _rtx_parameters(rtx: _Codec, payload_type: int, apt: int) -> RtpCodecParameters:
    return RtpCodecParameters(rtx.mime_type, payload_type, rtx.clock_rate, parameters={"apt": apt})


def _interleave(media: list[RtpCodecParameters], rtx: list[RtpCodecParameters]) -> list[RtpCodecParameters]:
    """Each media codec followed by its RTX, the order mediasoup-client reads."""
    by_apt = {codec.parameters["apt"]: codec for codec in rtx}
    ordered: list[RtpCodecParameters] = []
    for codec in media:
        ordered.append(codec)
        if codec.payload_type in by_apt:
            ordered.append(by_apt[codec.payload_type])
    return ordered


def _common_feedback(ours: list[RtcpFeedback], theirs: list[RtcpFeedback]) -> list[RtcpFeedback]:
    return [feedback for feedback in ours if feedback in theirs]


def _consumer_scalability_mode(encodings: list[RtpEncodingParameters]) -> str | None:
    """Simulcast of n encodings is one stream with n spatial layers to choose from: "S3T3"."""
    mode = encodings[0].scalability_mode
    if len(encodings) == 1:
        return mode
    temporal = re.search(r"T(\d)", mode or "")
    return f"S{len(encodings)}T{temporal[1] if temporal else 1}"


def _payload_type_or_none(codec: _Codec) -> int | None:
    return codec.preferred_payload_type if isinstance(codec, RtpCodecCapability) else codec.payload_type


def _payload_type(codec: _Codec) -> int:
    payload_type = _payload_type_or_none(codec)
    if payload_type is None:
        raise InvalidParameters("codecs", f"{codec.mime_type} has no payload type")
    return payload_type


def _or_default(value: int | None, default: int) -> int:
    return default if value is None else value


def _number(parameters: Fmtp, key: str, default: int = 0) -> int | float | str:
    """A parameter that may have come as text ("1") or as a number."""
    value = parameters.get(key, default)
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _next(free: Iterator[int]) -> int:
    payload_type = next(free, None)
    if payload_type is None:
        raise InvalidParameters("mediaCodecs", "has more codecs than there are payload types")
    return payload_type


def _fresh_ssrcs() -> Iterator[int]:
    """Distinct random SSRCs (RFC 3550 §8.1), none of them 0."""
    seen: set[int] = set()
    while True:
        ssrc = secrets.randbelow(0xFFFFFFFF) + 1
        if ssrc not in seen:
            seen.add(ssrc)
            yield ssrc
