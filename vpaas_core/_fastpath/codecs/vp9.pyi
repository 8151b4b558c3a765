from typing_extensions import Buffer

def describe(payload: Buffer) -> dict[str, int] | None:
    """The fields of Vp9Descriptor, for tests and tools; None when the descriptor is cut short."""
