"""The data of every request, answer and notification of the room protocol."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

from vpaas_api import limits
from vpaas_api.auth import Permissions
from vpaas_core import (
    DtlsParameters,
    IceCandidate,
    IceParameters,
    MediaKind,
    ProducerScore,
    RtpCapabilities,
    RtpParameters,
)

Id = Annotated[str, Meta(min_length=1, max_length=100)]
Source = Literal["microphone", "camera", "screen", "screenAudio"]
KIND_OF_SOURCE: dict[Source, MediaKind] = {
    "microphone": "audio",
    "camera": "video",
    "screen": "video",
    "screenAudio": "audio",
}


class _Request(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    pass


class _Answer(Struct, frozen=True, rename="camel"):
    pass


class Nothing(_Request, frozen=True):
    pass


class Join(_Request, frozen=True):
    rtp_capabilities: RtpCapabilities
    display_name: Annotated[str, Meta(max_length=limits.DISPLAY_NAME_CHARS)] = ""
    device: dict[str, Any] | None = None


class CreateTransport(_Request, frozen=True):
    direction: Literal["send", "recv"]


class ConnectTransport(_Request, frozen=True):
    transport_id: Id
    dtls_parameters: DtlsParameters


class OfTransport(_Request, frozen=True):
    transport_id: Id


class Produce(_Request, frozen=True):
    transport_id: Id
    kind: MediaKind
    rtp_parameters: RtpParameters
    source: Source
    paused: bool = False
    app_data: Raw = Raw(b"{}")


class OfProducer(_Request, frozen=True):
    producer_id: Id


class Consume(_Request, frozen=True):
    transport_id: Id
    producer_id: Id
    rtp_capabilities: RtpCapabilities | None = None
    paused: bool = True


class OfConsumer(_Request, frozen=True):
    consumer_id: Id


class PreferLayers(_Request, frozen=True):
    consumer_id: Id
    spatial_layer: Annotated[int, Meta(ge=0, lt=limits.SPATIAL_LAYERS_MAX)]
    temporal_layer: Annotated[int, Meta(ge=0, lt=limits.TEMPORAL_LAYERS_MAX)] | None = None


class SwitchConsumer(_Request, frozen=True):
    consumer_id: Id
    producer_id: Id | None


class OpenSlots(_Request, frozen=True):
    transport_id: Id
    audio: Annotated[int, Meta(ge=0, le=limits.AUDIO_SLOTS_MAX)]
    video: Annotated[int, Meta(ge=0, le=limits.VIDEO_SLOTS_MAX)]
    follow: bool
    paused: bool = True


class RoomInfo(_Answer, frozen=True):
    id: str
    name: str


class ProducerInfo(_Answer, frozen=True):
    id: str
    kind: MediaKind
    source: Source
    paused: bool


class PeerInfo(_Answer, frozen=True):
    id: str
    display_name: str
    producers: list[ProducerInfo]


class Joined(_Answer, frozen=True):
    participant_id: str
    room: RoomInfo
    permissions: Permissions
    peers: list[PeerInfo]


class TransportCreated(_Answer, frozen=True):
    id: str
    ice_parameters: IceParameters
    ice_candidates: list[IceCandidate]
    dtls_parameters: DtlsParameters


class IceRestarted(_Answer, frozen=True):
    ice_parameters: IceParameters


class Produced(_Answer, frozen=True):
    id: str


class Consumed(_Answer, frozen=True):
    id: str
    producer_id: str
    peer_id: str
    kind: MediaKind
    rtp_parameters: RtpParameters
    type: str
    producer_paused: bool
    source: Source


class Slot(_Answer, frozen=True):
    """A consumer whose source changes. Its last four say whose turn it is; null: nobody's."""

    id: str
    kind: MediaKind
    rtp_parameters: RtpParameters
    type: str
    producer_id: str | None
    peer_id: str | None
    source: Source | None
    scalability_mode: str | None


class SlotsOpened(_Answer, frozen=True):
    slots: list[Slot]


class PeerJoined(_Answer, frozen=True):
    id: str
    display_name: str


class PeerLeft(_Answer, frozen=True):
    id: str
    reason: str


class ProducerAdded(_Answer, frozen=True):
    peer_id: str
    id: str
    kind: MediaKind
    source: Source
    paused: bool


class ProducerChanged(_Answer, frozen=True):
    peer_id: str
    id: str


class ConsumerChanged(_Answer, frozen=True):
    consumer_id: str
    reason: str


class LayersChanged(_Answer, frozen=True):
    """Both null: nothing is sent."""

    consumer_id: str
    spatial_layer: int | None
    temporal_layer: int | None


class ConsumerScored(_Answer, frozen=True):
    consumer_id: str
    score: int
    producer_score: int
    producer_scores: list[int]


class ProducerScored(_Answer, frozen=True):
    producer_id: str
    scores: list[ProducerScore]


class WantedLayers(_Answer, frozen=True):
    producer_id: str
    layers: list[int]


class SlotChanged(_Answer, frozen=True):
    consumer_id: str
    producer_id: str | None
    peer_id: str | None
    source: Source | None
    scalability_mode: str | None


class ActiveSpeaker(_Answer, frozen=True):
    peer_id: str | None


class RoomClosed(_Answer, frozen=True):
    reason: str
