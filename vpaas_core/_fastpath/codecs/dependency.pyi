from enum import IntEnum

from typing_extensions import Buffer

class DependencyResult(IntEnum):
    DD_OK = 0
    DD_UNKNOWN_TEMPLATE = 1
    DD_MALFORMED = 2

class DependencyReader:
    """DdState for its tests."""

    def read(self, data: Buffer) -> dict[str, object] | DependencyResult:
        """The frame's fields, `dtis` and `chains` as lists, `refs` as the differences within reach."""

    def structure(self) -> dict[str, object]:
        """What is in force: offset, counts, active mask, layers of the targets, sizes, best targets."""

    def chain_previous(self, target: int) -> int: ...
