"""One publisher and many viewers on loopback, for the real worker and for the bare loop it is held against.

The viewers' sockets are full and never read, so what the kernel spends on delivering to them counts, for both
alike. A burst goes out when the one before has been forwarded, so its size is what the worker finds queued.
"""

import resource
import secrets
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType

from benchmarks.feeder import Feeder
from benchmarks.floor import Floor
from vpaas_core._fastpath.codecs.codec import Codec
from vpaas_core._fastpath.loop import Loop
from vpaas_core._fastpath.rtp import ExtensionKind
from vpaas_core._fastpath.srtp import SrtpProfile
from vpaas_core._fastpath.srtp_session import SrtpSession
from vpaas_core._fastpath.stun import build_binding_request

Key = tuple[bytes, bytes]
Address = tuple[str, int]

PACKET_BYTES = 1200  # bytes of RTP: header, its extensions, payload; SRTP adds 10 (CM) or 16 (GCM)
HEADER = struct.Struct("!BBHII")
SSRC = 1
PAYLOAD_TYPE, RTX_PAYLOAD_TYPE = 96, 97
MID_ID, ABS_SEND_TIME_ID = 1, 3
# RFC 8285 §4.2: mid "0" and abs-send-time, what Chromium puts in every video packet at least
EXTENSIONS = struct.pack("!HHBsB3sxx", 0xBEDE, 2, MID_ID << 4, b"0", ABS_SEND_TIME_ID << 4 | 2, bytes(3))
# RFC 7741 §4.2, §4.3: descriptor with S, then a frame header whose lowest bit is 0 in a key frame
VP8_KEY_FRAME, VP8_DELTA = b"\x10\x00", b"\x00\x01"

PROFILES = {
    SrtpProfile.AEAD_AES_128_GCM: (16, 12),
    SrtpProfile.AES_CM_128_HMAC_SHA1_80: (16, 14),
}
CHUNK_PACKETS = 20_000  # forwarded, in one uninterrupted measurement; about 20 ms
CHUNK_BURSTS_MAX = 1000
SETTLED_S = 0.001
CHECKS_MAX = 5


@dataclass(frozen=True)
class Case:
    """`burst` packets arrive at once and go to `consumers` viewers."""

    consumers: int
    burst: int
    profile: SrtpProfile

    @property
    def bursts(self) -> int:
        """In a chunk."""
        return max(2, min(CHUNK_BURSTS_MAX, CHUNK_PACKETS // (self.consumers * self.burst)))

    def new_key(self) -> Key:
        key_bytes, salt_bytes = PROFILES[self.profile]
        return secrets.token_bytes(key_bytes), secrets.token_bytes(salt_bytes)


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
            _allow_sockets(self.case.consumers + 64)
            self.sinks = [stack.enter_context(_bound_socket()) for _ in range(self.case.consumers)]
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
            packet = session.unprotect_rtp(self._received(contender))
            sent = contender.packet[contender.header_len :]
            if not packet.endswith(sent) or len(packet) != PACKET_BYTES:
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
        publisher = self._stack.enter_context(_bound_socket())
        publisher.connect(floor.address)
        header = HEADER.pack(0x80, PAYLOAD_TYPE, 0, 0, SSRC)
        packet = header + _payload(VP8_DELTA, PACKET_BYTES - len(header))
        feeder = Feeder(publisher.fileno(), self.case.profile, key_in, self.case.burst)
        return Contender(self.case, floor, feeder, packet, len(header), keys_out[0])

    def _start_worker(self) -> Contender:
        case = self.case
        loop = Loop()
        self._stack.callback(loop.stop)
        _, port = loop.open_socket("127.0.0.1", 0)
        loop.start()
        publisher = self._stack.enter_context(_bound_socket())
        key_in = case.new_key()
        producer = _add_producer(
            loop, _connect(loop, ("127.0.0.1", port), publisher, case, key_in, case.new_key())
        )
        keys_out = [case.new_key() for _ in self.sinks]
        for sink, key in zip(self.sinks, keys_out, strict=True):
            transport = _connect(loop, ("127.0.0.1", port), sink, case, case.new_key(), key)
            _add_consumer(loop, transport, producer)
        publisher.connect(("127.0.0.1", port))
        header = HEADER.pack(0x90, PAYLOAD_TYPE, 0, 0, SSRC) + EXTENSIONS
        feeder = Feeder(publisher.fileno(), case.profile, key_in, case.burst)
        key_frame, delta = (
            header + _payload(start, PACKET_BYTES - len(header)) for start in (VP8_KEY_FRAME, VP8_DELTA)
        )
        feeder.feed(loop, key_frame, len(header), 1, case.consumers)
        return Contender(case, loop, feeder, delta, len(header), keys_out[0])


def _connect(loop: Loop, to: Address, peer: socket.socket, case: Case, remote: Key, local: Key) -> int:
    """A WebRTC transport whose peer has passed its ICE check and whose keys are there."""
    ufrag, password = secrets.token_hex(8).encode(), secrets.token_hex(16).encode()
    transport = loop.add_webrtc_transport(ufrag, password, secrets.randbits(32), 3_600_000_000)
    loop.set_srtp(transport, case.profile, *remote, *local)
    request = build_binding_request(ufrag + b":peer", password, priority=1, tie_breaker=1, use_candidate=True)
    peer.sendto(request, to)
    while loop.transport_state(transport)["remote"] is None:
        time.sleep(0.0001)
    return transport


def _add_producer(loop: Loop, transport: int) -> int:
    return loop.add_producer(
        transport,
        video=True,
        clock_rate=90000,
        mid="0",
        cname="publisher",
        encodings=[(SSRC, SSRC + 1, "")],
        codecs={PAYLOAD_TYPE: int(Codec.CODEC_VP8)},
        rtx={RTX_PAYLOAD_TYPE: PAYLOAD_TYPE},
        extensions={
            MID_ID: int(ExtensionKind.EXT_MID),
            ABS_SEND_TIME_ID: int(ExtensionKind.EXT_ABS_SEND_TIME),
        },
        nack=True,
        pli=True,
        fir=True,
        paused=False,
        key_frame_request_delay_us=500_000,
    )


def _add_consumer(loop: Loop, transport: int, producer: int) -> int:
    return loop.add_consumer(
        transport,
        producer,
        ssrc=SSRC,
        rtx_ssrc=SSRC + 1,
        mid="0",
        payload_types={PAYLOAD_TYPE: PAYLOAD_TYPE},
        rtx_payload_type=RTX_PAYLOAD_TYPE,
        extensions={
            int(ExtensionKind.EXT_MID): MID_ID,
            int(ExtensionKind.EXT_ABS_SEND_TIME): ABS_SEND_TIME_ID,
        },
        first_seq=1,
        first_rtx_seq=1,
        paused=False,
    )


def _payload(start: bytes, size: int) -> bytes:
    return start + secrets.token_bytes(size - len(start))


@contextmanager
def _bound_socket() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        yield udp


def _drain(udp: socket.socket) -> list[bytes]:
    """What is queued."""
    datagrams = []
    udp.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            datagrams.append(udp.recv(2048))
    return datagrams


def _allow_sockets(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + 256
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))
