class Floor:
    """A thread that forwards packets of one size from its socket to `sinks` (IPv4 host and port).

    `key_in` and `keys_out` are pairs of master key and salt, one of `keys_out` for each sink.
    """

    def __init__(
        self,
        profile: int,
        key_in: tuple[bytes, bytes],
        keys_out: list[tuple[bytes, bytes]],
        sinks: list[tuple[str, int]],
    ) -> None: ...
    @property
    def address(self) -> tuple[str, int]: ...
    def cpu_time_ns(self) -> int:
        """CPU time its thread has used."""

    def stop(self) -> None: ...
