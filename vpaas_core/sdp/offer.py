"""What one media section of an offer means: the RTP parameters its peer sends, the capabilities it has."""

from __future__ import annotations

from vpaas_core import ortc
from vpaas_core.codecs import URI_RID, is_red, is_rtx
from vpaas_core.parameters import (
    Direction,
    Fmtp,
    MediaKind,
    RtcpFeedback,
    RtcpParameters,
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtension,
    RtpHeaderExtensionParameters,
    RtpParameters,
    RtxParameters,
)
from vpaas_core.validation import ENCODINGS_MAX

from .grammar import parse_fmtp
from .session import MediaSection, Rid, RtpMap, SessionDescription

# RFC 3551 §6: formats a peer may offer without an rtpmap.
_STATIC = {0: RtpMap("PCMU", 8000), 8: RtpMap("PCMA", 8000), 9: RtpMap("G722", 8000)}
_ONE_BYTE_ID_MAX = 14


def offered_capabilities(
    offer: SessionDescription, section: MediaSection, kind: MediaKind
) -> RtpCapabilities:
    """Codecs and header extensions of a section under the offer's own numbers."""
    codecs = []
    for payload_type in section.payload_types:
        rtpmap = section.rtpmaps.get(payload_type) or _STATIC.get(payload_type)
        if rtpmap is None:
            continue
        mime_type = f"{kind}/{rtpmap.encoding}"
        parameters = parse_fmtp(section.fmtps.get(payload_type, ""))
        if is_rtx(mime_type) and not isinstance(parameters.get("apt"), int):
            continue
        channels = (rtpmap.channels or 1) if kind == "audio" else None
        if mime_type.lower() == "audio/opus":
            channels = 2  # RFC 7587 §7: always; gateways and GStreamer's players write opus/48000
        codecs.append(
            RtpCodecCapability(
                kind,
                mime_type,
                rtpmap.clock_rate,
                channels,
                payload_type,
                parameters,
                [
                    RtcpFeedback(each.type, each.parameter)
                    for each in section.feedback
                    if each.payload_type in (None, payload_type)
                ],
            )
        )
    extensions: dict[int, RtpHeaderExtension] = {}
    # RFC 8285 §4.1.2: ids above 14 need two-byte headers, and those a permission.
    mixed = offer.extmap_allow_mixed or section.extmap_allow_mixed
    for each in [*section.extmaps, *offer.extmaps]:
        if each.id <= (255 if mixed else _ONE_BYTE_ID_MAX):
            direction: Direction = each.direction or "sendrecv"
            extensions.setdefault(each.id, RtpHeaderExtension(kind, each.uri, each.id, direction=direction))
    return RtpCapabilities(codecs, list(extensions.values()))


def choose_codecs(offered: RtpCapabilities, router: RtpCapabilities) -> list[RtpCodecParameters]:
    """The first offered codec the router takes, and its RTX; empty if there is none.

    The offer's order decides (RFC 3264 §6.1), so that a publisher chooses among what the router allows. One
    codec only: a sender may switch between negotiated codecs at will, which its viewers could not follow.
    Redundant audio comes with what it carries.
    """
    for codec in offered.codecs:
        chosen = _answered(codec, router)
        if chosen is None:
            continue
        if is_red(codec.mime_type):
            carried = str(codec.parameters.get("", "")).split("/")
            for each in offered.codecs:
                primary = _answered(each, router)
                if primary is not None and str(primary.payload_type) in carried:
                    return [chosen, primary]
            continue
        for rtx in offered.codecs:
            if is_rtx(rtx.mime_type) and rtx.parameters["apt"] == codec.preferred_payload_type:
                return [chosen, _codec_parameters(rtx, f"{rtx.kind}/rtx", [])]
        return [chosen]
    return []


def _answered(codec: RtpCodecCapability, router: RtpCapabilities) -> RtpCodecParameters | None:
    ours = next((c for c in router.codecs if not is_rtx(c.mime_type) and ortc.codec_matches(c, codec)), None)
    if ours is None:
        return None
    feedback = [each for each in ours.rtcp_feedback if each in codec.rtcp_feedback]
    # The router's spelling of the name: GStreamer writes OPUS.
    return _codec_parameters(codec, ours.mime_type, feedback)


def _codec_parameters(
    offered: RtpCodecCapability, mime_type: str, feedback: list[RtcpFeedback]
) -> RtpCodecParameters:
    assert offered.preferred_payload_type is not None
    return RtpCodecParameters(
        mime_type,
        offered.preferred_payload_type,
        offered.clock_rate,
        offered.channels,
        offered.parameters,
        feedback,
    )


def common_extensions(
    offered: RtpCapabilities, router: RtpCapabilities, kind: MediaKind, *, receive: bool, send: bool
) -> list[RtpHeaderExtension]:
    """Offered header extensions with a use: we take them from the peer (`receive`) or add them (`send`)."""
    ours = {each.uri: each.direction for each in router.header_extensions if each.kind == kind}
    return [
        each
        for each in offered.header_extensions
        if (
            receive
            and each.direction in ("sendrecv", "sendonly")
            and ours.get(each.uri) in ("sendrecv", "recvonly")
        )
        or (
            send
            and each.direction in ("sendrecv", "recvonly")
            and ours.get(each.uri) in ("sendrecv", "sendonly")
        )
    ]


def sent_parameters(
    section: MediaSection, kind: MediaKind, offered: RtpCapabilities, router: RtpCapabilities
) -> RtpParameters:
    """What the peer will send in this section once it has our answer. The section has a usable codec."""
    codecs = choose_codecs(offered, router)
    extensions = common_extensions(offered, router, kind, receive=True, send=False)
    rids = accepted_rids(section, codecs[0], extensions)
    return RtpParameters(
        codecs=codecs,
        mid=section.mid,
        header_extensions=[RtpHeaderExtensionParameters(each.uri, each.preferred_id) for each in extensions],
        encodings=[RtpEncodingParameters(rid=rid.id) for rid in rids] or _encodings_by_ssrc(section, codecs),
        rtcp=RtcpParameters(cname=_ssrc_attribute(section, "cname"), reduced_size=section.rtcp_rsize),
        msid=section.msids[0] if section.msids else _ssrc_attribute(section, "msid"),
    )


def accepted_rids(
    section: MediaSection, codec: RtpCodecParameters, extensions: list[RtpHeaderExtension]
) -> list[Rid]:
    """Simulcast streams of the offer that we take, in its order (RFC 8853 §5.3.2); empty if it sends no RIDs.

    Firefox lists SSRCs beside RIDs; the RIDs say which is which.
    """
    if not any(each.uri == URI_RID for each in extensions):
        return []
    offered = {rid.id: rid for rid in section.rids if rid.direction == "send"}
    if section.simulcast is None:
        wanted = list(offered)[:1]
    else:
        # Of alternatives the offerer prefers the first.
        wanted = [alternatives[0].rid for alternatives in section.simulcast.send]
    accepted = []
    for name in dict.fromkeys(wanted):
        rid = offered.get(name)
        if rid is not None and codec.payload_type in _payload_types(rid, section):
            accepted.append(rid)
    return accepted[:ENCODINGS_MAX]


def _payload_types(rid: Rid, section: MediaSection) -> list[int]:
    """Payload types a RID is restricted to (RFC 8851 §5: pt=96,97)."""
    listed = str(parse_fmtp(rid.restrictions).get("pt", ""))
    return [int(each) for each in listed.split(",") if each.isdecimal()] if listed else section.payload_types


def _encodings_by_ssrc(
    section: MediaSection, codecs: list[RtpCodecParameters]
) -> list[RtpEncodingParameters]:
    """Streams declared by a=ssrc; one without SSRC, found by MID or payload type, if there are none."""
    repairs = {
        group.ssrcs[0]: group.ssrcs[1]
        for group in section.ssrc_groups
        if _is_pair(group.semantics, group.ssrcs)
    }
    secondary = {
        ssrc
        for group in section.ssrc_groups
        if group.semantics in ("FID", "FEC-FR")
        for ssrc in group.ssrcs[1:]
    }
    simulcast = next((group.ssrcs for group in section.ssrc_groups if group.semantics == "SIM"), ())
    # Several SSRCs without a SIM group are not simulcast; the first is the stream, as in browsers.
    primary = list(dict.fromkeys(simulcast)) or [ssrc for ssrc in section.ssrcs if ssrc not in secondary][:1]
    has_rtx = len(codecs) > 1
    return [
        RtpEncodingParameters(
            ssrc=ssrc, rtx=RtxParameters(repairs[ssrc]) if has_rtx and ssrc in repairs else None
        )
        for ssrc in primary[:ENCODINGS_MAX]
    ] or [RtpEncodingParameters()]


def _is_pair(semantics: str, ssrcs: tuple[int, ...]) -> bool:
    return semantics == "FID" and len(ssrcs) == 2


def _ssrc_attribute(section: MediaSection, name: str) -> str | None:
    return next((each[name] for each in section.ssrcs.values() if name in each), None)


# Parameters that describe the format itself. RFC 6184 §8.2.2 and its like in the other formats let an answer
# repeat the offer's level, and we relay any. sprop-parameter-sets describe the offerer's stream, not ours.
_FORMAT_PARAMETERS = {
    "video/h264": ("level-asymmetry-allowed", "packetization-mode", "profile-level-id"),
    "video/h265": ("profile-id", "tier-flag", "level-id", "tx-mode"),
    "video/vp9": ("profile-id",),
    "video/av1": ("profile", "level-idx", "tier"),
    "video/rtx": ("apt",),
    "audio/opus": ("usedtx",),
    "audio/red": ("",),
}


def answer_fmtp(codec: RtpCodecParameters, router: RtpCapabilities) -> Fmtp:
    """Parameters of an answered codec: the format as it was offered, and for Opus what we like to get."""
    offered = codec.parameters
    mime_type = codec.mime_type.lower()
    answered: Fmtp = {}
    if mime_type == "audio/opus":
        answered.update(next((c.parameters for c in router.codecs if ortc.codec_matches(c, codec)), {}))
        # RFC 7587 §6.1: a receiver must ask for stereo, or a sender that has it mixes down.
        if 1 in (offered.get("stereo"), offered.get("sprop-stereo")):
            answered["stereo"] = 1
    keys = _FORMAT_PARAMETERS.get(mime_type, ())
    return answered | {key: offered[key] for key in keys if key in offered}
