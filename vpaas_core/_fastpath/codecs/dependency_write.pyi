from typing_extensions import Buffer

class DependencyWriter:
    """dd_write for its tests: reads descriptors in order, and copies them."""

    def read(self, data: Buffer) -> bool: ...
    def write(self, out: Buffer, data: Buffer, frame_number: int, active: int | None) -> int:
        """Copies by the structure read last; `active` None: as it stands. Bytes written; 0: it cannot."""

    def active_for(self, spatial: int, temporal: int) -> int: ...
