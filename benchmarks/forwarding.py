"""One publisher and many viewers on loopback, for the real worker and for the bare loop it is held against.

The viewers' sockets are full and never read, so what the kernel spends on delivering to them counts, for both
alike. A burst goes out when the one before has been forwarded, so its size is what the worker finds queued.
"""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType

from benchmarks.feeder import Feeder
from benchmarks.floor import Floor
from benchmarks.room import (
    BARE_HEADER,
    HEADER,
    PACKET_BYTES,
    PAYLOAD_TYPE,
    VP8_DELTA,
    VP8_KEY_FRAME,
    Case,
    Key,
    add_consumer,
    add_producer,
    connect,
    packet,
)
from vpaas_core._fastpath.loop import Loop
from vpaas_core._fastpath.srtp_session import SrtpSession

SETTLED_S = 0.001
CHECKS_MAX = 5


@dataclass
class Contender:
    """A forwarder with its publisher. `viewer_keys` open what the first viewer gets from it."""

    case: Case
    target: Loop | Floor
    feeder: Feeder
    packet: bytes
    header_len: int
    viewer_key: Key
    ns_per_packet: list[float] = field(default_factory=list)

    def run(self) -> None:
        """One chunk."""
        bursts = self.case.bursts
        before = self.settled_ns()
        self.feeder.feed(self.target, self.packet, self.header_len, bursts, self.case.consumers)
        spent = self.settled_ns() - before
        self.ns_per_packet.append(spent / (bursts * self.case.burst * self.case.consumers))

    def settled_ns(self) -> int:
        """Its thread's CPU time, once it has nothing left to do."""
        spent, last = self.target.cpu_time_ns(), -1
        while spent != last:
            time.sleep(SETTLED_S)
            spent, last = self.target.cpu_time_ns(), spent
        return spent


class Forwarding:
    """Both contenders of a case, over the same sinks. Use it as a context manager."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self._stack = ExitStack()

    def __enter__(self) -> "Forwarding":
        with self._stack as stack:
            allow_sockets(self.case.consumers + 64)
            self.sinks = [stack.enter_context(bound_socket()) for _ in range(self.case.consumers)]
            for sink in self.sinks:
                sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # the kernel's minimum: soon full
            self.floor = self._start_floor()
            self.worker = self._start_worker()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def check(self) -> None:
        """What the first viewer gets from each is what its publisher sent. Both are warm afterwards."""
        for contender in (self.worker, self.floor):
            session = SrtpSession(self.case.profile, *contender.viewer_key)
            received = session.unprotect_rtp(self._received(contender))
            sent = contender.packet[contender.header_len :]
            if not received.endswith(sent) or len(received) != PACKET_BYTES:
                raise AssertionError("a viewer got another packet than was sent")
            contender.ns_per_packet.clear()

    def _received(self, contender: Contender) -> bytes:
        """An RTP packet as the first viewer gets it. Its small buffer may be full of reports for once."""
        for _ in range(CHECKS_MAX):
            _drain(self.sinks[0])
            contender.run()
            for datagram in _drain(self.sinks[0]):
                if datagram[1] & 0x7F == PAYLOAD_TYPE:
                    return datagram
        raise AssertionError("a viewer got no packet")

    def run(self, rounds: int) -> None:
        """Chunks of both in turn."""
        for _ in range(rounds):
            self.worker.run()
            self.floor.run()

    def _start_floor(self) -> Contender:
        key_in = self.case.new_key()
        keys_out = [self.case.new_key() for _ in self.sinks]
        addresses = [sink.getsockname() for sink in self.sinks]
        floor = Floor(self.case.profile, key_in, keys_out, addresses)
        self._stack.callback(floor.stop)
        publisher = self._stack.enter_context(bound_socket())
        publisher.connect(floor.address)
        feeder = Feeder(publisher.fileno(), self.case.profile, key_in, self.case.burst)
        delta = packet(BARE_HEADER, VP8_DELTA)
        return Contender(self.case, floor, feeder, delta, len(BARE_HEADER), keys_out[0])

    def _start_worker(self) -> Contender:
        case = self.case
        loop = Loop()
        self._stack.callback(loop.stop)
        address = "127.0.0.1", loop.open_socket("127.0.0.1", 0)[1]
        loop.start()
        publisher = self._stack.enter_context(bound_socket())
        publisher.connect(address)
        key_in = case.new_key()
        producer = add_producer(loop, connect(loop, case, key_in, case.new_key(), publisher.send))
        keys_out = [case.new_key() for _ in self.sinks]
        for sink, key in zip(self.sinks, keys_out, strict=True):
            check = partial(send_to, sink, address)
            add_consumer(loop, connect(loop, case, case.new_key(), key, check), producer)
        feeder = Feeder(publisher.fileno(), case.profile, key_in, case.burst)
        feeder.feed(loop, packet(HEADER, VP8_KEY_FRAME), len(HEADER), 1, case.consumers)
        return Contender(case, loop, feeder, packet(HEADER, VP8_DELTA), len(HEADER), keys_out[0])


@contextmanager
def bound_socket() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        yield udp


def send_to(udp: socket.socket, address: tuple[str, int], datagram: bytes) -> None:
    udp.sendto(datagram, address)


def _drain(udp: socket.socket) -> list[bytes]:
    """What is queued."""
    datagrams = []
    udp.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            datagrams.append(udp.recv(2048))
    return datagrams


def allow_sockets(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + 256
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))
