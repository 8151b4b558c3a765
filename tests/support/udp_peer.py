"""A peer on a real UDP socket for a Loop or an Engine: STUN, SRTP by keys that are simply set."""

import itertools
import os
import socket
import struct
from types import TracebackType

from tests.sim.packets import CODECS, Rtp
from vpaas_core._fastpath import stun
from vpaas_core._fastpath.loop import Loop
from vpaas_core._fastpath.srtp_session import SrtpSession

PROFILE, KEY_BYTES, SALT_BYTES = 7, 16, 12
SOL_UDP, UDP_SEGMENT, UDP_GRO = 17, 103, 104
TIMEOUT_S = 5

_numbers = itertools.count(1)


def add_producer(loop: Loop, transport: int, ssrc: int, codec: str = "opus") -> int:
    return loop.add_producer(
        transport,
        video=CODECS[codec].video,
        clock_rate=CODECS[codec].clock_rate,
        mid="",
        cname="",
        encodings=[(ssrc, 0, "")],
        codecs={96: CODECS[codec].code},
        rtx={},
        extensions={},
        nack=False,
        pli=True,
        fir=False,
        paused=False,
        key_frame_request_delay_us=100_000,
    )


class UdpPeer:
    """Connected and keyed when made. `receive` waits; everything closes with the `with` block."""

    def __init__(self, loop: Loop, port: int, host: str = "127.0.0.1") -> None:
        self.loop, self.node, self.number = loop, (host, port), next(_numbers)
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.bind((host, 0))
        self.ufrag, self.pwd = f"user{self.number:06}".encode(), b"password-of-22-bytes-or-more"
        self.transport = loop.add_webrtc_transport(self.ufrag, self.pwd, 1000 + self.number, 30_000_000)
        theirs, ours = os.urandom(KEY_BYTES + SALT_BYTES), os.urandom(KEY_BYTES + SALT_BYTES)
        self.inbound = SrtpSession(PROFILE, theirs[:KEY_BYTES], theirs[KEY_BYTES:])
        self.outbound = SrtpSession(PROFILE, ours[:KEY_BYTES], ours[KEY_BYTES:])
        self.check()
        keys = (ours[:KEY_BYTES], ours[KEY_BYTES:], theirs[:KEY_BYTES], theirs[KEY_BYTES:])
        loop.set_srtp(self.transport, PROFILE, *keys)

    def check(self) -> None:
        request = stun.build_binding_request(
            self.ufrag + b":me", self.pwd, priority=1, tie_breaker=1, use_candidate=True
        )
        self.socket.sendto(request, self.node)
        assert stun.parse(self.socket.recv(2048)).mapped_address == self.socket.getsockname()[:2]

    def produce(self, ssrc: int, codec: str = "opus") -> int:
        return add_producer(self.loop, self.transport, ssrc, codec)

    def consume(self, producer: int, ssrc: int) -> int:
        return self.loop.add_consumer(
            self.transport,
            producer,
            ssrc=ssrc,
            rtx_ssrc=0,
            mid="",
            payload_types={96: 110},
            rtx_payload_type=None,
            extensions={},
            first_seq=100,
            first_rtx_seq=1,
            paused=False,
        )

    def protect(self, ssrc: int, seqs: range, size: int = 1000) -> list[bytes]:
        payload = CODECS["vp8"].key + bytes(size - 6)
        return [
            self.outbound.protect_rtp(Rtp(96, seq, seq * 960, ssrc, payload + struct.pack("!I", seq)).pack())
            for seq in seqs
        ]

    def send(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self.socket.sendto(datagram, self.node)

    def send_segmented(self, datagrams: list[bytes]) -> None:
        """One message of the kernel's UDP segmentation; all but the last have the same size."""
        segment = struct.pack("H", len(datagrams[0]))
        self.socket.sendmsg([b"".join(datagrams)], [(SOL_UDP, UDP_SEGMENT, segment)], 0, self.node)

    def receive(self) -> tuple[int, bytes]:
        """Sequence number and payload of the next RTP packet; RTCP is passed over."""
        while True:
            data = self.socket.recv(65536)
            if data[0] >> 6 == 2 and not 192 <= data[1] < 224:
                packet = self.inbound.unprotect_rtp(data)
                return int.from_bytes(packet[2:4]), packet[12:]

    def __enter__(self) -> "UdpPeer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()
