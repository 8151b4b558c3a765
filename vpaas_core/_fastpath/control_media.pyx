"""See control_media.pxd."""

from libc.stdint cimport int8_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from vpaas_core._fastpath.account cimport reception_lost
from vpaas_core._fastpath.adapt cimport adapt_consumer, adapt_tell_layers
from vpaas_core._fastpath.codecs.codec cimport has_key_frames
from vpaas_core._fastpath.codecs.svc cimport SVC_TOP
from vpaas_core._fastpath.control_base cimport drop_counts, text_bytes
from vpaas_core._fastpath.feedback cimport feedback_bye, feedback_consumer_start
from vpaas_core._fastpath.renumber cimport renumber_init
from vpaas_core._fastpath.router cimport (
    CNAME_MAX,
    ID_TEXT_MAX,
    NO_LAYERS,
    NO_PAYLOAD_TYPE,
    Consumer,
    Producer,
    RecvStream,
    Transport,
    consumer_bind,
    consumer_new,
    producer_add_stream,
    producer_free,
    producer_new,
)
from vpaas_core._fastpath.rtp cimport (
    EXT_ABS_SEND_TIME,
    EXT_KIND_COUNT,
    EXT_MID,
    EXT_REPAIRED_RID,
    EXT_RID,
    EXT_TRANSPORT_CC,
)
from vpaas_core._fastpath.select cimport select_target
from vpaas_core._fastpath.table cimport u64map_get, u64map_put


cdef class MediaControl(TransportControl):
    """Producers and consumers."""

    def add_producer(self, transport: int, *, video: bool, clock_rate: int, mid: str, cname: str,
                     encodings: list[tuple[int, int, str]], codecs: dict[int, int], rtx: dict[int, int],
                     extensions: dict[int, int], nack: bool, pli: bool, fir: bool, paused: bool,
                     key_frame_request_delay_us: int, key_frame_cache_us: int = 0) -> int:
        """encodings: (ssrc, rtx ssrc, rid), 0 and "" for what only the packets will tell; codecs: payload type -> Codec;
        rtx: payload type -> the one it repairs; extensions: id -> ExtensionKind.

        Raises ValueError when an ssrc is taken or there are more streams than a transport may have.
        """
        cdef Transport* t
        cdef Producer* p
        cdef RecvStream* s = NULL
        cdef bytes mid_text = text_bytes(mid, ID_TEXT_MAX, "mid")
        cdef bytes cname_text = text_bytes(cname, CNAME_MAX, "cname")
        cdef bytes rid_text
        cdef uint32_t ssrc, rtx_ssrc
        cdef list rids = [text_bytes(rid, ID_TEXT_MAX, "rid") for _, _, rid in encodings]
        self.begin()
        try:
            t = self.transport(transport)
            _check_free(t, [number for each in encodings for number in each[:2] if number])
            p = producer_new(self.new_id(), t, video)
            if p == NULL:
                raise MemoryError
            for (ssrc, rtx_ssrc, _), rid_text in zip(encodings, rids):
                s = producer_add_stream(p, ssrc, rtx_ssrc, clock_rate)
                if s == NULL:
                    producer_free(p)
                    raise ValueError("more streams than one transport may have")
                memcpy(s.rid, <const char*>rid_text, len(rid_text))
                s.rid_len = <uint8_t>len(rid_text)
            memcpy(p.mid, <const char*>mid_text, len(mid_text))
            p.mid_len = <uint8_t>len(mid_text)
            memcpy(p.cname, <const char*>cname_text, len(cname_text))
            p.cname_len = <uint8_t>len(cname_text)
            p.nack, p.pli, p.fir, p.paused = nack, pli, fir, paused
            p.key_frame_request_delay_us = key_frame_request_delay_us
            p.key_frame_cache_us = key_frame_cache_us
            p.wanted = <uint8_t>((1 << len(encodings)) - 1)
            p.wanted_us = self.now_us()
            try:
                for payload_type, number in codecs.items():
                    p.codec_by_pt[payload_type & 0x7F] = number
                for payload_type, number in rtx.items():
                    p.rtx_apt[payload_type & 0x7F] = number
                for number, kind in extensions.items():
                    t.extension_kinds[number & 0xFF] = kind
            except BaseException:
                producer_free(p)
                raise
            u64map_put(&self.pl.producers, p.id, p)
            return p.id
        finally:
            self.end()

    def pause_producer(self, id: int, paused: bool) -> None:
        cdef Producer* p
        cdef Consumer* c
        cdef int i
        self.begin()
        try:
            p = self.producer(id)
            if <bint>p.paused == <bint>paused:
                return
            p.paused = paused
            for i in range(p.consumers.count):
                c = <Consumer*>p.consumers.items[i]
                c.synced = False
                if not paused:
                    feedback_consumer_start(self.pl, c, self.now_us())
            self.finish()
        finally:
            self.end()

    def close_producer(self, id: int) -> None:
        self.begin()
        try:
            self.free_producer(self.producer(id))
        finally:
            self.end()

    def add_consumer(self, transport: int, producer: int | None, *, ssrc: int, rtx_ssrc: int, mid: str,
                     payload_types: dict[int, int], rtx_payload_type: int | None, extensions: dict[int, int],
                     first_seq: int, first_rtx_seq: int, paused: bool, video: bool = False, clock_rate: int = 0,
                     ignore_dtx: bool = False) -> int:
        """payload_types: the producer's -> this consumer's; extensions: ExtensionKind -> id.

        producer: None for a slot, of which then `video` and `clock_rate` tell what it is for.
        """
        cdef Transport* t
        cdef Producer* p = NULL
        cdef Consumer* c
        cdef bytes mid_text = text_bytes(mid, ID_TEXT_MAX, "mid")
        self.begin()
        try:
            t = self.transport(transport)
            if producer is not None:
                p = self.producer(producer)
                video, clock_rate = p.video, p.streams[0].clock_rate
            if u64map_get(&t.send_ssrcs, ssrc) != NULL or (rtx_ssrc and u64map_get(&t.send_ssrcs, rtx_ssrc) != NULL):
                raise ValueError(f"ssrc {ssrc} or {rtx_ssrc} is already in use on this transport")
            c = consumer_new(self.new_id(), t, p, video, clock_rate, ssrc, rtx_ssrc)
            if c == NULL:
                raise MemoryError
            _set_payload_types(c, payload_types)
            if rtx_payload_type is not None:
                c.rtx_pt = rtx_payload_type
            _set_extensions(c, extensions, bool(mid_text), rtx_payload_type is not None)
            memcpy(c.mid, <const char*>mid_text, len(mid_text))
            c.mid_len = <uint8_t>len(mid_text)
            renumber_init(&c.numbers, first_seq)
            c.rtx_seq = first_rtx_seq
            c.paused = paused
            c.ignore_dtx = ignore_dtx
            u64map_put(&self.pl.consumers, c.id, c)
            self._start_consumer(c)
            return c.id
        finally:
            self.end()

    cdef int _start_consumer(self, Consumer* c) except -1:
        if c.producer != NULL:
            select_target(c)
            feedback_consumer_start(self.pl, c, self.now_us())
        return self.finish()

    def switch_consumers(self, ids: list[int], producer: int | None, payload_types: list[dict[int, int]]) -> None:
        """Another source for each of these consumers, or none: their numbers go on without a step.

        payload_types: for each consumer, the producer's -> its own.
        """
        cdef Producer* p = NULL
        cdef Consumer* c
        self.begin()
        try:
            if producer is not None:
                p = self.producer(producer)
            for id, types in zip(ids, payload_types, strict=True):
                c = self.consumer(id)
                if consumer_bind(c, p) < 0:
                    raise MemoryError
                _set_payload_types(c, types)
                if p != NULL and not c.paused:
                    select_target(c)
                    feedback_consumer_start(self.pl, c, self.now_us())
            self.finish()
        finally:
            self.end()

    def set_preferred_layers(self, id: int, spatial: int, temporal: int) -> None:
        """The highest layers the viewer wants; of a simulcast producer `spatial` counts encodings. From SVC_TOP (7) on: all."""
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            c.preferred_spatial = <int8_t>max(0, min(spatial, SVC_TOP))
            c.preferred_temporal = <int8_t>max(0, min(temporal, SVC_TOP))
            if c.layering != NULL and c.producer != NULL and not c.paused and not c.producer.paused:
                adapt_consumer(self.pl, c, self.now_us())
            self.finish()
        finally:
            self.end()

    def consumer_layers(self, id: int) -> tuple[int, int]:
        """Spatial layer, or encoding, and temporal layer being forwarded; -1 for none."""
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            adapt_tell_layers(self.pl, c)
            return (-1, -1) if c.layers_told == NO_LAYERS else (c.layers_told >> 8, c.layers_told & 0xFF)
        finally:
            self.end()

    def pause_consumer(self, id: int, paused: bool) -> None:
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            if <bint>c.paused == <bint>paused:
                return
            c.paused = paused
            c.synced = False
            if paused:
                self.finish()
            else:
                self._start_consumer(c)
        finally:
            self.end()

    def request_key_frame(self, id: int) -> None:
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            self._start_consumer(c)
        finally:
            self.end()

    def close_consumer(self, id: int) -> None:
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            feedback_bye(self.pl, c.transport, c, self.now_us())
            self.finish()
            self.free_consumer(c)
        finally:
            self.end()

    def producer_stats(self, id: int) -> list[dict[str, object]]:
        """One entry an encoding; times in seconds."""
        cdef Producer* p
        cdef RecvStream* s
        cdef int i
        self.begin()
        try:
            p = self.producer(id)
            result = []
            for i in range(p.encoding_count):
                s = p.streams[i]
                result.append({
                    "ssrc": s.ssrc,
                    "rtx_ssrc": s.rtx_ssrc,
                    "rid": (<const char*>s.rid)[:s.rid_len].decode(errors="replace"),
                    "packets_received": s.reception.packets,
                    "bytes_received": s.reception.bytes,
                    "packets_lost": reception_lost(&s.reception),
                    "fraction_lost": s.reception.fraction_lost / 256.0,
                    "jitter": (s.reception.jitter_q4 >> 4) / <double>s.clock_rate,
                    "packets_retransmitted": s.rtx_packets,
                    "key_frames": s.key_frames,
                    "nack_count": s.nacks_sent,
                    "pli_count": s.plis_sent,
                })
            return result
        finally:
            self.end()

    def consumer_stats(self, id: int) -> dict[str, object]:
        """Loss, jitter and round trip as the viewer reports them; times in seconds."""
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            return {
                "ssrc": c.ssrc,
                "rtx_ssrc": c.rtx_ssrc,
                "packets_sent": c.sent.packets,
                "bytes_sent": c.sent.bytes,
                "packets_retransmitted": c.resent.packets,
                "bytes_retransmitted": c.resent.bytes,
                "packets_lost": c.report.cumulative_lost,
                "fraction_lost": c.report.fraction_lost / 256.0,
                "jitter": c.report.jitter / <double>c.clock_rate,
                "round_trip_time": c.rtt_us / 1e6,
                "nack_count": c.nacks,
                "pli_count": c.key_frame_requests,
                "packets_dropped": c.dropped,
            }
        finally:
            self.end()


cdef int _check_free(const Transport* t, list ssrcs) except -1:
    for i, ssrc in enumerate(ssrcs):
        if ssrc in ssrcs[:i] or u64map_get(&t.receive_ssrcs, ssrc) != NULL:
            raise ValueError(f"ssrc {ssrc} is already in use on this transport")
    return 0


cdef int _set_payload_types(Consumer* c, dict payload_types) except -1:
    cdef bint keyed = False
    memset(c.payload_types, NO_PAYLOAD_TYPE, sizeof(c.payload_types))
    for incoming, outgoing in payload_types.items():
        c.payload_types[incoming & 0x7F] = outgoing
        keyed = keyed or (c.producer != NULL and has_key_frames(c.producer.codec_by_pt[incoming & 0x7F]))
    c.keyed = keyed and c.layering != NULL
    return 0


cdef int _set_extensions(Consumer* c, dict extensions, bint has_mid, bint has_rtx) except -1:
    """Without RTX a retransmission reuses the SRTP index, so nothing in it may differ from the first time."""
    for kind, extension_id in extensions.items():
        if kind == EXT_MID:
            c.mid_id = extension_id if has_mid else 0
        elif kind == EXT_ABS_SEND_TIME:
            c.abs_send_time_id = extension_id if has_rtx or c.layering == NULL else 0
        elif kind == EXT_TRANSPORT_CC:
            c.transport_cc_id = extension_id if has_rtx or c.layering == NULL else 0
        elif kind not in (EXT_RID, EXT_REPAIRED_RID) and kind < EXT_KIND_COUNT:
            c.extension_ids[<int>kind] = extension_id
    return 0
