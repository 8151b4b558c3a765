"""A stream on its way from a producer to one peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .errors import InvalidParameters, InvalidState, Unsupported
from .events import Emitter
from .parameters import ConsumerLayers, ConsumerScore, MediaKind, RtpParameters
from .stats import Stats, entry

if TYPE_CHECKING:
    from .producer import Producer
    from .transport.base import Transport

ConsumerType = Literal["simple", "simulcast", "svc", "slot"]

LAYER_MAX = 7
"""Asks for all there are; no codec has more."""

NO_LAYERS = 0xFFFF


class Consumer(Emitter):
    """Made by `transport.consume`. Video starts, and goes on after a pause, with a key frame."""

    EVENTS = (
        "close",
        "transportclose",
        "producerclose",
        "producerpause",
        "producerresume",
        "producerchange",
        "layerschange",
        "score",
    )

    def __init__(
        self,
        consumer_id: str,
        transport: Transport,
        producer: Producer | None,
        kind: MediaKind,
        rtp_parameters: RtpParameters,
        native_id: int,
        *,
        paused: bool,
        app_data: Any,
    ) -> None:
        super().__init__()
        self.id = consumer_id
        self.kind: MediaKind = kind
        self.type: ConsumerType = "slot" if producer is None else producer.type
        self.rtp_parameters = rtp_parameters
        self.app_data = app_data
        self.closed = False
        self.paused = paused
        self.preferred_layers: ConsumerLayers | None = None
        """None: all there are."""
        self.current_layers: ConsumerLayers | None = None
        """What the peer is sent; None while it is sent nothing, and of audio."""
        self._transport = transport
        self._producer = producer
        self._native_id = native_id
        self._score = 10
        transport.router.worker.consumers[native_id] = self
        if producer is not None:
            producer.consumers.add(self)

    @property
    def producer_id(self) -> str | None:
        """None: a slot that nobody fills."""
        return None if self._producer is None else self._producer.id

    @property
    def producer_paused(self) -> bool:
        return self._producer is not None and self._producer.paused

    @property
    def score(self) -> ConsumerScore:
        """How well its packets get through: to here, and from here to the peer."""
        scores = [] if self._producer is None else [each.score for each in self._producer.score]
        layers = self.current_layers
        current = layers.spatial_layer if layers is not None and len(scores) > 1 else 0
        return ConsumerScore(self._score, scores[min(current, len(scores) - 1)] if scores else 0, scores)

    def pause(self) -> None:
        """Stop sending until `resume`. Raises InvalidState when closed."""
        self._set_paused(True)

    def resume(self) -> None:
        """Send (again): sequence numbers go on without a gap, timestamps with the time that has passed."""
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        self._check_open()
        if paused != self.paused:
            self.paused = paused
            self._transport.core.pause_consumer(self._native_id, paused)

    def set_preferred_layers(self, spatial_layer: int, temporal_layer: int | None = None) -> None:
        """The highest layers the peer wants; it gets them as soon as they come, with no freeze till then.

        Raises InvalidParameters for a negative one, InvalidState when closed.
        """
        self._check_open()
        for name, layer in (("spatialLayer", spatial_layer), ("temporalLayer", temporal_layer)):
            if layer is not None and layer < 0:
                raise InvalidParameters(name, f"{layer} is negative")
        self.preferred_layers = ConsumerLayers(spatial_layer, temporal_layer)
        temporal = LAYER_MAX if temporal_layer is None else min(temporal_layer, LAYER_MAX)
        self._transport.core.set_preferred_layers(self._native_id, min(spatial_layer, LAYER_MAX), temporal)

    def switch_to(self, producer: Producer | None) -> None:
        """Another source under the same SSRC, with numbers and timestamps that go on; None: nothing is sent.

        Video goes on with a key frame of the new one: at once when one is kept, else with the next.
        Raises InvalidParameters for another kind, Unsupported for a codec not negotiated, InvalidState.
        """
        self._check_open()
        if producer is self._producer:
            return
        payload_types = self._payload_types_of(producer)
        native_id = None if producer is None else producer.native_id
        self._transport.core.switch_consumers([self._native_id], native_id, [payload_types])
        if self._producer is not None:
            self._producer.consumers.discard(self)
        self._producer = producer
        if producer is not None:
            producer.consumers.add(self)
        self._emit("producerchange", producer)

    def _payload_types_of(self, producer: Producer | None) -> dict[int, int]:
        if producer is None:
            return {}
        if producer.closed or producer.router is not self._transport.router:
            raise InvalidState(f"producer {producer.id} is closed, or on another router")
        if producer.kind != self.kind:
            raise InvalidParameters("producer", f"is {producer.kind}, the consumer {self.kind}")
        payload_types = producer.payload_types(self.rtp_parameters)
        if not payload_types:
            raise Unsupported("the consumer has none of the producer's codecs")
        return payload_types

    def request_key_frame(self) -> None:
        """Ask the publisher for a key frame, within the producer's `key_frame_request_delay_ms`."""
        self._check_open()
        self._transport.core.request_key_frame(self._native_id)

    def get_stats(self) -> list[Stats]:
        """One outbound-rtp entry; loss, jitter and round trip are the viewer's reports. Times in seconds."""
        self._check_open()
        values = self._transport.core.consumer_stats(self._native_id)
        return [entry("outbound-rtp", self.id, {"kind": self.kind, **values})]

    def close(self) -> None:
        """Stop for good. Closing twice does nothing."""
        self._end("close")

    def transport_closed(self) -> None:
        self._end("transportclose")

    def producer_closed(self) -> None:
        """The end of a consumer made for this producer; a slot only becomes empty."""
        if self.type == "slot":
            self._producer = None
            self._emit("producerchange", None)
        else:
            self._end("producerclose")

    def producer_changed(self) -> None:
        self._emit("producerpause" if self.producer_paused else "producerresume")

    def producer_score_changed(self) -> None:
        self._emit("score", self.score)

    def on_layers(self, value: int) -> None:
        """Layers from the worker: spatial << 8 | temporal."""
        self.current_layers = None if value == NO_LAYERS else ConsumerLayers(value >> 8, value & 0xFF)
        self._emit("layerschange", self.current_layers)

    def on_score(self, score: int) -> None:
        """A score from the worker."""
        self._score = score
        self._emit("score", self.score)

    def _end(self, event: str) -> None:
        if self.closed:
            return
        self.closed = True
        if not self._transport.closed:
            self._transport.core.close_consumer(self._native_id)
        if self._producer is not None:
            self._producer.consumers.discard(self)
        self._transport.consumers.pop(self.id, None)
        self._transport.router.worker.consumers.pop(self._native_id, None)
        self._emit(event)

    def _check_open(self) -> None:
        if self.closed or self._transport.closed:
            raise InvalidState(f"consumer {self.id} is closed")
