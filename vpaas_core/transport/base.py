"""What every transport does: produce, consume, close."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from vpaas_core._fastpath.loop import Loop
from vpaas_core.codecs import is_rtx
from vpaas_core.codes import codec_code, extension_codes
from vpaas_core.consumer import Consumer
from vpaas_core.errors import InvalidParameters, InvalidState, NotFound, ResourceLimit, Unsupported
from vpaas_core.events import Emitter
from vpaas_core.ortc import (
    can_consume,
    consumable_parameters,
    consumer_parameters,
    producer_mapping,
    slot_parameters,
)
from vpaas_core.parameters import (
    ConsumerLayers,
    MediaKind,
    RtcpParameters,
    RtpCapabilities,
    RtpCodecParameters,
    RtpParameters,
)
from vpaas_core.producer import Producer
from vpaas_core.stats import Stats, entry

if TYPE_CHECKING:
    from vpaas_core.router import Router

CNAME_BYTES_MAX = 32
"""Of a publisher's own name we keep what tells it from others (RFC 7022 §4.2: 16 characters)."""

KEY_FRAME_CACHE_MS = 12_000
"""A broadcast's key frames are often 10 s apart. A viewer then sees up to so much, in a sixth of the time."""

FIRST_SEQ_MAX = 0x7FFF
"""RFC 3711 §3.3.1: a first sequence number in the lower half cannot wrap before the receiver has seen it."""


class Transport(Emitter):
    """One peer's path to a router. Everything on it closes with it."""

    EVENTS: tuple[str, ...] = ("close",)

    def __init__(self, router: Router, native_id: int, app_data: Any) -> None:
        super().__init__()
        self.id = str(uuid.uuid4())
        self.app_data = app_data
        self.closed = False
        self.router = router
        self.native_id = native_id
        self.producers: dict[str, Producer] = {}
        self.consumers: dict[str, Consumer] = {}
        self._next_mid = 0
        self._cname = ""
        router.transports[self.id] = self
        router.worker.transports[native_id] = self

    @property
    def core(self) -> Loop:
        """The worker's packet path."""
        return self.router.worker.core

    def produce(
        self,
        *,
        kind: MediaKind,
        rtp_parameters: RtpParameters,
        paused: bool = False,
        key_frame_request_delay_ms: int = 500,
        key_frame_cache_ms: int = KEY_FRAME_CACHE_MS,
        app_data: Any = None,
        id: str | None = None,  # noqa: A002 - mediasoup's name
    ) -> Producer:
        """Take a stream from the peer.

        All since a key frame not older than `key_frame_cache_ms` is kept, so that viewers who join later
        start at once and the publisher is not asked for another one; 0: nothing is.
        Raises InvalidParameters, Unsupported (the router does not have the codec), InvalidState (closed).
        """
        self._check_open()
        if id is not None and id in self.router.producers:
            raise InvalidParameters("id", f"{id!r} is in use")
        rtp_parameters = replace(rtp_parameters, rtcp=self._in_step(rtp_parameters.rtcp))
        mapping = producer_mapping(rtp_parameters, self.router.rtp_capabilities)
        consumable = consumable_parameters(kind, rtp_parameters, self.router.rtp_capabilities, mapping)
        native_id = self._add_producer(
            kind, rtp_parameters, paused, key_frame_request_delay_ms, key_frame_cache_ms
        )
        producer = Producer(
            id or str(uuid.uuid4()),
            self,
            kind,
            rtp_parameters,
            mapping,
            consumable,
            native_id,
            paused=paused,
            app_data=app_data,
        )
        self.producers[producer.id] = producer
        self.router.producers[producer.id] = producer
        return producer

    def _in_step(self, rtcp: RtcpParameters) -> RtcpParameters:
        """A peer's streams share the first CNAME it tells (RFC 3550 §6.5.1); with simulcast there is none."""
        self._cname = self._cname or rtcp.cname or secrets.token_hex(8)
        return replace(rtcp, cname=self._cname)

    def _add_producer(
        self,
        kind: MediaKind,
        parameters: RtpParameters,
        paused: bool,
        key_frame_request_delay_ms: int,
        key_frame_cache_ms: int,
    ) -> int:
        media = [codec for codec in parameters.codecs if not is_rtx(codec.mime_type)]
        feedback = {(each.type, each.parameter) for codec in media for each in codec.rtcp_feedback}
        encodings = [
            (each.ssrc or 0, each.rtx.ssrc if each.rtx else 0, each.rid or "")
            for each in parameters.encodings
        ]
        try:
            return self.core.add_producer(
                self.native_id,
                video=kind == "video",
                clock_rate=media[0].clock_rate,
                mid=parameters.mid or "",
                cname=(parameters.rtcp.cname or "").encode()[:CNAME_BYTES_MAX].decode(errors="ignore"),
                encodings=encodings or [(0, 0, "")],
                codecs={codec.payload_type: codec_code(codec.mime_type) for codec in media},
                rtx={
                    codec.payload_type: int(codec.parameters["apt"])
                    for codec in parameters.codecs
                    if is_rtx(codec.mime_type)
                },
                extensions=extension_codes(parameters.header_extensions),
                nack=("nack", "") in feedback,
                pli=("nack", "pli") in feedback,
                fir=("ccm", "fir") in feedback,
                paused=paused,
                key_frame_request_delay_us=key_frame_request_delay_ms * 1000,
                key_frame_cache_us=key_frame_cache_ms * 1000,
            )
        except ValueError as error:
            raise InvalidParameters("rtpParameters.encodings", str(error)) from None
        except MemoryError:
            raise ResourceLimit("no memory for another producer") from None

    def consume(
        self,
        *,
        producer_id: str,
        rtp_capabilities: RtpCapabilities,
        paused: bool = False,
        enable_rtx: bool = True,
        ignore_dtx: bool = False,
        preferred_layers: ConsumerLayers | None = None,
        app_data: Any = None,
        mid: str | None = None,
    ) -> Consumer:
        """Send a producer's stream to the peer, with numbers of its own.

        `ignore_dtx`: packets in which Opus only says that there is silence are left out.

        Raises NotFound (no such producer on this router), Unsupported (the peer has none of its codecs),
        InvalidParameters, InvalidState (closed).
        """
        self._check_open()
        producer = self.router.producers.get(producer_id)
        if producer is None:
            raise NotFound(f"no producer {producer_id!r} on this router")
        if not can_consume(producer.consumable, rtp_capabilities):
            raise Unsupported("rtpCapabilities have none of the producer's codecs")
        parameters = consumer_parameters(
            producer.consumable, rtp_capabilities, mid=self._mid(mid), enable_rtx=enable_rtx
        )
        return self._new_consumer(
            producer, producer.kind, parameters, paused, preferred_layers, app_data, ignore_dtx=ignore_dtx
        )

    def consume_slot(
        self,
        *,
        kind: MediaKind,
        rtp_capabilities: RtpCapabilities,
        paused: bool = False,
        enable_rtx: bool = True,
        preferred_layers: ConsumerLayers | None = None,
        app_data: Any = None,
        mid: str | None = None,
    ) -> Consumer:
        """A consumer of nobody yet: negotiated once, then filled by `consumer.switch_to`.

        It has all the router's codecs of its kind that the peer can receive. Raises Unsupported when there
        are none, InvalidParameters, InvalidState (closed).
        """
        self._check_open()
        consumable = slot_parameters(kind, self.router.rtp_capabilities, secrets.token_hex(8))
        parameters = consumer_parameters(
            consumable, rtp_capabilities, mid=self._mid(mid), enable_rtx=enable_rtx
        )
        return self._new_consumer(None, kind, parameters, paused, preferred_layers, app_data)

    def _mid(self, mid: str | None) -> str:
        if mid is None:
            mid = str(self._next_mid)
            self._next_mid += 1
        return mid

    def _new_consumer(
        self,
        producer: Producer | None,
        kind: MediaKind,
        parameters: RtpParameters,
        paused: bool,
        preferred_layers: ConsumerLayers | None,
        app_data: Any,
        *,
        ignore_dtx: bool = False,
    ) -> Consumer:
        consumer = Consumer(
            str(uuid.uuid4()),
            self,
            producer,
            kind,
            parameters,
            self._add_consumer(producer, kind, parameters, paused, ignore_dtx),
            paused=paused,
            app_data=app_data,
        )
        self.consumers[consumer.id] = consumer
        if preferred_layers is not None:
            consumer.set_preferred_layers(preferred_layers.spatial_layer, preferred_layers.temporal_layer)
        return consumer

    def _add_consumer(
        self,
        producer: Producer | None,
        kind: MediaKind,
        parameters: RtpParameters,
        paused: bool,
        ignore_dtx: bool,
    ) -> int:
        encoding = parameters.encodings[0]
        assert encoding.ssrc is not None
        try:
            return self.core.add_consumer(
                self.native_id,
                None if producer is None else producer.native_id,
                ssrc=encoding.ssrc,
                rtx_ssrc=encoding.rtx.ssrc if encoding.rtx else 0,
                mid=parameters.mid or "",
                payload_types={} if producer is None else producer.payload_types(parameters),
                rtx_payload_type=_rtx_payload_type(parameters.codecs) if encoding.rtx else None,
                extensions={
                    kind: number for number, kind in extension_codes(parameters.header_extensions).items()
                },
                first_seq=secrets.randbelow(FIRST_SEQ_MAX) + 1,
                first_rtx_seq=secrets.randbelow(FIRST_SEQ_MAX) + 1,
                paused=paused,
                video=kind == "video",
                clock_rate=parameters.codecs[0].clock_rate,
                ignore_dtx=ignore_dtx,
            )
        except MemoryError:
            raise ResourceLimit("no memory for another consumer") from None

    def get_stats(self) -> list[Stats]:
        """One transport entry: what arrived, what was sent, and why anything was dropped."""
        self._check_open()
        return [entry("transport", self.id, self.core.transport_stats(self.native_id))]

    def close(self) -> None:
        """Close it and all that is on it. Closing twice does nothing."""
        if self.closed:
            return
        self.closed = True
        self._release()
        del self.router.worker.transports[self.native_id]
        self.router.transports.pop(self.id, None)
        self.core.close_transport(self.native_id)
        # Callbacks come last: whatever they close or ask for finds this one gone.
        for producer in list(self.producers.values()):
            producer.transport_closed()
        for consumer in list(self.consumers.values()):
            consumer.transport_closed()
        self._emit("close")

    def _release(self) -> None:
        """What a kind of transport holds beside its packet path."""

    def _check_open(self) -> None:
        if self.closed:
            raise InvalidState(f"transport {self.id} is closed")


def _rtx_payload_type(codecs: list[RtpCodecParameters]) -> int | None:
    return next((codec.payload_type for codec in codecs if is_rtx(codec.mime_type)), None)
