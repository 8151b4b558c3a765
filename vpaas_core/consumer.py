"""A stream on its way from a producer to one peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .errors import InvalidState
from .events import Emitter
from .parameters import MediaKind, RtpParameters
from .stats import Stats, entry

if TYPE_CHECKING:
    from .producer import Producer
    from .transport.base import Transport

ConsumerType = Literal["simple", "simulcast", "svc"]


class Consumer(Emitter):
    """Made by `transport.consume`. Video starts, and goes on after a pause, with a key frame."""

    EVENTS = ("close", "transportclose", "producerclose", "producerpause", "producerresume")

    def __init__(
        self,
        consumer_id: str,
        transport: Transport,
        producer: Producer,
        rtp_parameters: RtpParameters,
        native_id: int,
        *,
        paused: bool,
        app_data: Any,
    ) -> None:
        super().__init__()
        self.id = consumer_id
        self.kind: MediaKind = producer.kind
        self.type: ConsumerType = producer.type
        self.rtp_parameters = rtp_parameters
        self.app_data = app_data
        self.closed = False
        self.paused = paused
        self._transport = transport
        self._producer = producer
        self._native_id = native_id
        producer.consumers.add(self)

    @property
    def producer_id(self) -> str:
        return self._producer.id

    @property
    def producer_paused(self) -> bool:
        return self._producer.paused

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
        self._end("producerclose")

    def producer_changed(self) -> None:
        self._emit("producerpause" if self._producer.paused else "producerresume")

    def _end(self, event: str) -> None:
        if self.closed:
            return
        self.closed = True
        if not self._transport.closed:
            self._transport.core.close_consumer(self._native_id)
        self._producer.consumers.discard(self)
        self._transport.consumers.pop(self.id, None)
        self._emit(event)

    def _check_open(self) -> None:
        if self.closed or self._transport.closed:
            raise InvalidState(f"consumer {self.id} is closed")
