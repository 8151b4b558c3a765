"""Lines of SDP (RFC 8866) and the small grammars inside them; what they mean is session.py's business."""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from vpaas_core.errors import InvalidParameters
from vpaas_core.parameters import Fmtp

SDP_BYTES_MAX = 524_288
"""A browser's section is 2 to 6 KB, so this is a call of about a hundred tracks."""
MEDIA_SECTIONS_MAX = 256

_SESSION_TYPES = frozenset("vosiuepcbtrzka")
_MEDIA_TYPES = frozenset("micbka")
_TOKEN = re.compile(r"[!#-'*+\-.0-9A-Z^-~]+")
_INTEGER = re.compile(r"[0-9]{1,10}")
_FMTP_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_TEXT_PARAMETERS = frozenset({"profile-level-id", "sprop-parameter-sets"})
_EXCERPT_CHARACTERS = 80


class Line(NamedTuple):
    type: str
    """One letter."""
    value: str

    def __str__(self) -> str:
        return f"{self.type}={self.value}"


class Document(NamedTuple):
    session: list[Line]
    media: list[list[Line]]
    """Each begins with its m= line."""


def malformed(what: str, line: object = "") -> NoReturn:
    """Raises InvalidParameters("sdp"), quoting the start of the line."""
    excerpt = str(line)[:_EXCERPT_CHARACTERS]
    raise InvalidParameters("sdp", f"{what}: {excerpt!r}" if excerpt else what)


def split_lines(text: str) -> list[Line]:
    """Lines of an SDP or an SDP fragment, ended by CRLF or, as RFC 8866 §9 allows, by LF alone."""
    if len(text) > SDP_BYTES_MAX:
        malformed(f"longer than {SDP_BYTES_MAX} characters")
    lines = []
    for raw in text.removesuffix("\n").removesuffix("\r").split("\n"):
        line = raw.removesuffix("\r")
        if len(line) < 2 or line[1] != "=" or "\r" in line or "\0" in line:
            malformed("not a <type>=<value> line", line or "(empty line)")
        lines.append(Line(line[0], line[2:]))
    return lines


def split_document(text: str) -> Document:
    """Session lines and media sections. Raises InvalidParameters on text that is no session description."""
    lines = split_lines(text)
    if [line.type for line in lines[:3]] != ["v", "o", "s"]:
        malformed("does not begin with v=, o=, s=", lines[0])
    if lines[0].value != "0":
        malformed("unknown version", lines[0])
    document = Document([], [])
    for line in lines:
        if line.type == "m":
            if len(document.media) == MEDIA_SECTIONS_MAX:
                malformed(f"more than {MEDIA_SECTIONS_MAX} media sections")
            document.media.append([line])
            continue
        # RFC 8866 §5: a description with a type letter one does not know is to be ignored as a whole.
        if line.type not in (_MEDIA_TYPES if document.media else _SESSION_TYPES):
            malformed("type is not allowed here", line)
        (document.media[-1] if document.media else document.session).append(line)
    return document


def split_attribute(value: str) -> tuple[str, str | None]:
    """ "mid:0" -> ("mid", "0"), "rtcp-mux" -> ("rtcp-mux", None)."""
    name, colon, rest = value.partition(":")
    return token(name), rest if colon else None


def token(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        malformed("not a token", text or "(empty)")
    return text


def integer(text: str, high: int, low: int = 0) -> int:
    if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
        malformed(f"not an integer in {low}..{high}", text or "(empty)")
    return int(text)


def words(value: str, at_least: int) -> list[str]:
    """The space-separated fields of a value. Raises InvalidParameters if there are fewer than `at_least`."""
    fields = [each for each in value.split(" ") if each]
    if len(fields) < at_least:
        malformed(f"fewer than {at_least} fields", value or "(empty)")
    return fields


def parse_fmtp(value: str) -> Fmtp:
    """ "a=1;b=x" -> {"a": 1, "b": "x"}. What has no "=" (RED's "111/111") has no name: {"": "111/111"}."""
    parameters: Fmtp = {}
    for each in value.split(";"):
        key, equals, text = each.strip().partition("=")
        if not equals:
            key, text = "", key
        if not key and not text:
            continue
        is_number = key not in _TEXT_PARAMETERS and _FMTP_NUMBER.fullmatch(text)
        parameters[key] = int(text) if is_number else text
    return parameters


def format_fmtp(parameters: Fmtp) -> str:
    return ";".join(f"{key}={value}" if key else str(value) for key, value in parameters.items())
