"""Writes the answer to an offer that negotiate.py has understood."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from msgspec.structs import replace

from vpaas_core.errors import InvalidParameters
from vpaas_core.parameters import (
    Direction,
    DtlsFingerprint,
    DtlsParameters,
    IceCandidate,
    IceParameters,
    MediaKind,
    RtpCapabilities,
    RtpCodecParameters,
    RtpHeaderExtension,
    RtpParameters,
)

from .grammar import format_fmtp
from .offer import accepted_rids, answer_fmtp, choose_codecs, common_extensions
from .session import (
    Candidate,
    ExtMap,
    Feedback,
    Group,
    MediaSection,
    Rid,
    SessionDescription,
    Simulcast,
    SimulcastStream,
    SsrcGroup,
)

_DIRECTIONS: dict[tuple[bool, bool], Direction] = {
    (True, True): "sendrecv",
    (True, False): "sendonly",
    (False, True): "recvonly",
    (False, False): "inactive",
}
# An address nobody can send to, for a section without one of its own (RFC 8839 §4.2.1.2).
_NO_CONNECTION = "IN IP4 0.0.0.0"
_DISCARD_PORT = 9


class LocalTransport(NamedTuple):
    ice: IceParameters
    candidates: Sequence[IceCandidate]
    dtls: DtlsParameters
    setup: Literal["active", "passive"]


class _Streams(NamedTuple):
    """MediaStream ids of consumers; one stream plays its audio and video in sync."""

    forced: str | None
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSection:
    """An accepted section: what was offered, and what goes each way."""

    kind: MediaKind
    offered: RtpCapabilities
    router: RtpCapabilities
    receives: RtpParameters | None
    sends: RtpParameters | None

    @property
    def codecs(self) -> list[RtpCodecParameters]:
        """What the answer lists: the peer's codec, then what consumers add, in the offer's payload types."""
        listed = list(self.receives.codecs) if self.receives else []
        for codec in self.sends.codecs if self.sends else []:
            if not any(codec.payload_type == each.payload_type for each in listed):
                listed.append(self._as_offered(codec))
        return listed or choose_codecs(self.offered, self.router)

    def _as_offered(self, codec: RtpCodecParameters) -> RtpCodecParameters:
        """A consumer's codec with the offer's parameters instead of its producer's."""
        offered = next(
            (c for c in self.offered.codecs if c.preferred_payload_type == codec.payload_type), None
        )
        if offered is None:
            raise InvalidParameters("consumers", f"payload type {codec.payload_type} was not offered")
        return replace(codec, parameters=offered.parameters)


def build_answer(
    offer: SessionDescription,
    bundle: Sequence[int],
    sections: Mapping[int, AnswerSection],
    local: LocalTransport,
    stream_id: str | None,
) -> SessionDescription:
    """The answer: `sections` accepted by index, all others rejected."""
    answer = SessionDescription(
        origin=f"- {secrets.randbits(62)} 1 IN IP4 0.0.0.0",
        ice_lite=local.ice.ice_lite,
        # We take the peer's candidates as they come, and follow RFC 8445.
        ice_options=["ice2", "trickle"],
        extmap_allow_mixed=offer.extmap_allow_mixed,
    )
    offered_mids = {mid for group in offer.groups if group.semantics == "BUNDLE" for mid in group.mids}
    mids = tuple(mid for index in bundle if (mid := offer.media[index].mid) in offered_mids)
    if mids:
        answer.groups.append(Group("BUNDLE", mids))
    connection, port = _default_destination(local.candidates)
    streams = _Streams(stream_id, secrets.token_hex(8))
    for index, offered in enumerate(offer.media):
        accepted = sections.get(index)
        if accepted is None:
            answer.media.append(_rejected(offered))
            continue
        section = _accepted(offered, accepted, streams)
        section.connection, section.port = connection, port
        _add_transport(section, local, with_candidates=index == bundle[0])
        answer.media.append(section)
    return answer


def _rejected(offered: MediaSection) -> MediaSection:
    """RFC 3264 §6: port 0, with a format because the grammar wants one."""
    return MediaSection(
        kind=offered.kind,
        port=0,
        proto=offered.proto,
        formats=list(offered.formats),
        connection=_NO_CONNECTION,
        mid=offered.mid,
        direction="inactive",
    )


def _accepted(offered: MediaSection, accepted: AnswerSection, streams: _Streams) -> MediaSection:
    codecs = accepted.codecs
    receives, sends = accepted.receives is not None, accepted.sends is not None
    section = MediaSection(
        kind=offered.kind,
        port=_DISCARD_PORT,
        proto=offered.proto,
        formats=[str(codec.payload_type) for codec in codecs],
        mid=offered.mid,
        direction=_DIRECTIONS[sends, receives],
        rtcp_mux=True,
        rtcp_rsize=offered.rtcp_rsize,
        extmap_allow_mixed=offered.extmap_allow_mixed,
    )
    for codec in codecs:
        payload_type = codec.payload_type
        if payload_type in offered.rtpmaps:
            section.rtpmaps[payload_type] = offered.rtpmaps[payload_type]
        if fmtp := answer_fmtp(codec, accepted.router):
            section.fmtps[payload_type] = format_fmtp(fmtp)
        section.feedback += [Feedback(payload_type, fb.type, fb.parameter) for fb in codec.rtcp_feedback]
    extensions = common_extensions(
        accepted.offered, accepted.router, accepted.kind, receive=receives or not sends, send=sends
    )
    section.extmaps = [_answer_extmap(each) for each in extensions]
    if accepted.receives is not None:
        _add_simulcast(section, offered, accepted_rids(offered, codecs[0], extensions), codecs[0])
    if accepted.sends is not None:
        _add_streams(section, accepted.sends, streams)
    return section


def _answer_extmap(extension: RtpHeaderExtension) -> ExtMap:
    """RFC 8285 §6: the same id, and the direction as we see it; none if it is that of the media."""
    mirrored: dict[Direction, Direction] = {"sendonly": "recvonly", "recvonly": "sendonly"}
    return ExtMap(extension.preferred_id, extension.uri, mirrored.get(extension.direction))


def _add_simulcast(
    section: MediaSection, offered: MediaSection, rids: list[Rid], codec: RtpCodecParameters
) -> None:
    for rid in rids:
        restrictions = [each.strip() for each in rid.restrictions.split(";") if each.strip()]
        # RFC 8851 §6.2: the answer keeps the restrictions, and names only payload types it has.
        kept = [f"pt={codec.payload_type}" if each.startswith("pt=") else each for each in restrictions]
        section.rids.append(Rid(rid.id, "recv", ";".join(kept)))
    if offered.simulcast is not None and rids:
        paused = {each.rid for streams in offered.simulcast.send for each in streams if each.paused}
        section.simulcast = Simulcast(recv=[[SimulcastStream(rid.id, rid.id in paused)] for rid in rids])


def _add_streams(section: MediaSection, sends: RtpParameters, streams: _Streams) -> None:
    """a=msid and a=ssrc of what we send; RTX is tied to it by FID (RFC 5576 §4.2, RFC 4588 §8.8)."""
    own_stream, _, track = (sends.msid or "").partition(" ")
    # RFC 8830 §2: "-" stands for no stream, which players would not synchronise.
    stream = streams.forced or (own_stream if own_stream != "-" else "") or streams.default
    encoding = sends.encodings[0]
    section.msids = [f"{stream} {track or f'{section.kind}-{encoding.ssrc}'}"]
    cname = sends.rtcp.cname or stream
    ssrcs = [
        ssrc for ssrc in (encoding.ssrc, encoding.rtx.ssrc if encoding.rtx else None) if ssrc is not None
    ]
    for ssrc in ssrcs:
        section.ssrcs[ssrc] = {"cname": cname}
    if len(ssrcs) == 2:
        section.ssrc_groups = [SsrcGroup("FID", (ssrcs[0], ssrcs[1]))]


def _add_transport(section: MediaSection, local: LocalTransport, *, with_candidates: bool) -> None:
    """ICE and DTLS attributes. RFC 9143 wants them in one section of a bundle; older readers look in each."""
    section.ice_ufrag, section.ice_pwd = local.ice.username_fragment, local.ice.password
    section.fingerprints = [_fingerprint(local.dtls.fingerprints)]
    section.setup = local.setup
    if with_candidates:
        section.candidates = [local_candidate(each) for each in local.candidates]
        section.end_of_candidates = True


def _fingerprint(fingerprints: Sequence[DtlsFingerprint]) -> DtlsFingerprint:
    """One is enough, and some clients read no more; SHA-256 is what all of them know (RFC 8122 §5)."""
    return next((each for each in fingerprints if each.algorithm == "sha-256"), fingerprints[0])


def local_candidate(candidate: IceCandidate) -> Candidate:
    extensions = (("tcptype", candidate.tcp_type),) if candidate.tcp_type else ()
    return Candidate(
        candidate.foundation,
        1,
        candidate.protocol,
        candidate.priority,
        candidate.address,
        candidate.port,
        candidate.type,
        extensions,
    )


def _default_destination(candidates: Sequence[IceCandidate]) -> tuple[str, int]:
    """c= and port of the first UDP candidate that is an address (RFC 8839 §4.2.1.2)."""
    for candidate in candidates:
        try:
            version = ipaddress.ip_address(candidate.address).version
        except ValueError:
            continue
        if candidate.protocol == "udp":
            return f"IN IP{version} {candidate.address}", candidate.port
    return _NO_CONNECTION, _DISCARD_PORT
