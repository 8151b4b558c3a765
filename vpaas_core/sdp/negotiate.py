"""Offers in, answers out (RFC 3264, RFC 8829): for WHIP publishers, WHEP players and full clients.

negotiation = PublishNegotiation(offer_text, router.rtp_capabilities)
transport.connect(negotiation.dtls_parameters)
for section in negotiation.sections:
    transport.produce(kind=section.kind, rtp_parameters=section.rtp_parameters)
answer = negotiation.answer(transport.ice_parameters, transport.ice_candidates, transport.dtls_parameters)
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vpaas_core.errors import InvalidParameters, Unsupported
from vpaas_core.parameters import (
    DtlsParameters,
    IceCandidate,
    IceParameters,
    MediaKind,
    RtpCapabilities,
    RtpParameters,
)
from vpaas_core.validation import validate_rtp_parameters

from .answer import AnswerSection, LocalTransport, build_answer
from .grammar import malformed
from .offer import choose_codecs, offered_capabilities, sent_parameters
from .reader import parse
from .session import Attributes, Candidate, MediaSection, SessionDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiatedSection:
    """An accepted media section of the offer that carries media in the negotiated role."""

    index: int
    """Position of its m= line."""
    mid: str | None
    kind: MediaKind
    rtp_parameters: RtpParameters | None
    """For Transport.produce: what the peer sends here. None if it sends nothing."""
    rtp_capabilities: RtpCapabilities | None
    """For Transport.consume: what the peer can receive here, by its numbers. None if it receives nothing."""


class Negotiation:
    """An offer, read once, and the answer to it.

    `publish`: take what the peer sends; `play`: send what it wants to receive. `single`: as WHIP and WHEP
    want, at most one audio and one video section, and what cannot be taken fails the offer as a whole.

    Raises InvalidParameters if the offer is malformed, Unsupported if it cannot be answered with media.
    """

    def __init__(
        self,
        offer: str | SessionDescription,
        capabilities: RtpCapabilities,
        *,
        publish: bool,
        play: bool,
        single: bool = False,
    ) -> None:
        self._offer = parse(offer) if isinstance(offer, str) else offer
        self._capabilities = capabilities
        refusals = [self._refusal(section) for section in self._offer.media]
        self._bundle = _bundle(self._offer, refusals)
        self._check_refusals(refusals, single)
        self.sections = [self._negotiate(index, publish=publish, play=play) for index in sorted(self._bundle)]
        self.sections = [each for each in self.sections if each.rtp_parameters or each.rtp_capabilities]
        if not self.sections:
            raise Unsupported("the offer has no media in a direction that is wanted here")

        transport = self._transport_section()
        self.ice_parameters = _ice_parameters(self._offer, transport)
        self.ice_candidates = _ice_candidates(transport)
        """The peer's UDP candidates of component 1 that are addresses."""
        self.dtls_parameters, self._setup = _dtls_parameters(self._offer, transport)
        """The peer's fingerprints, and the role it will have."""

    def answer(
        self,
        ice_parameters: IceParameters,
        ice_candidates: Sequence[IceCandidate],
        dtls_parameters: DtlsParameters,
        *,
        consumers: Mapping[int, RtpParameters] | None = None,
        stream_id: str | None = None,
    ) -> str:
        """The answer's text, with what our side of the transport has.

        `consumers`: consumer parameters by section index, for sections the peer receives in; one without a
        consumer is answered inactive or recvonly. `stream_id`: MediaStream id of all consumers (default: that
        of each consumer's own msid).
        """
        consumers = consumers or {}
        for index in consumers:
            if not any(each.index == index and each.rtp_capabilities for each in self.sections):
                raise InvalidParameters("consumers", f"the peer does not receive in section {index}")
        sections = {
            index: self._answer_section(index, consumers.get(index)) for index in sorted(self._bundle)
        }
        local = LocalTransport(ice_parameters, list(ice_candidates), dtls_parameters, self._setup)
        return str(build_answer(self._offer, self._bundle, sections, local, stream_id))

    def _refusal(self, section: MediaSection) -> str | None:
        """Why a section cannot be taken; None if it can."""
        kind = _kind(section)
        if kind is None:
            return f"{section.kind} is not taken"
        if section.port == 0 and not section.bundle_only:
            return "it is disabled by the offer"
        # RFC 8829 §5.1.2: the transport parameters come in several historic spellings.
        if section.proto.upper().removesuffix("F") not in _PROTOS:
            return f"{section.proto} is not DTLS-SRTP"
        if not section.rtcp_mux:
            return "it has no rtcp-mux"
        offered = offered_capabilities(self._offer, section, kind)
        if not choose_codecs(offered, self._capabilities):
            return "the router takes none of its codecs"
        return None

    def _check_refusals(self, refusals: list[str | None], single: bool) -> None:
        media = self._offer.media
        described = [
            f"section {i} ({media[i].kind}): {reason}" for i, reason in enumerate(refusals) if reason
        ]
        if not self._bundle:
            raise Unsupported("; ".join(described) or "the offer has no media section")
        if not single:
            return
        # RFC 9725 §4.2 (WHIP) and its like in WHEP: no partial answers. Data channels are simply not taken.
        wanted = [
            i for i, section in enumerate(media) if _kind(section) and (section.port or section.bundle_only)
        ]
        for kind in ("audio", "video"):
            if sum(media[i].kind == kind for i in wanted) > 1:
                raise Unsupported(f"more than one {kind} section")
        if any(i not in self._bundle for i in wanted):
            raise Unsupported("; ".join(described) or "a section is outside of the BUNDLE group")

    def _negotiate(self, index: int, *, publish: bool, play: bool) -> NegotiatedSection:
        section = self._offer.media[index]
        kind = _kind(section)
        assert kind is not None
        direction = section.direction or self._offer.direction or "sendrecv"
        offered = offered_capabilities(self._offer, section, kind)
        sent = None
        if publish and direction in ("sendrecv", "sendonly"):
            sent = sent_parameters(section, kind, offered, self._capabilities)
            validate_rtp_parameters(sent)
        received = offered if play and direction in ("sendrecv", "recvonly") else None
        return NegotiatedSection(
            index=index, mid=section.mid, kind=kind, rtp_parameters=sent, rtp_capabilities=received
        )

    def _answer_section(self, index: int, consumer: RtpParameters | None) -> AnswerSection:
        section = self._offer.media[index]
        kind = _kind(section)
        assert kind is not None
        negotiated = next((each for each in self.sections if each.index == index), None)
        return AnswerSection(
            kind=kind,
            offered=offered_capabilities(self._offer, section, kind),
            router=self._capabilities,
            receives=negotiated.rtp_parameters if negotiated else None,
            sends=consumer,
        )

    def _transport_section(self) -> MediaSection:
        """The section whose transport the BUNDLE group uses: its first in our answer (RFC 9143 §7.3.1).

        In a max-bundle offer only the offer's own first section has the attributes, and that may be rejected.
        """
        media = self._offer.media
        described = [section for section in media if section.ice_ufrag is not None]
        first = media[self._bundle[0]]
        return first if first in described or not described else described[0]


class PublishNegotiation(Negotiation):
    """A WHIP publisher's offer; `whip=False` allows several sections of a kind, for others that only send."""

    def __init__(
        self, offer: str | SessionDescription, capabilities: RtpCapabilities, *, whip: bool = True
    ) -> None:
        super().__init__(offer, capabilities, publish=True, play=False, single=whip)


class PlayNegotiation(Negotiation):
    """A WHEP player's offer; `whep=False` allows several sections of a kind."""

    def __init__(
        self, offer: str | SessionDescription, capabilities: RtpCapabilities, *, whep: bool = True
    ) -> None:
        super().__init__(offer, capabilities, publish=False, play=True, single=whep)


_PROTOS = frozenset({"UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVP", "TCP/TLS/RTP/SAVP", "RTP/SAVP"})


def _kind(section: MediaSection) -> MediaKind | None:
    match section.kind:
        case "audio":
            return "audio"
        case "video":
            return "video"
    return None


def _bundle(offer: SessionDescription, refusals: list[str | None]) -> list[int]:
    """Indices of the sections that share our one transport, in the order of the BUNDLE group."""
    usable = [i for i, reason in enumerate(refusals) if reason is None]
    by_mid = {offer.media[i].mid: i for i in usable}
    for group in offer.groups:
        members = [by_mid[mid] for mid in dict.fromkeys(group.mids) if mid in by_mid]
        if group.semantics == "BUNDLE" and members:
            return members
    if len(usable) > 1:
        raise Unsupported("several media sections without a BUNDLE group")
    return usable


def _ice_parameters(offer: SessionDescription, transport: MediaSection) -> IceParameters:
    if offer.ice_lite:
        raise Unsupported("both sides are ICE lite")
    source: Attributes = offer if transport.ice_ufrag is None else transport
    if source.ice_ufrag is None or source.ice_pwd is None:
        malformed("has no ICE credentials")
    return IceParameters(source.ice_ufrag, source.ice_pwd, ice_lite=False)


def _ice_candidates(transport: MediaSection) -> list[IceCandidate]:
    converted = (remote_candidate(each) for each in transport.candidates)
    return [each for each in converted if each is not None]


def remote_candidate(candidate: Candidate) -> IceCandidate | None:
    """None for what an ICE-lite node on UDP cannot use: TCP, component 2, host names."""
    types: dict[str, Literal["host", "srflx", "prflx", "relay"]] = {
        "host": "host", "srflx": "srflx", "prflx": "prflx", "relay": "relay",
    }  # fmt: skip
    if candidate.protocol != "udp" or candidate.component != 1 or candidate.type not in types:
        return None
    try:
        address = str(ipaddress.ip_address(candidate.address))
    except ValueError:
        return None
    return IceCandidate(
        candidate.foundation,
        candidate.priority,
        address,
        address,
        "udp",
        candidate.port,
        types[candidate.type],
    )


def _dtls_parameters(
    offer: SessionDescription, transport: MediaSection
) -> tuple[DtlsParameters, Literal["active", "passive"]]:
    """The peer's DTLS parameters and our a=setup (RFC 8842 §5.3), passive wherever we may choose."""
    fingerprints = transport.fingerprints or offer.fingerprints
    if not fingerprints:
        malformed("has no DTLS fingerprint")
    match transport.setup or offer.setup:
        case "holdconn":
            raise Unsupported("a=setup:holdconn")
        case "passive":
            return DtlsParameters(fingerprints, "server"), "active"
        case _:
            return DtlsParameters(fingerprints, "client"), "passive"
