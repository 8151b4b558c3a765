"""SDP text to SessionDescription: one small reader for each attribute, found by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, TypeAlias, cast, get_args

from vpaas_core.parameters import Direction, DtlsFingerprint

from .grammar import Line, integer, malformed, split_attribute, split_document, token, words
from .session import (
    Attributes,
    Candidate,
    ExtMap,
    Feedback,
    Group,
    MediaSection,
    Rid,
    RtpMap,
    SessionDescription,
    Setup,
    Simulcast,
    SimulcastStream,
    SsrcGroup,
    is_rtp,
)

_Reader: TypeAlias = Callable[[Attributes, str], None]
"""(description or section to fill, what stands after the attribute's colon)."""

_DIRECTIONS = get_args(Direction)
_SETUPS = get_args(Setup)
_UINT16 = 0xFFFF
_UINT32 = 0xFFFFFFFF
_ICE_TEXT = re.compile(r"[!-~]{1,256}")


def parse(text: str) -> SessionDescription:
    """Raises InvalidParameters("sdp", reason) if the text is no session description we could answer."""
    document = split_document(text)
    fields = {line.type: line.value for line in reversed(document.session)}
    if "t" not in fields:
        malformed("has no t= line")
    session = SessionDescription(origin=" ".join(words(fields["o"], 6)), name=fields["s"], timing=fields["t"])
    for line in document.session[3:]:
        _read_line(session, line, _SESSION_READERS)
    for lines in document.media:
        session.media.append(_read_media(lines))
    mids = [section.mid for section in session.media if section.mid is not None]
    if len(mids) != len(set(mids)):
        malformed("two media sections have the same mid", " ".join(mids))
    for section in session.media:
        _check_extmaps([*session.extmaps, *section.extmaps])
    return session


def _check_extmaps(extmaps: list[ExtMap]) -> None:
    """RFC 8285 §5: an id means one thing in a section, whether said there or for the session."""
    uris: dict[int, str] = {}
    for each in extmaps:
        # Ids of 4096 and more are alternatives to choose from (RFC 8285 §6).
        if each.id < 4096 and uris.setdefault(each.id, each.uri) != each.uri:
            malformed(f"two header extensions have the id {each.id}", each)


def _read_media(lines: list[Line]) -> MediaSection:
    kind, port, proto, *formats = words(lines[0].value, 4)
    section = MediaSection(
        kind=token(kind), port=integer(port.partition("/")[0], _UINT16), proto=proto, formats=formats
    )
    if is_rtp(proto):
        for each in formats:
            integer(each, 127)
        if len(formats) != len(set(formats)):
            malformed("a payload type stands twice", lines[0])
    for line in lines[1:]:
        _read_line(section, line, MEDIA_READERS)
    return section


def _read_line(target: Attributes, line: Line, readers: dict[str, _Reader]) -> None:
    match line.type:
        case "a":
            read_attribute(target, *split_attribute(line.value), readers)
        case "c":
            target.connection = target.connection or line.value
        case "b":
            target.bandwidths.append(line.value)
        # i=, u=, e=, p=, r=, z=, k= say nothing to a media server.


def read_attribute(target: Attributes, name: str, value: str | None, readers: dict[str, _Reader]) -> None:
    reader = readers.get(name)
    if reader is None:
        target.other.append((name, value))
    else:
        reader(target, value or "")


def _once(name: str, read: Callable[[str], object]) -> _Reader:
    """For an attribute that may stand once; a repetition must say the same."""

    def reader(target: Attributes, value: str) -> None:
        new = read(value)
        if getattr(target, name) not in (None, new):
            malformed(f"two different values of a={name.replace('_', '-')}", value)
        setattr(target, name, new)

    return reader


def _flag(name: str) -> _Reader:
    return lambda target, value: setattr(target, name, True)


def _direction(direction: str) -> _Reader:
    reader = _once("direction", str)
    return lambda target, value: reader(target, direction)


def _append(name: str, read: Callable[[str], object]) -> _Reader:
    """For an attribute that may stand many times; exact repetitions (Pion's a=rtcp-fb) are dropped."""

    def reader(target: Attributes, value: str) -> None:
        values, new = getattr(target, name), read(value)
        if new not in values:
            values.append(new)

    return reader


def _keyed(name: str, read: Callable[[str], tuple[object, object]]) -> _Reader:
    """For an attribute that may stand once for each payload type."""

    def reader(target: Attributes, value: str) -> None:
        key, new = read(value)
        if getattr(target, name).setdefault(key, new) != new:
            malformed(f"two different values for {key}", value)

    return reader


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            malformed(f"not one of {', '.join(choices)}", value or "(empty)")
        return value

    return read


def _read_ice_text(value: str) -> str:
    # RFC 8839 §5.4 has only letters, digits, "+" and "/"; real peers also use "-", "_" and "=".
    if not _ICE_TEXT.fullmatch(value):
        malformed("not 1 to 256 ICE characters", value or "(empty)")
    return value


def read_candidate(value: str) -> Candidate:
    """The value of a=candidate. Raises InvalidParameters."""
    foundation, component, protocol, priority, address, port, typ, kind, *rest = words(value, 8)
    if typ != "typ" or len(rest) % 2:
        malformed("not a candidate", value)
    return Candidate(
        foundation,
        integer(component, 256, 1),
        protocol.lower(),
        integer(priority, _UINT32),
        address,
        integer(port, _UINT16),
        kind,
        tuple(zip(rest[::2], rest[1::2], strict=True)),
    )


def _read_fingerprint(value: str) -> DtlsFingerprint:
    algorithm, digest, *_ = words(value, 2)
    pairs = digest.split(":")
    if not all(len(pair) == 2 and _is_hex(pair) for pair in pairs):
        malformed("not a fingerprint", value)
    return DtlsFingerprint(algorithm.lower(), digest.upper())


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)


def _read_extmap(value: str) -> ExtMap:
    entry, uri, *attributes = words(value, 2)
    identifier, slash, direction = entry.partition("/")
    if slash:
        _one_of(_DIRECTIONS)(direction)
    # RFC 8285 §5: 1-255, and 4096-4351 for offers of more than fit.
    return ExtMap(integer(identifier, 4351, 1), uri, cast(Direction, direction) or None, " ".join(attributes))


def _read_rtpmap(value: str) -> tuple[int, RtpMap]:
    payload_type, encoding, *_ = words(value, 2)
    name, slash, rest = encoding.partition("/")
    if not slash:
        malformed("no clock rate", value)
    clock_rate, _, channels = rest.partition("/")
    return integer(payload_type, 127), RtpMap(
        token(name), integer(clock_rate, _UINT32, 1), integer(channels, 255, 1) if channels else None
    )


def _read_fmtp(value: str) -> tuple[int, str]:
    payload_type, _, parameters = value.partition(" ")
    return integer(payload_type, 127), parameters.strip(" ")


def _read_feedback(value: str) -> Feedback:
    target, kind, *parameters = words(value, 2)
    return Feedback(None if target == "*" else integer(target, 127), kind, " ".join(parameters))


def _read_ssrc(target: Attributes, value: str) -> None:
    ssrc, _, attribute = value.partition(" ")
    name, _, text = attribute.partition(":")
    attributes = cast(MediaSection, target).ssrcs.setdefault(integer(ssrc, _UINT32), {})
    if name:
        attributes.setdefault(name, text)


def _read_ssrc_group(value: str) -> SsrcGroup:
    semantics, *ssrcs = words(value, 2)
    return SsrcGroup(semantics, tuple(integer(each, _UINT32) for each in ssrcs))


def _read_rid(value: str) -> Rid:
    identifier, direction, *restrictions = words(value, 2)
    _one_of(("send", "recv"))(direction)
    return Rid(identifier, cast(Literal["send", "recv"], direction), " ".join(restrictions))


def _read_simulcast(value: str) -> Simulcast:
    fields = words(value, 2)
    if len(fields) not in (2, 4) or len(set(fields[::2])) != len(fields[::2]):
        malformed("not a simulcast description", value)
    simulcast = Simulcast()
    for direction, streams in zip(fields[::2], fields[1::2], strict=True):
        _one_of(("send", "recv"))(direction)
        getattr(simulcast, direction).extend(
            [
                SimulcastStream(token(each.removeprefix("~")), each.startswith("~"))
                for each in alternatives.split(",")
            ]
            for alternatives in streams.split(";")
        )
    return simulcast


def _read_group(value: str) -> Group:
    semantics, *mids = words(value, 1)
    return Group(semantics, tuple(token(mid) for mid in mids))


def _read_ice_options(target: Attributes, value: str) -> None:
    target.ice_options.extend(each for each in value.split(" ") if each and each not in target.ice_options)


_COMMON_READERS: dict[str, _Reader] = {
    **{direction: _direction(direction) for direction in _DIRECTIONS},
    "ice-ufrag": _once("ice_ufrag", _read_ice_text),
    "ice-pwd": _once("ice_pwd", _read_ice_text),
    "ice-options": _read_ice_options,
    "fingerprint": _append("fingerprints", _read_fingerprint),
    "setup": _once("setup", _one_of(_SETUPS)),
    "extmap": _append("extmaps", _read_extmap),
    "extmap-allow-mixed": _flag("extmap_allow_mixed"),
}
_SESSION_READERS: dict[str, _Reader] = {
    **_COMMON_READERS,
    "ice-lite": _flag("ice_lite"),
    "group": _append("groups", _read_group),
}
MEDIA_READERS: dict[str, _Reader] = {
    **_COMMON_READERS,
    "mid": _once("mid", token),
    "bundle-only": _flag("bundle_only"),
    "msid": _append("msids", lambda value: value.strip(" ")),
    "candidate": _append("candidates", read_candidate),
    "end-of-candidates": _flag("end_of_candidates"),
    "rtcp-mux": _flag("rtcp_mux"),
    "rtcp-mux-only": _flag("rtcp_mux_only"),
    "rtcp-rsize": _flag("rtcp_rsize"),
    "rtpmap": _keyed("rtpmaps", _read_rtpmap),
    "fmtp": _keyed("fmtps", _read_fmtp),
    "rtcp-fb": _append("feedback", _read_feedback),
    "ssrc": _read_ssrc,
    "ssrc-group": _append("ssrc_groups", _read_ssrc_group),
    "rid": _append("rids", _read_rid),
    "simulcast": _once("simulcast", _read_simulcast),
    "sctp-port": _once("sctp_port", lambda value: integer(value, _UINT16)),
    "max-message-size": _once("max_message_size", lambda value: integer(value, _UINT32)),
}
