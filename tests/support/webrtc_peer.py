"""A browser in little, on a real UDP socket: ICE checks, a DTLS handshake, SRTP."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from tests.sim.packets import CODECS, Rtp, parse_rtp
from vpaas_core import (
    DtlsFingerprint,
    DtlsParameters,
    RtcpFeedback,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtensionParameters,
    RtpParameters,
    RtxParameters,
    WebRtcTransport,
)
from vpaas_core._fastpath import stun
from vpaas_core._fastpath.srtp_session import SrtpError, SrtpSession
from vpaas_core.dtls import Certificate, DtlsSession

CERTIFICATE = Certificate.generate()
TIMEOUT_S = 10
OPUS = RtpCodecParameters("audio/opus", 111, 48000, 2)
VP8 = RtpCodecParameters(
    "video/VP8", 96, 90000, rtcp_feedback=[RtcpFeedback("nack"), RtcpFeedback("nack", "pli")]
)
VP8_RTX = RtpCodecParameters("video/rtx", 97, 90000, parameters={"apt": 96})
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"


def opus(ssrc: int) -> RtpParameters:
    return RtpParameters([OPUS], mid="0", encodings=[RtpEncodingParameters(ssrc=ssrc)])


def vp8(ssrc: int, mid: str = "1") -> RtpParameters:
    encoding = RtpEncodingParameters(ssrc=ssrc, rtx=RtxParameters(ssrc + 1))
    extensions = [RtpHeaderExtensionParameters(MID, 4)]
    return RtpParameters([VP8, VP8_RTX], mid=mid, encodings=[encoding], header_extensions=extensions)


class WebRtcPeer(asyncio.DatagramProtocol):
    """`join` does it all; its steps may be taken one by one. `packets` has the RTP that came, decrypted."""

    def __init__(self, transport: WebRtcTransport) -> None:
        self.transport = transport
        self.packets: asyncio.Queue[Rtp] = asyncio.Queue()
        self.session: DtlsSession | None = None
        self.inbound: SrtpSession | None = None
        self.outbound: SrtpSession | None = None
        self.refused = 0
        self.connected = asyncio.Event()
        self.checked = asyncio.Event()
        self.ended = asyncio.Event()
        self._seqs: dict[int, int] = {}
        self._socket: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    # The steps of a join

    async def open(self) -> WebRtcPeer:
        candidate = self.transport.ice_candidates[0]
        loop = asyncio.get_running_loop()
        self._socket, _ = await loop.create_datagram_endpoint(
            lambda: self, remote_addr=(candidate.address, candidate.port)
        )
        return self

    async def check(self) -> None:
        self.checked.clear()
        self.send_check()
        await asyncio.wait_for(self.checked.wait(), TIMEOUT_S)

    def send_check(self) -> None:
        ice = self.transport.ice_parameters
        username, password = ice.username_fragment.encode() + b":peer", ice.password.encode()
        self.send(
            stun.build_binding_request(username, password, priority=1, tie_breaker=2, use_candidate=True)
        )

    def start_dtls(self, role: str = "client", fingerprints: list[DtlsFingerprint] | None = None) -> None:
        self.session = DtlsSession(
            CERTIFICATE,
            role,  # type: ignore[arg-type]
            fingerprints or self.transport.dtls_parameters.fingerprints,
        )
        self.session.start()
        self._flush()

    def connect(self, role: str = "client") -> None:
        self.transport.connect(DtlsParameters(CERTIFICATE.fingerprints, role))  # type: ignore[arg-type]

    async def join(self, role: str = "client") -> WebRtcPeer:
        await self.open()
        await self.check()
        self.start_dtls(role)
        self.connect(role)
        await asyncio.wait_for(self.connected.wait(), TIMEOUT_S)
        await until(self.transport, "dtlsstatechange", lambda: self.transport.dtls_state == "connected")
        return self

    # Media

    def send_rtp(
        self, payload_type: int, ssrc: int, count: int = 1, payload: bytes = CODECS["vp8"].key
    ) -> None:
        assert self.outbound is not None
        for _ in range(count):
            seq = self._seqs.setdefault(ssrc, 1000)
            self._seqs[ssrc] += 1
            packet = Rtp(payload_type, seq, seq * 960, ssrc, payload + struct.pack("!I", seq))
            self.send(self.outbound.protect_rtp(packet.pack()))

    async def receive(self, count: int = 1) -> list[Rtp]:
        return [await asyncio.wait_for(self.packets.get(), TIMEOUT_S) for _ in range(count)]

    def send(self, data: bytes) -> None:
        assert self._socket is not None
        self._socket.sendto(data)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._socket.close()

    # What comes

    def datagram_received(self, data: bytes, _address: Any) -> None:
        if data[0] < 4:
            self.checked.set()
        elif 20 <= data[0] < 64 and self.session is not None:
            self.session.receive(data)
            self._flush()
        elif 128 <= data[0] < 192 and not 192 <= data[1] < 224 and self.inbound is not None:
            try:
                self.packets.put_nowait(parse_rtp(self.inbound.unprotect_rtp(data)))
            except SrtpError:
                self.refused += 1

    def error_received(self, _error: Exception) -> None:
        """The node is gone."""

    def _flush(self) -> None:
        assert self.session is not None
        for datagram in self.session.take_outgoing():
            self.send(datagram)
        if self.session.srtp is not None and not self.connected.is_set():
            keys = self.session.srtp
            self.outbound = SrtpSession(keys.profile, keys.local_key, keys.local_salt)
            self.inbound = SrtpSession(keys.profile, keys.remote_key, keys.remote_salt)
            self.connected.set()
        if self.session.state in ("failed", "closed"):
            self.ended.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        timeout_s = self.session.timeout_s()
        if timeout_s is not None:
            self._timer = asyncio.get_running_loop().call_later(timeout_s, self._on_timer)

    def _on_timer(self) -> None:
        assert self.session is not None
        self.session.handle_timeout()
        self._flush()


async def until(emitter: Any, event: str, condition: Callable[[], bool]) -> None:
    """Until the condition holds, looked at now and after each such event."""
    happened = asyncio.Event()
    emitter.on(event, lambda *_: happened.set())
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():
            await happened.wait()
            happened.clear()
