from vpaas_core._fastpath.control import Core
from vpaas_core._fastpath.loop import Loop

class Choir:
    """Microphones of `core`. `voices`: (transport, source address, ssrc, descriptor of a socket or -1) each.

    `profile` and `key` are those of all transports; None for plain RTP.
    """

    def __init__(
        self,
        core: Core,
        voices: list[tuple[int, tuple[str, int], int, int]],
        profile: int | None,
        key: tuple[bytes, bytes] | None,
    ) -> None: ...
    def drive(self, rounds: int, burst: int) -> int:
        """A packet of each, `rounds` times, without threads and sockets. CPU time, timers included, in ns."""
    def feed(self, loop: Loop, rounds: int, burst: int) -> None:
        """To a worker: `burst` packets are queued at a time, the next when these have been taken in.

        Raises TimeoutError when one was lost.
        """
