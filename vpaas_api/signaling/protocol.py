"""The room protocol: every method with the type of its data and its handler, in one table at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from vpaas_api import limits
from vpaas_api.errors import ApiError, FieldError
from vpaas_api.signaling import messages
from vpaas_api.signaling.connection import Connection
from vpaas_api.signaling.framing import LEFT
from vpaas_api.signaling.room import Published
from vpaas_core import Consumer
from vpaas_core.validation import validate_rtp_capabilities


def get_router_rtp_capabilities(connection: Connection, _data: messages.Nothing) -> Struct:
    return connection.room.router.rtp_capabilities


def join(connection: Connection, data: messages.Join) -> messages.Joined:
    if connection.joined:
        raise ApiError("conflict", "already joined")
    validate_rtp_capabilities(data.rtp_capabilities)
    room, peer = connection.room, connection.peer
    connection.rtp_capabilities = data.rtp_capabilities
    peer.name = peer.name or data.display_name  # what the app put into the token wins
    room.announce(connection)
    return messages.Joined(
        peer.id, messages.RoomInfo(room.id, room.name), peer.permissions, room.peer_infos(but=peer)
    )


def create_web_rtc_transport(
    connection: Connection, data: messages.CreateTransport
) -> messages.TransportCreated:
    transport = connection.create_transport(data.direction)
    return messages.TransportCreated(
        transport.id, transport.ice_parameters, transport.ice_candidates, transport.dtls_parameters
    )


def connect_web_rtc_transport(connection: Connection, data: messages.ConnectTransport) -> None:
    connection.transport(data.transport_id).connect(data.dtls_parameters)


def restart_ice(connection: Connection, data: messages.OfTransport) -> messages.IceRestarted:
    return messages.IceRestarted(connection.transport(data.transport_id).restart_ice())


def close_web_rtc_transport(connection: Connection, data: messages.OfTransport) -> None:
    connection.transport(data.transport_id).close()
    connection.transports.pop(data.transport_id, None)


def get_stats(connection: Connection, data: messages.OfTransport) -> list[dict[str, Any]]:
    return connection.transport(data.transport_id).get_stats()


def produce(connection: Connection, data: messages.Produce) -> messages.Produced:
    if len(bytes(data.app_data)) > limits.APP_DATA_BYTES:
        raise ApiError(
            "invalid_request",
            errors=[FieldError("appData", f"is larger than {limits.APP_DATA_BYTES} bytes")],
        )
    producer = connection.produce(
        connection.transport(data.transport_id, "send"),
        data.kind,
        data.rtp_parameters,
        data.source,
        paused=data.paused,
        app_data=msgspec.json.decode(data.app_data, type=dict[str, Any]),
    )
    return messages.Produced(producer.id)


def pause_producer(connection: Connection, data: messages.OfProducer) -> None:
    connection.room.set_paused(connection.producer(data.producer_id).id, True)


def resume_producer(connection: Connection, data: messages.OfProducer) -> None:
    connection.room.set_paused(connection.producer(data.producer_id).id, False)


def close_producer(connection: Connection, data: messages.OfProducer) -> None:
    connection.close_producer(data.producer_id)


def consume(connection: Connection, data: messages.Consume) -> messages.Consumed:
    published = _published(connection, data.producer_id)
    capabilities = data.rtp_capabilities or connection.rtp_capabilities
    assert capabilities is not None  # joined
    consumer = connection.consume(
        connection.transport(data.transport_id, "recv"), published, capabilities, paused=data.paused
    )
    return messages.Consumed(
        consumer.id,
        data.producer_id,
        published.peer.id,
        consumer.kind,
        consumer.rtp_parameters,
        consumer.type,
        consumer.producer_paused,
        published.source,
    )


def _published(connection: Connection, producer_id: str) -> Published:
    published = connection.room.published.get(producer_id)
    if published is None:
        raise ApiError("not_found", errors=[FieldError("producerId", f"no producer {producer_id!r}")])
    return published


def pause_consumer(connection: Connection, data: messages.OfConsumer) -> None:
    connection.consumer(data.consumer_id).pause()


def resume_consumer(connection: Connection, data: messages.OfConsumer) -> None:
    connection.consumer(data.consumer_id).resume()


def close_consumer(connection: Connection, data: messages.OfConsumer) -> None:
    connection.close_consumer(data.consumer_id)


def request_key_frame(connection: Connection, data: messages.OfConsumer) -> None:
    connection.consumer(data.consumer_id).request_key_frame()


def set_consumer_preferred_layers(connection: Connection, data: messages.PreferLayers) -> None:
    connection.consumer(data.consumer_id).set_preferred_layers(data.spatial_layer, data.temporal_layer)


def open_slots(connection: Connection, data: messages.OpenSlots) -> messages.SlotsOpened:
    consumers = connection.open_slots(
        connection.transport(data.transport_id, "recv"),
        {"audio": data.audio, "video": data.video},
        follow=data.follow,
        paused=data.paused,
    )
    return messages.SlotsOpened([_slot(connection, consumer) for consumer in consumers])


def _slot(connection: Connection, consumer: Consumer) -> messages.Slot:
    turn = connection.turn(consumer)
    return messages.Slot(
        consumer.id,
        consumer.kind,
        consumer.rtp_parameters,
        consumer.type,
        turn.producer_id,
        turn.peer_id,
        turn.source,
        turn.scalability_mode,
    )


def switch_consumer(connection: Connection, data: messages.SwitchConsumer) -> None:
    connection.switch(
        data.consumer_id, _published(connection, data.producer_id) if data.producer_id else None
    )


def leave(connection: Connection, _data: messages.Nothing) -> None:
    connection.close(LEFT)


@dataclass(frozen=True)
class Method:
    data: type[Struct]
    handler: Callable[[Connection, Any], Any]
    """Answers the data of the response; None stands for {}."""
    needs_join: bool = True


METHODS = {
    "getRouterRtpCapabilities": Method(messages.Nothing, get_router_rtp_capabilities, needs_join=False),
    "join": Method(messages.Join, join, needs_join=False),
    "createWebRtcTransport": Method(messages.CreateTransport, create_web_rtc_transport, needs_join=False),
    "connectWebRtcTransport": Method(messages.ConnectTransport, connect_web_rtc_transport, needs_join=False),
    "restartIce": Method(messages.OfTransport, restart_ice),
    "closeWebRtcTransport": Method(messages.OfTransport, close_web_rtc_transport),
    "getStats": Method(messages.OfTransport, get_stats),
    "produce": Method(messages.Produce, produce),
    "pauseProducer": Method(messages.OfProducer, pause_producer),
    "resumeProducer": Method(messages.OfProducer, resume_producer),
    "closeProducer": Method(messages.OfProducer, close_producer),
    "consume": Method(messages.Consume, consume),
    "pauseConsumer": Method(messages.OfConsumer, pause_consumer),
    "resumeConsumer": Method(messages.OfConsumer, resume_consumer),
    "closeConsumer": Method(messages.OfConsumer, close_consumer),
    "requestKeyFrame": Method(messages.OfConsumer, request_key_frame),
    "setConsumerPreferredLayers": Method(messages.PreferLayers, set_consumer_preferred_layers),
    "openSlots": Method(messages.OpenSlots, open_slots),
    "switchConsumer": Method(messages.SwitchConsumer, switch_consumer),
    "leave": Method(messages.Nothing, leave, needs_join=False),
}


def answer(connection: Connection, method_name: str, data: msgspec.Raw) -> Any:
    """Carry out one request. Raises ApiError, VpaasError or msgspec.ValidationError."""
    method = METHODS.get(method_name)
    if method is None:
        raise ApiError("not_found", f"unknown method {method_name!r}")
    decoded = msgspec.json.decode(data, type=method.data)
    if method.needs_join and not connection.joined:
        raise ApiError("conflict", "join first")
    return method.handler(connection, decoded)
