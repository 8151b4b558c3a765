"""What one signalling socket, or one WHIP or WHEP session, holds in a room and in the engine."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from msgspec import Struct

from vpaas_api import limits
from vpaas_api.auth import Grant
from vpaas_api.errors import ApiError, FieldError
from vpaas_api.signaling import framing, messages
from vpaas_api.signaling.framing import Closing
from vpaas_api.signaling.room import Published, Room
from vpaas_core import (
    Consumer,
    ConsumerLayers,
    ConsumerScore,
    MediaKind,
    Producer,
    ProducerScore,
    RtpCapabilities,
    RtpParameters,
    VpaasError,
    WebRtcTransport,
)
from vpaas_core.slots import Viewer

Kind = Literal["signaling", "whip", "whep"]
Direction = Literal["send", "recv"]
T = TypeVar("T")


class Connection:
    """One way a participant is connected. Closing it leaves nothing behind, whatever it was doing.

    `send` takes an encoded notification; `on_close` is called once, when the connection is already empty.
    """

    def __init__(
        self,
        room: Room,
        grant: Grant,
        kind: Kind,
        *,
        send: Callable[[str], None],
        on_close: Callable[[Closing], None],
    ) -> None:
        self.room = room
        self.kind = kind
        self.send = send
        self.joined = False
        self.closed = False
        self.rtp_capabilities: RtpCapabilities | None = None
        """What this side can receive, as it said on joining."""
        self.transports: dict[str, WebRtcTransport] = {}
        self.producers: dict[str, Producer] = {}
        self.consumers: dict[str, Consumer] = {}
        self.slots: dict[str, bool] = {}
        """Those of the consumers that are slots: whether they follow the speakers."""
        self._viewer: Viewer | None = None
        self._on_close = on_close
        if kind == "signaling":
            self._replace_previous(grant)
        self.peer = room.enter(self, grant)

    def create_transport(self, direction: Direction) -> WebRtcTransport:
        permissions = self.peer.permissions
        if not (permissions.can_publish if direction == "send" else permissions.can_subscribe):
            raise ApiError("forbidden", f"The token does not permit to {direction} media")
        if len(self.transports) >= limits.TRANSPORTS_PER_CONNECTION:
            raise ApiError(
                "too_many", f"A connection has at most {limits.TRANSPORTS_PER_CONNECTION} transports"
            )
        transport = self.room.router.create_web_rtc_transport(app_data={"direction": direction})
        self.transports[transport.id] = transport
        transport.on("close", lambda: self._forget_transport(transport.id))
        return transport

    def transport(self, transport_id: str, direction: Direction | None = None) -> WebRtcTransport:
        transport = _find(self.transports, transport_id, "transport", "transportId")
        if direction and transport.app_data["direction"] != direction:
            raise ApiError("conflict", f"Transport {transport_id} was not made to {direction} media")
        return transport

    def produce(
        self,
        transport: WebRtcTransport,
        kind: MediaKind,
        rtp_parameters: RtpParameters,
        source: messages.Source,
        *,
        paused: bool = False,
        app_data: Any = None,
    ) -> Producer:
        if messages.KIND_OF_SOURCE[source] != kind:
            raise ApiError("invalid_request", errors=[FieldError("source", f"{source} is not {kind}")])
        if sum(len(other.producers) for other in self.peer.connections) >= limits.PRODUCERS_PER_PARTICIPANT:
            raise ApiError(
                "too_many", f"A participant has at most {limits.PRODUCERS_PER_PARTICIPANT} producers"
            )
        producer = transport.produce(
            kind=kind, rtp_parameters=rtp_parameters, paused=paused, app_data=app_data
        )
        self.producers[producer.id] = producer
        for event in ("close", "transportclose"):
            producer.on(event, lambda: self._forget_producer(producer.id))
        self.room.publish(Published(producer, self.peer, source))
        self._follow_producer(producer)
        return producer

    def _follow_producer(self, producer: Producer) -> None:
        """Its publisher hears how well it gets here and, of video, which layers anybody wants."""

        def tell_score(scores: list[ProducerScore]) -> None:
            self._tell("producerScore", messages.ProducerScored(producer.id, scores))

        def tell_wanted(layers: list[int]) -> None:
            self._tell("wantedLayers", messages.WantedLayers(producer.id, layers))

        producer.on("score", tell_score)
        if producer.kind == "video":
            producer.on("wantedlayers", tell_wanted)

    def producer(self, producer_id: str) -> Producer:
        return _find(self.producers, producer_id, "producer", "producerId")

    def close_producer(self, producer_id: str) -> None:
        self.producer(producer_id).close()
        self._forget_producer(producer_id)

    def consume(
        self,
        transport: WebRtcTransport,
        published: Published,
        rtp_capabilities: RtpCapabilities,
        *,
        paused: bool,
        mid: str | None = None,
    ) -> Consumer:
        self._check_consumers(1)
        if not self.room.router.can_consume(published.producer.id, rtp_capabilities):
            raise ApiError("unsupported_media", "rtpCapabilities have no codec of this producer")
        consumer = transport.consume(
            producer_id=published.producer.id,
            rtp_capabilities=rtp_capabilities,
            paused=paused,
            mid=mid,
        )
        self._follow_consumer(consumer)
        return consumer

    def open_slots(
        self, transport: WebRtcTransport, counts: dict[MediaKind, int], *, follow: bool, paused: bool
    ) -> list[Consumer]:
        """Consumers without a source of their own: with `follow` the room's speakers take turns in them."""
        assert self.rtp_capabilities is not None  # joined
        if follow and any(self.slots.values()):
            raise ApiError("conflict", "slots that follow the speakers are open already")
        self._check_consumers(sum(counts.values()))
        kinds = [kind for kind, count in counts.items() for _ in range(count)]
        slots: list[Consumer] = []
        try:
            for kind in kinds:
                slots.append(
                    transport.consume_slot(kind=kind, rtp_capabilities=self.rtp_capabilities, paused=paused)
                )
        except VpaasError:
            for slot in slots:
                slot.close()
            raise
        for slot in slots:
            self.slots[slot.id] = follow
            self._follow_consumer(slot)
        if follow:
            self._stop_following()
            self._viewer = self.room.speakers.attach(self.peer, slots)
        # From here on changes are news; how it stands now is in the answer.
        for slot in slots:
            slot.on("producerchange", lambda _, slot=slot: self._tell("slotChanged", self.turn(slot)))
        return slots

    def turn(self, slot: Consumer) -> messages.SlotChanged:
        """Whose turn it is in a slot."""
        published = self.room.published.get(slot.producer_id) if slot.producer_id else None
        if published is None:
            return messages.SlotChanged(slot.id, None, None, None, None)
        return messages.SlotChanged(
            slot.id,
            published.producer.id,
            published.peer.id,
            published.source,
            published.scalability_mode,
        )

    def switch(self, consumer_id: str, published: Published | None) -> None:
        """Give a slot another source, or none."""
        slot = self.consumer(consumer_id)
        if slot.id not in self.slots:
            raise ApiError("conflict", f"Consumer {consumer_id} is no slot")
        if self.slots[slot.id]:
            raise ApiError("conflict", f"Slot {consumer_id} follows the speakers")
        if published and published.producer.kind != slot.kind:
            raise ApiError("invalid_request", errors=[FieldError("producerId", f"is not {slot.kind}")])
        slot.switch_to(published.producer if published else None)

    def _stop_following(self) -> None:
        if self._viewer:
            self.room.speakers.detach(self._viewer)
            self._viewer = None

    def _check_consumers(self, more: int) -> None:
        if len(self.consumers) + more > limits.CONSUMERS_PER_CONNECTION:
            raise ApiError(
                "too_many", f"A connection has at most {limits.CONSUMERS_PER_CONNECTION} consumers"
            )

    def _follow_consumer(self, consumer: Consumer) -> None:
        def tell_changed(method: str, reason: str) -> None:
            self._tell(method, messages.ConsumerChanged(consumer.id, reason))

        def tell_layers(layers: ConsumerLayers | None) -> None:
            spatial, temporal = (layers.spatial_layer, layers.temporal_layer) if layers else (None, None)
            self._tell("layersChanged", messages.LayersChanged(consumer.id, spatial, temporal))

        def tell_score(score: ConsumerScore) -> None:
            told = messages.ConsumerScored(
                consumer.id, score.score, score.producer_score, score.producer_scores
            )
            self._tell("consumerScore", told)

        self.consumers[consumer.id] = consumer
        consumer.on("producerclose", lambda: self._forget_consumer(consumer.id, "producerClosed"))
        consumer.on("transportclose", lambda: self._forget_consumer(consumer.id, "transportClosed"))
        consumer.on("producerpause", lambda: tell_changed("consumerPaused", "producerPaused"))
        consumer.on("producerresume", lambda: tell_changed("consumerResumed", "producerResumed"))
        consumer.on("layerschange", tell_layers)
        consumer.on("score", tell_score)

    def consumer(self, consumer_id: str) -> Consumer:
        return _find(self.consumers, consumer_id, "consumer", "consumerId")

    def close_consumer(self, consumer_id: str) -> None:
        self.consumer(consumer_id).close()
        self.consumers.pop(consumer_id, None)
        self.slots.pop(consumer_id, None)

    def close(self, closing: Closing) -> None:
        """Give back all it holds and leave the room. Closing twice does nothing."""
        if self.closed:
            return
        self.closed = True
        self._stop_following()
        for transport in list(self.transports.values()):
            if not transport.closed:
                transport.close()
        self.transports.clear()
        for producer_id in list(self.producers):
            self._forget_producer(producer_id)
        self.consumers.clear()
        self.slots.clear()
        self.room.leave(self, closing.reason)
        self._on_close(closing)

    def _replace_previous(self, grant: Grant) -> None:
        """The same participant over a new socket is usually a client that lost its network."""
        if peer := self.room.peers.get(grant.participant_id):
            for other in [other for other in peer.connections if other.kind == "signaling"]:
                other.close(framing.REPLACED)

    def _forget_transport(self, transport_id: str) -> None:
        self.transports.pop(transport_id, None)

    def _forget_producer(self, producer_id: str) -> None:
        if self.producers.pop(producer_id, None):
            self.room.unpublish(producer_id)

    def _forget_consumer(self, consumer_id: str, reason: str) -> None:
        if self.consumers.pop(consumer_id, None):
            self.slots.pop(consumer_id, None)
            self._tell("consumerClosed", messages.ConsumerChanged(consumer_id, reason))

    def _tell(self, method: str, data: Struct) -> None:
        if not self.closed:
            self.send(framing.notification(method, data))


def _find(objects: dict[str, T], object_id: str, what: str, field: str) -> T:
    try:
        return objects[object_id]
    except KeyError:
        raise ApiError("not_found", errors=[FieldError(field, f"no {what} {object_id!r}")]) from None
