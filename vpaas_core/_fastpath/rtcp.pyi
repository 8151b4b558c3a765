"""Python faces of the RTCP codec, for tests and tools. Builders return b"" when `room` bytes are too few."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

from typing_extensions import Buffer

class RtcpKind(IntEnum):
    RTCP_SR = 200
    RTCP_RR = 201
    RTCP_SDES = 202
    RTCP_BYE = 203
    RTCP_APP = 204
    RTCP_RTPFB = 205
    RTCP_PSFB = 206
    RTCP_XR = 207

def parse(data: Buffer) -> tuple[list[dict[str, Any]], bool]:
    """The packets of a compound up to the first malformed one, and whether all of it was well-formed.

    Every packet has `kind`, `count`, `ssrc`, `body`; by kind also `sender` (the fields of SenderReport),
    `reports` (those of ReportBlock), `bye` (SSRCs), `media_ssrc`, `nack` ((pid, blp) pairs), `pli`,
    `fir` ((ssrc, seq) pairs), `rrtr` (NTP time).
    """

def build_sr(
    sender: Mapping[str, int], reports: Sequence[Mapping[str, int]] = (), room: int = 1200
) -> bytes: ...
def build_rr(sender: int, reports: Sequence[Mapping[str, int]] = (), room: int = 1200) -> bytes: ...
def build_sdes(ssrc: int, cname: bytes, room: int = 1200) -> bytes: ...
def build_bye(ssrc: int, room: int = 1200) -> bytes: ...
def build_nack(sender: int, media: int, seqs: Sequence[int], room: int = 1200) -> bytes:
    """`seqs` ascend (across the wrap as well); at most 1024 are read."""

def build_pli(sender: int, media: int, room: int = 1200) -> bytes: ...
def build_fir(sender: int, media: int, seq: int, room: int = 1200) -> bytes: ...
def build_rrtr(sender: int, ntp: int, room: int = 1200) -> bytes: ...
def build_dlrr(sender: int, receiver: int, lrr: int, dlrr: int, room: int = 1200) -> bytes: ...
