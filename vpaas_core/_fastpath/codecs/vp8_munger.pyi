from typing_extensions import Buffer

class Munger:
    """Vp8Munger for its tests."""

    def switch(self) -> None: ...
    def drop(self, payload: Buffer) -> None: ...
    def packet(self, payload: Buffer) -> bytes | None:
        """The payload with the consumer's own numbers; None: not to be sent. ValueError: it is not VP8."""

    def time(self, payload: Buffer, rounds: int) -> None:
        """Maps and writes the same packet again and again, for benchmarks."""
