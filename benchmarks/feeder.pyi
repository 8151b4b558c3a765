from benchmarks.floor import Floor
from vpaas_core._fastpath.control import Core
from vpaas_core._fastpath.loop import Loop

class Feeder:
    """Sends bursts of `burst` packets from the connected socket `fd`, from SRTP index 1 on."""

    def __init__(self, fd: int, profile: int, key: tuple[bytes, bytes], burst: int) -> None: ...
    def feed(self, target: Loop | Floor, packet: bytes, header_len: int, bursts: int, consumers: int) -> None:
        """Sends `bursts` bursts, each when the one before has gone to all `consumers`.

        All are copies of the RTP packet `packet`, but for sequence number and timestamp; `header_len` counts
        its header with extensions. Raises TimeoutError when one is not forwarded.
        """
    def drive(self, core: Core, source: tuple[str, int], packet: bytes, header_len: int, bursts: int) -> int:
        """The same without threads and sockets: what is sent goes nowhere.

        Returns the CPU time of forwarding, in nanoseconds.
        """
