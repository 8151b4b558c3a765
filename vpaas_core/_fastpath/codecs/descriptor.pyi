from enum import IntEnum, IntFlag

from typing_extensions import Buffer

class Described(IntEnum):
    DESCRIBED = 0
    DESCRIBED_UNKNOWN_TEMPLATE = 1
    DESCRIBED_MALFORMED = 2

class LayersBy(IntEnum):
    BY_NOTHING = 0
    BY_VP8 = 1
    BY_VP9 = 2
    BY_DEPENDENCY = 3

class LayersFlag(IntFlag):
    LAYERS_STARTS = 1
    LAYERS_ENDS = 2
    LAYERS_KEY = 4
    LAYERS_INTRA = 8
    LAYERS_INTER_LAYER = 16
    LAYERS_NOT_BELOW = 32
    LAYERS_SWITCHING_UP = 64
    LAYERS_SYNC = 128
    LAYERS_NON_REFERENCE = 256
    LAYERS_PICTURE_15 = 512
    LAYERS_REFS_FAR = 1024
    LAYERS_STRUCTURE = 2048

class Describer:
    """DescriptorState for its tests."""

    def describe(self, codec: int, payload: Buffer, dd: Buffer = b"") -> dict[str, int] | Described:
        """The fields of Layers, or why there are none."""

    def sizes(self) -> list[tuple[int, int]]:
        """(width, height) of each spatial layer that the source announced; zeros where it gave none."""

    def time(self, codec: int, payload: Buffer, dd: Buffer, rounds: int) -> None:
        """Describes the same packet again and again, for benchmarks."""
