"""RTP, ICE and DTLS parameters, in the JSON shapes of mediasoup v3.

Python names are snake_case, JSON is camelCase (`msgspec.json.encode`, `msgspec.convert`). Fields that are
None are left out of the JSON; every other field is there, because clients differ in what they default.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, Literal

from msgspec import Struct, field

MediaKind = Literal["audio", "video"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
DtlsRole = Literal["auto", "client", "server"]
Fmtp = dict[str, str | int | float]
"""Codec parameters (`a=fmtp`); numbers stay numbers."""


def _always(value: Any) -> Any:
    """Default that is written to JSON too: omit_defaults leaves out constants and plain list and dict."""
    factory: Callable[[], Any] = lambda: copy(value)  # noqa: E731
    return field(default_factory=factory)


class _Parameters(Struct, frozen=True, rename="camel", omit_defaults=True):
    pass


class RtcpFeedback(_Parameters, frozen=True):
    type: str
    parameter: str = _always("")


class RtpCodecCapability(_Parameters, frozen=True):
    kind: MediaKind
    mime_type: str
    """"audio/opus", "video/VP8"; compared without case."""
    clock_rate: int
    """Hz."""
    channels: int | None = None
    """Audio only."""
    preferred_payload_type: int | None = None
    """Chosen by the router when None."""
    parameters: Fmtp = _always({})
    rtcp_feedback: list[RtcpFeedback] = _always([])


class RtpHeaderExtension(_Parameters, frozen=True):
    kind: MediaKind
    uri: str
    preferred_id: int
    preferred_encrypt: bool = _always(False)
    direction: Direction = _always("sendrecv")
    """As the holder of the capabilities sees it: the router's "recvonly" is what peers may send to it."""


class RtpCapabilities(_Parameters, frozen=True):
    codecs: list[RtpCodecCapability] = _always([])
    header_extensions: list[RtpHeaderExtension] = _always([])


class RtpCodecParameters(_Parameters, frozen=True):
    mime_type: str
    payload_type: int
    clock_rate: int
    """Hz."""
    channels: int | None = None
    parameters: Fmtp = _always({})
    rtcp_feedback: list[RtcpFeedback] = _always([])


class RtpHeaderExtensionParameters(_Parameters, frozen=True):
    uri: str
    id: int
    encrypt: bool = _always(False)
    parameters: Fmtp = _always({})


class RtxParameters(_Parameters, frozen=True):
    ssrc: int


class RtpEncodingParameters(_Parameters, frozen=True):
    """One stream. With neither ssrc nor rid it is found by MID or payload type (RFC 9143 §9.2)."""

    ssrc: int | None = None
    rid: str | None = None
    codec_payload_type: int | None = None
    rtx: RtxParameters | None = None
    dtx: bool | None = None
    scalability_mode: str | None = None
    """"L1T3", "S3T3", "L3T3_KEY"."""
    scale_resolution_down_by: float | None = None
    max_bitrate: int | None = None
    """bit/s."""
    active: bool | None = None


class RtcpParameters(_Parameters, frozen=True):
    cname: str | None = None
    reduced_size: bool = _always(True)
    mux: bool = _always(True)


class RtpParameters(_Parameters, frozen=True):
    codecs: list[RtpCodecParameters]
    mid: str | None = None
    header_extensions: list[RtpHeaderExtensionParameters] = _always([])
    encodings: list[RtpEncodingParameters] = _always([])
    rtcp: RtcpParameters = field(default_factory=lambda: RtcpParameters())
    msid: str | None = None
    """"<stream id> <track id>" (RFC 8830)."""


class IceParameters(_Parameters, frozen=True):
    username_fragment: str
    password: str
    ice_lite: bool = _always(True)


class IceCandidate(_Parameters, frozen=True):
    foundation: str
    priority: int
    ip: str
    address: str
    """Same as `ip`; older clients read `ip`, newer ones `address`."""
    protocol: Literal["udp", "tcp"]
    port: int
    type: Literal["host", "srflx", "prflx", "relay"]
    tcp_type: Literal["active", "passive", "so"] | None = None


class DtlsFingerprint(_Parameters, frozen=True):
    algorithm: str
    """"sha-256"."""
    value: str
    """Upper case hexadecimal bytes with colons."""


class DtlsParameters(_Parameters, frozen=True):
    fingerprints: list[DtlsFingerprint]
    role: DtlsRole = _always("auto")
    """Of the side whose fingerprints these are."""


class ConsumerLayers(_Parameters, frozen=True):
    """Of a simulcast producer `spatial_layer` counts its encodings, the smallest is 0."""

    spatial_layer: int
    temporal_layer: int | None = None
    """None: all there are."""


class ProducerScore(_Parameters, frozen=True):
    """How well one encoding arrives: 10 is whole, 0 nothing."""

    encoding_idx: int
    ssrc: int | None
    rid: str | None
    score: int


class ConsumerScore(_Parameters, frozen=True):
    score: int
    """How well it gets to its viewer, 0 to 10."""
    producer_score: int
    """How well the encoding it is made from arrives here."""
    producer_scores: list[int] = _always([])
    """Of all the producer's encodings."""


class VideoOrientation(_Parameters, frozen=True):
    """How a camera is held (3GPP TS 26.114 §7.4.5)."""

    camera: bool
    """It looks away from its user."""
    flip: bool
    rotation: int
    """Degrees by which the picture is to be turned clockwise: 0, 90, 180 or 270."""
