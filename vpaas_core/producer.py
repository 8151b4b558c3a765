"""A stream that a peer sends to a router."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .errors import InvalidState
from .events import Emitter
from .ortc import RtpMapping, consumer_payload_types
from .parameters import MediaKind, ProducerScore, RtpEncodingParameters, RtpParameters, VideoOrientation
from .stats import Stats, entry

if TYPE_CHECKING:
    from .consumer import Consumer
    from .observer import RtpObserver
    from .router import Router
    from .transport.base import Transport

ProducerType = Literal["simple", "simulcast", "svc"]


class Producer(Emitter):
    """Made by `transport.produce`."""

    EVENTS = ("close", "transportclose", "score", "wantedlayers", "videoorientationchange")

    def __init__(
        self,
        producer_id: str,
        transport: Transport,
        kind: MediaKind,
        rtp_parameters: RtpParameters,
        mapping: RtpMapping,
        consumable: RtpParameters,
        native_id: int,
        *,
        paused: bool,
        app_data: Any,
    ) -> None:
        super().__init__()
        self.id = producer_id
        self.kind = kind
        self.rtp_parameters = rtp_parameters
        self.mapping = mapping
        self.consumable = consumable
        """What consumers of it are made from: the router's payload types, SSRCs and extension ids."""
        self.app_data = app_data
        self.paused = paused
        self.closed = False
        self.consumers: set[Consumer] = set()
        self.observers: set[RtpObserver] = set()
        self.native_id = native_id
        self.score = _scores(rtp_parameters, bytes([10] * max(1, len(rtp_parameters.encodings))))
        self.wanted_layers = list(range(max(1, len(rtp_parameters.encodings))))
        """Spatial layers, or simulcast encodings by index, that some viewer wants; nobody misses others."""
        self._transport = transport
        transport.router.worker.producers[native_id] = self

    @property
    def router(self) -> Router:
        return self._transport.router

    @property
    def type(self) -> ProducerType:
        encodings = self.rtp_parameters.encodings
        if len(encodings) > 1:
            return "simulcast"
        mode = encodings[0].scalability_mode if encodings else None
        return "svc" if mode and mode not in ("L1T1", "S1T1") else "simple"

    def payload_types(self, consumer: RtpParameters) -> dict[int, int]:
        """Its own payload types -> those of such a consumer. Empty: that can take none of its codecs."""
        return consumer_payload_types(self.mapping, self.consumable, consumer)

    def pause(self) -> None:
        """Forward nothing to anyone until `resume`. Raises InvalidState when closed."""
        self._set_paused(True)

    def resume(self) -> None:
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        self._check_open()
        if paused == self.paused:
            return
        self.paused = paused
        self._transport.core.pause_producer(self.native_id, paused)
        for consumer in list(self.consumers):
            consumer.producer_changed()

    def get_stats(self) -> list[Stats]:
        """One inbound-rtp entry an encoding. Times in seconds."""
        self._check_open()
        return [
            entry("inbound-rtp", f"{self.id}-{index}", {"kind": self.kind, **values})
            for index, values in enumerate(self._transport.core.producer_stats(self.native_id))
        ]

    def on_scores(self, scores: bytes) -> None:
        """Scores from the worker, one an encoding."""
        self.score = _scores(self.rtp_parameters, scores)
        self._emit("score", self.score)
        for consumer in list(self.consumers):
            consumer.producer_score_changed()

    def on_wanted_layers(self, mask: int) -> None:
        """Wanted layers from the worker, one a bit."""
        self.wanted_layers = [layer for layer in range(mask.bit_length()) if mask >> layer & 1]
        self._emit("wantedlayers", self.wanted_layers)

    def on_orientation(self, value: int) -> None:
        """The byte of 3GPP TS 26.114 §7.4.5, as the worker saw it change."""
        # It tells how the picture is turned; "rotation" is the turn that is to undo it.
        turn = VideoOrientation(bool(value & 8), bool(value & 4), (value & 3) * 90)
        self._emit("videoorientationchange", turn)

    def close(self) -> None:
        """End it, and with it all its consumers. Closing twice does nothing."""
        if not self.closed:
            if not self._transport.closed:
                self._transport.core.close_producer(self.native_id)
            self._closed("close")

    def transport_closed(self) -> None:
        if not self.closed:
            self._closed("transportclose")

    def _closed(self, event: str) -> None:
        """Callbacks come last: whatever they close or ask for finds this one gone."""
        self.closed = True
        self._transport.producers.pop(self.id, None)
        self._transport.router.worker.producers.pop(self.native_id, None)
        self._transport.router.producers.pop(self.id, None)
        for observer in self.observers:
            observer.producer_left(self)
        for consumer in list(self.consumers):
            consumer.producer_closed()
        self._emit(event)

    def _check_open(self) -> None:
        if self.closed or self._transport.closed:
            raise InvalidState(f"producer {self.id} is closed")


def _scores(parameters: RtpParameters, scores: bytes) -> list[ProducerScore]:
    encodings = parameters.encodings or [RtpEncodingParameters()]
    return [
        ProducerScore(index, encoding.ssrc, encoding.rid, score)
        for index, (encoding, score) in enumerate(zip(encodings, scores, strict=True))
    ]
