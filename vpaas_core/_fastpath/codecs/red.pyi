def primary(payload: bytes) -> tuple[int, bytes] | None:
    """Payload type and data of the primary block, for tests and tools."""

def mapped(payload: bytes, payload_types: dict[int, int]) -> bytes | None:
    """The payload with other payload types, for tests and tools."""
