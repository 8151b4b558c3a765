class Replay:
    """A window for tests and tools."""

    @property
    def highest(self) -> int | None:
        """Highest index accepted."""

    def index(self, seq: int) -> int:
        """The index that `seq` most likely stands for."""

    def fresh(self, index: int) -> bool:
        """Whether `index` is neither in the window already nor older than it."""

    def accept(self, index: int) -> None:
        """Remembers a fresh index; anything else changes nothing."""
