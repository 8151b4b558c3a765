"""Trickle ICE fragments (RFC 8840 §9), as WHIP and WHEP sessions exchange them in PATCH (RFC 9725 §4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vpaas_core.parameters import IceCandidate, IceParameters

from .answer import local_candidate
from .grammar import malformed, split_attribute, split_lines
from .negotiate import remote_candidate
from .reader import MEDIA_READERS, read_attribute
from .session import MediaSection

CONTENT_TYPE = "application/trickle-ice-sdpfrag"


@dataclass(slots=True, kw_only=True)
class IceFragment:
    ice_parameters: IceParameters | None = None
    """New credentials ask for an ICE restart; the current ones, or None, come with trickled candidates."""
    candidates: list[IceCandidate] = field(default_factory=list)
    """UDP candidates of component 1 that are addresses; others are dropped, as RFC 9725 §4.3.2 wants."""
    end_of_candidates: bool = False
    mid: str | None = None
    """Of the first section: the BUNDLE group's."""


def parse_fragment(text: str) -> IceFragment:
    """Raises InvalidParameters("sdp", reason) on text that is no fragment."""
    # What stands before the first m= line is the session's. Bundled sections share one transport, so that all
    # they say is merged.
    merged = MediaSection(kind="application", port=0, proto="", formats=[])
    first_mid: str | None = None
    for line in split_lines(text):
        if line.type == "m":
            first_mid, merged.mid = first_mid or merged.mid, None
        elif line.type == "a":
            name, value = split_attribute(line.value)
            if name in _ATTRIBUTES:
                read_attribute(merged, name, value, MEDIA_READERS)
        else:
            malformed("type is not allowed in a fragment", line)
    if (merged.ice_ufrag is None) != (merged.ice_pwd is None):
        malformed("has only one of ice-ufrag and ice-pwd")
    candidates = [remote_candidate(each) for each in merged.candidates]
    return IceFragment(
        ice_parameters=IceParameters(merged.ice_ufrag, merged.ice_pwd, ice_lite=False)
        if merged.ice_ufrag and merged.ice_pwd
        else None,
        candidates=[each for each in candidates if each is not None],
        end_of_candidates=merged.end_of_candidates,
        mid=first_mid or merged.mid,
    )


def restart_fragment(
    ice_parameters: IceParameters,
    candidates: Sequence[IceCandidate],
    *,
    mid: str | None,
    kind: str = "audio",
) -> str:
    """Body of the 200 that answers an ICE restart: our new credentials and all candidates.

    `mid` and `kind` are those of the first section of the BUNDLE group.
    """
    lines = [
        *(["a=ice-lite"] if ice_parameters.ice_lite else []),
        f"a=ice-ufrag:{ice_parameters.username_fragment}",
        f"a=ice-pwd:{ice_parameters.password}",
        f"m={kind} 9 RTP/AVP 0",
        *([] if mid is None else [f"a=mid:{mid}"]),
        *(f"a=candidate:{local_candidate(each)}" for each in candidates),
        "a=end-of-candidates",
    ]
    return "".join(f"{line}\r\n" for line in lines)


_ATTRIBUTES = frozenset({"mid", "ice-ufrag", "ice-pwd", "candidate", "end-of-candidates"})
