from enum import IntEnum

from typing_extensions import Buffer

from vpaas_core._fastpath.codecs.descriptor import Described, Describer

class SvcDecision(IntEnum):
    SVC_DROP = 0
    SVC_FORWARD = 1
    SVC_FORWARD_LAST = 2

class Svc:
    """SvcFilter for its tests."""

    spatial: int
    temporal: int

    def __init__(self, describer: Describer, target_spatial: int, target_temporal: int) -> None: ...
    def target(self, spatial: int, temporal: int) -> None: ...
    def restart(self) -> None: ...
    def decide(self, codec: int, payload: Buffer, dd: Buffer = b"") -> SvcDecision | Described:
        """Describes the packet and decides; what cannot be described is not decided either."""

    def wants_key_frame(self) -> bool: ...
    def time(self, codec: int, payloads: list[bytes], descriptors: list[bytes], rounds: int) -> int:
        """Decides on at most 512 packets, described before, over and over; returns how many went on."""
