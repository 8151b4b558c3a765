"""A session description with types. reader.py makes one from text, write() makes text from it.

Attributes without a field of their own are kept in `other`, so that writing loses nothing; the order of lines
is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from vpaas_core.parameters import Direction, DtlsFingerprint

Setup = Literal["actpass", "active", "passive", "holdconn"]


class Candidate(NamedTuple):
    """RFC 8839 §5.1."""

    foundation: str
    component: int
    protocol: str
    """Lower case."""
    priority: int
    address: str
    """IPv4, IPv6 or a host name."""
    port: int
    type: str
    extensions: tuple[tuple[str, str], ...] = ()
    """raddr, rport, tcptype, generation, ..."""

    def __str__(self) -> str:
        base = (
            f"{self.foundation} {self.component} {self.protocol} {self.priority} {self.address} {self.port}"
        )
        return " ".join([base, "typ", self.type, *(word for pair in self.extensions for word in pair)])


class RtpMap(NamedTuple):
    encoding: str
    clock_rate: int
    channels: int | None = None

    def __str__(self) -> str:
        text = f"{self.encoding}/{self.clock_rate}"
        return text if self.channels is None else f"{text}/{self.channels}"


class Feedback(NamedTuple):
    """RFC 4585 §4.2. Payload type None is the wildcard."""

    payload_type: int | None
    type: str
    parameter: str = ""

    def __str__(self) -> str:
        target = "*" if self.payload_type is None else self.payload_type
        return f"{target} {self.type} {self.parameter}".rstrip(" ")


class ExtMap(NamedTuple):
    """RFC 8285 §8. Direction None means that of the media."""

    id: int
    uri: str
    direction: Direction | None = None
    attributes: str = ""

    def __str__(self) -> str:
        direction = f"/{self.direction}" if self.direction else ""
        return f"{self.id}{direction} {self.uri} {self.attributes}".rstrip(" ")


class Group(NamedTuple):
    semantics: str
    mids: tuple[str, ...]


class SsrcGroup(NamedTuple):
    """RFC 5576 §4.2."""

    semantics: str
    ssrcs: tuple[int, ...]


class Rid(NamedTuple):
    """RFC 8851 §4."""

    id: str
    direction: Literal["send", "recv"]
    restrictions: str = ""
    """ "pt=96,97;max-width=1280"."""

    def __str__(self) -> str:
        return f"{self.id} {self.direction} {self.restrictions}".rstrip(" ")


class SimulcastStream(NamedTuple):
    rid: str
    paused: bool = False

    def __str__(self) -> str:
        return f"~{self.rid}" if self.paused else self.rid


SimulcastList = list[list[SimulcastStream]]
"""Streams; each a list of alternatives, the preferred first."""


@dataclass(slots=True)
class Simulcast:
    """RFC 8853 §5.1."""

    send: SimulcastList = field(default_factory=list)
    recv: SimulcastList = field(default_factory=list)

    def __str__(self) -> str:
        parts = []
        for name, streams in (("send", self.send), ("recv", self.recv)):
            if streams:
                parts.append(f"{name} {';'.join(','.join(map(str, each)) for each in streams)}")
        return " ".join(parts)


@dataclass(slots=True, kw_only=True)
class Attributes:
    """What may stand at session level or in a media section; the section's own prevails."""

    connection: str | None = None
    bandwidths: list[str] = field(default_factory=list)
    direction: Direction | None = None
    ice_ufrag: str | None = None
    ice_pwd: str | None = None
    ice_options: list[str] = field(default_factory=list)
    fingerprints: list[DtlsFingerprint] = field(default_factory=list)
    setup: Setup | None = None
    extmaps: list[ExtMap] = field(default_factory=list)
    extmap_allow_mixed: bool = False
    other: list[tuple[str, str | None]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class MediaSection(Attributes):
    kind: str
    """ "audio", "video", "application", ..."""
    port: int
    proto: str
    formats: list[str]
    mid: str | None = None
    bundle_only: bool = False
    msids: list[str] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    end_of_candidates: bool = False
    rtcp_mux: bool = False
    rtcp_mux_only: bool = False
    rtcp_rsize: bool = False
    rtpmaps: dict[int, RtpMap] = field(default_factory=dict)
    fmtps: dict[int, str] = field(default_factory=dict)
    feedback: list[Feedback] = field(default_factory=list)
    ssrcs: dict[int, dict[str, str]] = field(default_factory=dict)
    """SSRC -> its attributes, as "cname" -> value."""
    ssrc_groups: list[SsrcGroup] = field(default_factory=list)
    rids: list[Rid] = field(default_factory=list)
    simulcast: Simulcast | None = None
    sctp_port: int | None = None
    max_message_size: int | None = None

    @property
    def payload_types(self) -> list[int]:
        """Formats of an RTP section; empty for others."""
        return [int(each) for each in self.formats] if is_rtp(self.proto) else []


@dataclass(slots=True, kw_only=True)
class SessionDescription(Attributes):
    origin: str
    name: str = "-"
    timing: str = "0 0"
    ice_lite: bool = False
    groups: list[Group] = field(default_factory=list)
    media: list[MediaSection] = field(default_factory=list)

    def __str__(self) -> str:
        return write(self)


def is_rtp(proto: str) -> bool:
    return "RTP/" in proto.upper()


def write(session: SessionDescription) -> str:
    """SDP text, ended by CRLF."""
    lines = ["v=0", f"o={session.origin}", f"s={session.name}"]
    if session.connection:
        lines.append(f"c={session.connection}")
    lines += [f"b={each}" for each in session.bandwidths]
    lines.append(f"t={session.timing}")
    lines += [f"a=group:{' '.join([group.semantics, *group.mids])}" for group in session.groups]
    if session.ice_lite:
        lines.append("a=ice-lite")
    lines += _write_common(session)
    for section in session.media:
        lines.append(f"m={section.kind} {section.port} {section.proto} {' '.join(section.formats)}")
        # RFC 8866 §5.7: each section needs a c= line, its own or the session's.
        if section.connection:
            lines.append(f"c={section.connection}")
        lines += [f"b={each}" for each in section.bandwidths]
        lines += _write_media(section)
    return "".join(f"{line}\r\n" for line in lines)


def _write_media(section: MediaSection) -> Iterator[str]:
    if section.mid is not None:
        yield f"a=mid:{section.mid}"
    if section.bundle_only:
        yield "a=bundle-only"
    yield from _write_common(section)
    yield from (f"a=msid:{each}" for each in section.msids)
    for name in ("rtcp_mux", "rtcp_mux_only", "rtcp_rsize"):
        if getattr(section, name):
            yield f"a={name.replace('_', '-')}"
    yield from (f"a=rtpmap:{payload_type} {rtpmap}" for payload_type, rtpmap in section.rtpmaps.items())
    yield from (f"a=rtcp-fb:{each}" for each in section.feedback)
    yield from (f"a=fmtp:{payload_type} {fmtp}" for payload_type, fmtp in section.fmtps.items())
    yield from (f"a=rid:{each}" for each in section.rids)
    if section.simulcast is not None:
        yield f"a=simulcast:{section.simulcast}"
    for group in section.ssrc_groups:
        yield f"a=ssrc-group:{group.semantics} {' '.join(map(str, group.ssrcs))}"
    for ssrc, attributes in section.ssrcs.items():
        if not attributes:
            yield f"a=ssrc:{ssrc}"
        yield from (
            f"a=ssrc:{ssrc} {f'{name}:{value}' if value else name}" for name, value in attributes.items()
        )
    if section.sctp_port is not None:
        yield f"a=sctp-port:{section.sctp_port}"
    if section.max_message_size is not None:
        yield f"a=max-message-size:{section.max_message_size}"
    yield from (f"a=candidate:{each}" for each in section.candidates)
    if section.end_of_candidates:
        yield "a=end-of-candidates"


def _write_common(target: Attributes) -> Iterator[str]:
    if target.ice_ufrag is not None:
        yield f"a=ice-ufrag:{target.ice_ufrag}"
    if target.ice_pwd is not None:
        yield f"a=ice-pwd:{target.ice_pwd}"
    if target.ice_options:
        yield f"a=ice-options:{' '.join(target.ice_options)}"
    yield from (f"a=fingerprint:{each.algorithm} {each.value}" for each in target.fingerprints)
    if target.setup is not None:
        yield f"a=setup:{target.setup}"
    if target.extmap_allow_mixed:
        yield "a=extmap-allow-mixed"
    yield from (f"a=extmap:{each}" for each in target.extmaps)
    if target.direction is not None:
        yield f"a={target.direction}"
    for name, value in target.other:
        yield f"a={name}" if value is None else f"a={name}:{value}"
