"""Is this answer a legal answer to that offer? Written from the RFCs, on plain text, without vpaas_core."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

_SETUP = {"actpass": {"active", "passive"}, "active": {"passive"}, "passive": {"active"}}
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_ANSWERS = {
    "sendrecv": set(_DIRECTIONS),
    "sendonly": {"recvonly", "inactive"},
    "recvonly": {"sendonly", "inactive"},
    "inactive": {"inactive"},
}


class Section(NamedTuple):
    kind: str
    port: int
    proto: str
    formats: list[str]
    lines: list[str]
    session: list[str]

    def all(self, name: str, *, inherit: bool = False) -> list[str]:
        lines = self.lines + (self.session if inherit else [])
        prefix = f"a={name}"
        return [
            line[len(prefix) + 1 :].strip()
            for line in lines
            if line == prefix or line.startswith(prefix + ":")
        ]

    def one(self, name: str) -> str | None:
        return next(iter(self.all(name, inherit=True)), None)

    def has(self, name: str) -> bool:
        return bool(self.all(name))

    def by_payload_type(self, name: str) -> dict[str, str]:
        return {key: text for key, _, text in (value.partition(" ") for value in self.all(name))}

    @property
    def direction(self) -> str:
        lines = [line[2:] for line in (*self.lines, *self.session)]
        return next((line for line in lines if line in _DIRECTIONS), "sendrecv")


def sections(text: str) -> list[Section]:
    lines = text.replace("\r\n", "\n").strip("\n").split("\n")
    starts = [i for i, line in enumerate(lines) if line.startswith("m=")] + [len(lines)]
    session = lines[: starts[0]]
    found = []
    for start, end in pairwise(starts):
        kind, port, proto, *formats = lines[start][2:].split()
        found.append(Section(kind, int(port), proto, formats, lines[start + 1 : end], session))
    return found


def bundle_groups(text: str) -> list[list[str]]:
    session = text.split("\nm=")[0].replace("\r", "").split("\n")
    return [line.split()[1:] for line in session if line.split()[:1] == ["a=group:BUNDLE"]]


def bundled(text: str) -> list[str]:
    """The mids of the (first) BUNDLE group."""
    return next(iter(bundle_groups(text)), [])


def violations(offer: str, answer: str) -> list[str]:
    """What is wrong with the answer; empty if nothing is."""
    offered, answered = sections(offer), sections(answer)
    found = _session_violations(offer, answer)
    if len(offered) != len(answered):
        return [*found, f"{len(answered)} sections for {len(offered)}"]
    accepted_mids = []
    first_accepted = True
    for i, (o, a) in enumerate(zip(offered, answered, strict=True)):
        if (a.kind, a.proto, set(a.all("mid"))) != (o.kind, o.proto, set(o.all("mid"))):
            found.append(f"section {i} is not of the same kind, proto and mid")
        if a.port == 0:
            continue
        if o.port == 0 and not o.has("bundle-only"):
            found.append(f"section {i} was disabled, and is answered")
        accepted_mids += a.all("mid")
        found += [f"section {i}: {each}" for each in _media_violations(o, a)]
        # The first of the BUNDLE group is the first accepted one in these offers.
        found += [f"section {i}: {each}" for each in _transport_violations(o, a, first_accepted)]
        first_accepted = False
    groups = bundle_groups(offer)
    if any(set(each) & set(accepted_mids) for each in groups) and bundled(answer) != accepted_mids:
        found.append(f"BUNDLE {bundled(answer)} is not what is accepted: {accepted_mids}")
    if bundled(answer) and not any(set(bundled(answer)) <= set(each) for each in groups):
        found.append("BUNDLE is not a subset of the offer's")
    return found


def _session_violations(offer: str, answer: str) -> list[str]:
    found = []
    if not answer.endswith("\r\n") or "\n" in answer.replace("\r\n", ""):
        found.append("lines do not end with CRLF")
    kinds = [line[0] for line in answer.split("\r\n") if line][:4]
    if kinds != ["v", "o", "s", "t"]:
        found.append("does not begin with v= o= s= t=")
    if "a=ice-lite\r\n" not in answer.split("m=")[0]:
        found.append("no a=ice-lite")
    if "a=extmap-allow-mixed" in answer and "a=extmap-allow-mixed" not in offer:
        found.append("extmap-allow-mixed was not offered")
    return found


def _transport_violations(o: Section, a: Section, first: bool) -> list[str]:
    found = []
    if a.one("setup") not in _SETUP[o.one("setup") or "active"]:
        found.append(f"setup {a.one('setup')} for {o.one('setup')}")
    found += [f"no {name}" for name in ("ice-ufrag", "ice-pwd", "fingerprint") if not a.all(name)]
    if len(a.one("ice-ufrag") or "") < 4 or len(a.one("ice-pwd") or "") < 22:
        found.append("ICE credentials too short")
    if not a.has("rtcp-mux") or not o.has("rtcp-mux"):
        found.append("rtcp-mux is not on both sides")
    if a.has("rtcp-rsize") and not o.has("rtcp-rsize"):
        found.append("rtcp-rsize was not offered")
    if first and not (a.has("candidate") and a.has("end-of-candidates")):
        found.append("no candidates, or no end of them")
    if not any(line.startswith("c=") for line in a.lines):
        found.append("no c=")
    return found


def _media_violations(o: Section, a: Section) -> list[str]:
    found = []
    if a.direction not in _ANSWERS[o.direction]:
        found.append(f"{a.direction} for {o.direction}")
    found += _codec_violations(o, a) + _extension_violations(o, a) + _stream_violations(o, a)
    return found


def _codec_violations(o: Section, a: Section) -> list[str]:
    found = []
    offered_maps, maps = o.by_payload_type("rtpmap"), a.by_payload_type("rtpmap")
    offered_fmtp, fmtp = o.by_payload_type("fmtp"), a.by_payload_type("fmtp")
    for payload_type in a.formats:
        if payload_type not in o.formats:
            found.append(f"payload type {payload_type} was not offered")
        if maps.get(payload_type) != offered_maps.get(payload_type):
            found.append(f"rtpmap {payload_type} differs")
        name = maps.get(payload_type, "").lower()
        mine, theirs = _params(fmtp.get(payload_type, "")), _params(offered_fmtp.get(payload_type, ""))
        if name.startswith("rtx/") and (mine["apt"] != theirs["apt"] or mine["apt"] not in a.formats):
            found.append(f"rtx {payload_type} repairs {mine.get('apt')}")
        if name.startswith("h264/"):
            if mine.get("packetization-mode", "0") != theirs.get("packetization-mode", "0"):
                found.append("packetization-mode differs")
            if mine.get("profile-level-id", "")[:4] != theirs.get("profile-level-id", "")[:4]:
                found.append("H264 profile differs")
        if name.startswith("vp9/") and mine.get("profile-id", "0") != theirs.get("profile-id", "0"):
            found.append("VP9 profile differs")
    if set(maps) - set(a.formats) or set(fmtp) - set(a.formats):
        found.append("rtpmap or fmtp for a payload type not in the m= line")
    if all(maps.get(each, "").lower().startswith("rtx/") for each in a.formats):
        found.append("no media codec")
    for feedback in a.all("rtcp-fb"):
        payload_type, kind = feedback.split(" ", 1)
        offers = {tuple(each.split()) for each in o.all("rtcp-fb")}
        if payload_type not in a.formats:
            found.append(f"rtcp-fb for {payload_type}, which is not in the m= line")
        if not offers & {(payload_type, *kind.split()), ("*", *kind.split())}:
            found.append(f"rtcp-fb {feedback} was not offered")
        if kind in ("transport-cc", "goog-remb"):
            found.append(f"{kind} is promised")
    return found


def _extension_violations(o: Section, a: Section) -> list[str]:
    found = []
    offered = {each.split()[0].partition("/")[0]: each for each in o.all("extmap", inherit=True)}
    for each in a.all("extmap"):
        entry, uri = each.split()[:2]
        identifier, _, direction = entry.partition("/")
        if identifier not in offered or offered[identifier].split()[1] != uri:
            found.append(f"extmap {each} was not offered")
            continue
        theirs = offered[identifier].split()[0].partition("/")[2] or "sendrecv"
        if (direction or "sendrecv") not in _ANSWERS[theirs]:
            found.append(f"extmap {each} for {offered[identifier]}")
    if len({each.split()[0] for each in a.all("extmap")}) != len(a.all("extmap")):
        found.append("an extmap id stands twice")
    return found


def _stream_violations(o: Section, a: Section) -> list[str]:
    found = []
    sends = a.direction in ("sendrecv", "sendonly")
    if sends != a.has("msid") or sends != a.has("ssrc"):
        found.append(f"msid or ssrc do not fit {a.direction}")
    for group in a.all("ssrc-group"):
        declared = {each.split()[0] for each in a.all("ssrc")}
        if not set(group.split()[1:]) <= declared:
            found.append(f"ssrc-group {group} of undeclared SSRCs")
    offered_rids = [each.split()[0] for each in o.all("rid") if each.split()[1] == "send"]
    rids = [each.split()[0] for each in a.all("rid")]
    if [each for each in a.all("rid") if each.split()[1] != "recv"] or not set(rids) <= set(offered_rids):
        found.append(f"rids {rids} for {offered_rids}")
    simulcast = a.one("simulcast")
    if simulcast is not None:
        if not o.has("simulcast") or not simulcast.startswith("recv "):
            found.append(f"simulcast {simulcast}")
        if simulcast.removeprefix("recv ").replace("~", "").split(";") != rids:
            found.append("simulcast does not list the rids")
    if rids and not any("rtp-stream-id" in each and "repaired" not in each for each in a.all("extmap")):
        found.append("rids without their header extension")
    return found


def _params(fmtp: str) -> dict[str, str]:
    return {key: value for key, _, value in (each.strip().partition("=") for each in fmtp.split(";"))}
