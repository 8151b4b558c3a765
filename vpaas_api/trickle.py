"""application/trickle-ice-sdpfrag (RFC 8840 §9): what a WHIP or WHEP client sends and gets by PATCH."""

from collections.abc import Sequence
from typing import NamedTuple

from vpaas_core import IceCandidate, IceParameters
from vpaas_core.sdp.grammar import malformed, split_attribute, split_lines
from vpaas_core.sdp.reader import read_candidate
from vpaas_core.sdp.session import Candidate


class Fragment(NamedTuple):
    ufrag: str | None
    pwd: str | None


def parse(text: str) -> Fragment:
    """Raises InvalidParameters("sdp", reason).

    Candidates are checked and dropped: an ICE-lite node answers from wherever checks come (RFC 8445 §2.5).
    """
    found: dict[str, str] = {}
    for line in split_lines(text):
        if line.type not in ("a", "m"):
            malformed("not a line of a trickle ICE fragment", line)
        if line.type == "m":
            continue
        name, value = split_attribute(line.value)
        if name == "candidate":
            read_candidate(value or "")
        elif name in ("ice-ufrag", "ice-pwd") and found.setdefault(name, value or "") != value:
            malformed(f"two different values of a={name}", line)
    if ("ice-ufrag" in found) != ("ice-pwd" in found):
        malformed("a=ice-ufrag and a=ice-pwd go together")
    return Fragment(found.get("ice-ufrag"), found.get("ice-pwd"))


def write(ice: IceParameters, candidates: Sequence[IceCandidate], kind: str, mid: str | None) -> str:
    """Our side after an ICE restart, in the first section of the bundle (RFC 9725 §4.3.3)."""
    lines = ["a=ice-lite", "a=ice-options:ice2 trickle", f"m={kind} 9 UDP/TLS/RTP/SAVPF 0"]
    if mid is not None:
        lines.append(f"a=mid:{mid}")
    lines += [f"a=ice-ufrag:{ice.username_fragment}", f"a=ice-pwd:{ice.password}"]
    lines += [f"a=candidate:{_candidate(each)}" for each in candidates]
    lines.append("a=end-of-candidates")
    return "".join(f"{line}\r\n" for line in lines)


def _candidate(each: IceCandidate) -> Candidate:
    extensions = (("tcptype", each.tcp_type),) if each.tcp_type else ()
    return Candidate(
        each.foundation, 1, each.protocol, each.priority, each.address, each.port, each.type, extensions
    )
