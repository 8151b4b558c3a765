"""One worker: a native thread that forwards, and the Python side that hears from it."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from ._fastpath.events import EventKind
from ._fastpath.loop import Loop
from .config import Config
from .consumer import Consumer
from .dtls import Certificate
from .errors import InvalidState
from .observer import RtpObserver
from .ortc import router_capabilities
from .parameters import RtpCodecCapability
from .producer import Producer
from .router import Router
from .transport import PlainTransport, Transport, WebRtcTransport


class Worker:
    """Made by Engine, one per configured worker thread."""

    def __init__(self, config: Config, index: int, certificate: Callable[[], Certificate]) -> None:
        """Raises OSError when the address cannot be bound."""
        self.config = config
        self.index = index
        self.certificate = certificate
        self.core = Loop()
        _, self.port = self.core.open_socket(config.listen_ip, config.port and config.port + index)
        self.announced_addresses = (
            [config.announced_address] if config.announced_address else _own_addresses(config.listen_ip)
        )
        self.routers: dict[str, Router] = {}
        self.transports: dict[int, Transport] = {}
        self.producers: dict[int, Producer] = {}
        self.observers: dict[int, RtpObserver] = {}
        self.consumers: dict[int, Consumer] = {}
        self.closed = False
        self._events = asyncio.get_running_loop()
        self._events.add_reader(self.core.event_fd, self._on_events)
        self.core.start()

    def create_router(self, media_codecs: Sequence[RtpCodecCapability]) -> Router:
        """Raises Unsupported for a codec the engine does not carry, InvalidState when closed."""
        self.check_open(self.closed)
        return Router(self, router_capabilities(media_codecs))

    def get_stats(self) -> dict[str, Any]:
        """Objects, packets forwarded, drops by reason, and CPU time of the thread in nanoseconds."""
        self.check_open(self.closed)
        return {**self.core.stats(), "cpu_time_ns": self.core.cpu_time_ns()}

    def check_open(self, closed: bool) -> None:
        if closed or self.closed:
            raise InvalidState("the router or its worker is closed")

    def close(self) -> None:
        """Close its routers and end its thread. Closing twice does nothing."""
        if self.closed:
            return
        for router in list(self.routers.values()):
            router.close()
        self.closed = True
        self._events.remove_reader(self.core.event_fd)
        self.core.stop()

    def _on_events(self) -> None:
        os.eventfd_read(self.core.event_fd)
        for kind, native_id, value, payload in self.core.take_events():
            if (transport := self.transports.get(native_id)) is not None:
                _tell_transport(transport, kind, value, payload)
            elif (consumer := self.consumers.get(native_id)) is not None:
                _tell_consumer(consumer, kind, value)
            elif (producer := self.producers.get(native_id)) is not None:
                _tell_producer(producer, kind, value, payload)
            elif (observer := self.observers.get(native_id)) is not None:
                observer.on_event(kind, payload)


def _tell_transport(transport: Transport, kind: int, value: int, payload: bytes) -> None:
    if isinstance(transport, WebRtcTransport):
        if kind == EventKind.EVENT_DTLS:
            transport.on_dtls(payload)
        elif kind == EventKind.EVENT_ICE_STATE:
            transport.on_ice_state(value)
        elif kind == EventKind.EVENT_ICE_TUPLE:
            transport.on_ice_tuple()
    elif isinstance(transport, PlainTransport) and kind == EventKind.EVENT_TUPLE:
        transport.on_tuple()


def _tell_consumer(consumer: Consumer, kind: int, value: int) -> None:
    if kind == EventKind.EVENT_CONSUMER_LAYERS:
        consumer.on_layers(value)
    elif kind == EventKind.EVENT_CONSUMER_SCORE:
        consumer.on_score(value)


def _tell_producer(producer: Producer, kind: int, value: int, payload: bytes) -> None:
    if kind == EventKind.EVENT_PRODUCER_SCORE:
        producer.on_scores(payload)
    elif kind == EventKind.EVENT_WANTED_LAYERS:
        producer.on_wanted_layers(value)
    elif kind == EventKind.EVENT_ORIENTATION:
        producer.on_orientation(value)


def _own_addresses(listen_ip: str) -> list[str]:
    """Where clients reach a socket bound to `listen_ip`.

    For a wildcard, the address this host uses towards the internet (nothing is sent to find it), and loopback
    for clients on the host itself; Firefox, though, never sends media to loopback.
    """
    address = ipaddress.ip_address(listen_ip)
    if not address.is_unspecified:
        return [listen_ip]
    if address.version == 6:
        family, far, loopback = socket.AF_INET6, "2001:db8::1", "::1"
    else:
        family, far, loopback = socket.AF_INET, "192.0.2.1", "127.0.0.1"
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((far, 9))
        except OSError:  # no route: a host without network
            return [loopback]
        own: str = probe.getsockname()[0]
    return list(dict.fromkeys([own, loopback]))
