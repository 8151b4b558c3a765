"""An RTP forwarding engine (an SFU): ICE-lite, DTLS and SRTP of its own, packets that never wait for Python.

    async with Engine() as engine:
        router = engine.create_router()
        transport = router.create_web_rtc_transport()

Names and JSON shapes are mediasoup v3's, so that its clients work unmodified.
"""

from .config import Config
from .consumer import Consumer
from .engine import Engine
from .errors import InvalidParameters, InvalidState, NotFound, ResourceLimit, Unsupported, VpaasError
from .observer import ActiveSpeakerObserver, AudioLevelObserver, RtpObserver, Volume
from .parameters import (
    ConsumerLayers,
    ConsumerScore,
    DtlsFingerprint,
    DtlsParameters,
    IceCandidate,
    IceParameters,
    MediaKind,
    ProducerScore,
    RtcpFeedback,
    RtcpParameters,
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtension,
    RtpHeaderExtensionParameters,
    RtpParameters,
    RtxParameters,
    VideoOrientation,
)
from .producer import Producer
from .router import Router
from .slots import SpeakerSlots
from .transport import PlainTransport, Transport, WebRtcTransport
from .transport.plain import SrtpParameters
from .worker import Worker

__all__ = [
    "ActiveSpeakerObserver",
    "AudioLevelObserver",
    "Config",
    "Consumer",
    "ConsumerLayers",
    "ConsumerScore",
    "DtlsFingerprint",
    "DtlsParameters",
    "Engine",
    "IceCandidate",
    "IceParameters",
    "InvalidParameters",
    "InvalidState",
    "MediaKind",
    "NotFound",
    "PlainTransport",
    "Producer",
    "ProducerScore",
    "ResourceLimit",
    "Router",
    "RtcpFeedback",
    "RtcpParameters",
    "RtpCapabilities",
    "RtpCodecCapability",
    "RtpCodecParameters",
    "RtpEncodingParameters",
    "RtpHeaderExtension",
    "RtpHeaderExtensionParameters",
    "RtpObserver",
    "RtpParameters",
    "RtxParameters",
    "SpeakerSlots",
    "SrtpParameters",
    "Transport",
    "Unsupported",
    "VideoOrientation",
    "Volume",
    "VpaasError",
    "WebRtcTransport",
    "Worker",
]
