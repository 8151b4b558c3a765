"""A router: the producers and consumers that may be joined, on one worker."""

from __future__ import annotations

import base64
import secrets
import uuid
from typing import TYPE_CHECKING, Any

from .errors import InvalidParameters, NotFound
from .events import Emitter
from .observer import RANKED_MAX, ActiveSpeakerObserver, AudioLevelObserver, RtpObserver, check_range
from .ortc import can_consume
from .parameters import IceCandidate, RtpCapabilities
from .producer import Producer
from .slots import SpeakerSlots
from .transport.base import Transport
from .transport.plain import SUITES, PlainTransport, SrtpCryptoSuite, SrtpParameters
from .transport.webrtc import WebRtcTransport, new_ice_parameters

if TYPE_CHECKING:
    from .worker import Worker


class Router(Emitter):
    """Made by `engine.create_router`; a room usually has one."""

    EVENTS = ("close",)

    def __init__(self, worker: Worker, rtp_capabilities: RtpCapabilities) -> None:
        super().__init__()
        self.id = str(uuid.uuid4())
        self.worker = worker
        self.rtp_capabilities = rtp_capabilities
        """What clients load their device with."""
        self.closed = False
        self.transports: dict[str, Transport] = {}
        self.producers: dict[str, Producer] = {}
        self.observers: dict[str, RtpObserver] = {}
        worker.routers[self.id] = self

    def create_web_rtc_transport(self, *, app_data: Any = None) -> WebRtcTransport:
        """A path for a browser, on the worker's shared socket. Raises InvalidState when closed."""
        self.worker.check_open(self.closed)
        ice_parameters = new_ice_parameters()
        native_id = self.worker.core.add_webrtc_transport(
            ice_parameters.username_fragment.encode(),
            ice_parameters.password.encode(),
            _random_ssrc(),
            int(self.worker.config.ice_consent_timeout_s * 1e6),
        )
        addresses = self.worker.announced_addresses
        candidates = [_candidate(i, address, self.worker.port) for i, address in enumerate(addresses)]
        return WebRtcTransport(
            self, native_id, ice_parameters, candidates, self.worker.certificate(), app_data
        )

    def create_plain_transport(
        self,
        *,
        listen_ip: str | None = None,
        port: int = 0,
        rtcp_mux: bool = True,
        comedia: bool = False,
        srtp_crypto_suite: SrtpCryptoSuite | None = None,
        app_data: Any = None,
    ) -> PlainTransport:
        """A path for RTP without ICE, on sockets of its own (RTCP on the next port without `rtcp_mux`).

        Raises OSError when the address cannot be bound, InvalidParameters, InvalidState when closed.
        """
        self.worker.check_open(self.closed)
        if not 0 <= port <= 65535 - (not rtcp_mux):
            raise InvalidParameters("port", f"{port} is no port, or leaves none for RTCP")
        core = self.worker.core
        ip = listen_ip or self.worker.config.listen_ip
        native_id = core.add_plain_transport(_random_ssrc(), rtcp_mux, comedia, srtp_crypto_suite is not None)
        sockets: list[tuple[int, int]] = []
        try:
            sockets.append(core.open_socket(ip, port, native_id))
            if not rtcp_mux:
                sockets.append(core.open_socket(ip, port and port + 1, native_id))
        except OSError:
            for index, _ in sockets:
                core.close_socket(index)
            core.close_transport(native_id)
            raise
        return PlainTransport(
            self,
            native_id,
            app_data,
            sockets=sockets,
            listen_ip=ip,
            comedia=comedia,
            srtp_parameters=None if srtp_crypto_suite is None else _new_key(srtp_crypto_suite),
        )

    def can_consume(self, producer_id: str, rtp_capabilities: RtpCapabilities) -> bool:
        """Whether a peer with these capabilities can receive it. Raises NotFound, InvalidParameters."""
        producer = self.producers.get(producer_id)
        if producer is None:
            raise NotFound(f"no producer {producer_id!r} on this router")
        return can_consume(producer.consumable, rtp_capabilities)

    def create_audio_level_observer(
        self, *, max_entries: int = 1, threshold: int = -80, interval_ms: int = 1000
    ) -> AudioLevelObserver:
        """Tells of the `max_entries` loudest above `threshold` dBov.

        Raises InvalidParameters, InvalidState when closed.
        """
        self.worker.check_open(self.closed)
        return AudioLevelObserver(self, max_entries=max_entries, threshold=threshold, interval_ms=interval_ms)

    def create_active_speaker_observer(
        self, *, interval_ms: int = 300, ranked: int = 10
    ) -> ActiveSpeakerObserver:
        """Tells who speaks; `ranked`: at most so many. Raises InvalidParameters, InvalidState when closed."""
        self.worker.check_open(self.closed)
        return ActiveSpeakerObserver(self, interval_ms=interval_ms, ranked=ranked)

    def create_speaker_slots(self, *, audio: int = 3, video: int = 9) -> SpeakerSlots:
        """Slots that follow the active speakers: at most so many a viewer.

        Raises InvalidParameters, InvalidState when closed.
        """
        check_range("audio", audio, 0, RANKED_MAX - 1)
        check_range("video", video, 0, RANKED_MAX - 1)
        observer = self.create_active_speaker_observer(ranked=audio + 1)  # who speaks hears the others
        return SpeakerSlots(observer, audio=audio, video=video)

    def close(self) -> None:
        """Close it with all its transports and observers. Closing twice does nothing."""
        if self.closed:
            return
        self.closed = True
        for observer in list(self.observers.values()):
            observer.close()
        for transport in list(self.transports.values()):
            transport.close()
        self.worker.routers.pop(self.id, None)
        self._emit("close")


def _candidate(index: int, address: str, port: int) -> IceCandidate:
    """A host candidate; the first address is preferred (RFC 8445 §5.1.2.1)."""
    return IceCandidate(
        foundation=str(index + 1),
        priority=(126 << 24) | ((65535 - index) << 8) | 255,
        ip=address,
        address=address,
        protocol="udp",
        port=port,
        type="host",
    )


def _random_ssrc() -> int:
    return secrets.randbelow(0xFFFFFFFF) + 1


def _new_key(suite: SrtpCryptoSuite) -> SrtpParameters:
    size = SUITES[suite].key_bytes + SUITES[suite].salt_bytes
    return SrtpParameters(suite, base64.b64encode(secrets.token_bytes(size)).decode())
