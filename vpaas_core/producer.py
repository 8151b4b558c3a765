"""A stream that a peer sends to a router."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .errors import InvalidState
from .events import Emitter
from .ortc import RtpMapping
from .parameters import MediaKind, RtpParameters
from .stats import Stats, entry

if TYPE_CHECKING:
    from .consumer import Consumer
    from .transport.base import Transport

ProducerType = Literal["simple", "simulcast", "svc"]


class Producer(Emitter):
    """Made by `transport.produce`."""

    EVENTS = ("close", "transportclose")

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
        self.native_id = native_id
        self._transport = transport

    @property
    def type(self) -> ProducerType:
        encodings = self.rtp_parameters.encodings
        if len(encodings) > 1:
            return "simulcast"
        mode = encodings[0].scalability_mode if encodings else None
        return "svc" if mode and mode not in ("L1T1", "S1T1") else "simple"

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
        self._transport.router.producers.pop(self.id, None)
        for consumer in list(self.consumers):
            consumer.producer_closed()
        self._emit(event)

    def _check_open(self) -> None:
        if self.closed or self._transport.closed:
            raise InvalidState(f"producer {self.id} is closed")
