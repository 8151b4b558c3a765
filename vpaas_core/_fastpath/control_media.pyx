"""See control_media.pxd."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from vpaas_core._fastpath.account cimport reception_lost
from vpaas_core._fastpath.codecs.codec cimport has_key_frames
from vpaas_core._fastpath.control_base cimport drop_counts, text_bytes
from vpaas_core._fastpath.feedback cimport feedback_bye, feedback_consumer_start
from vpaas_core._fastpath.renumber cimport renumber_init
from vpaas_core._fastpath.router cimport (
    CNAME_MAX,
    ID_TEXT_MAX,
    Consumer,
    Producer,
    RecvStream,
    Transport,
    consumer_new,
    producer_add_stream,
    producer_free,
    producer_new,
)
from vpaas_core._fastpath.rtp cimport EXT_ABS_SEND_TIME, EXT_KIND_COUNT, EXT_MID, EXT_REPAIRED_RID, EXT_RID
from vpaas_core._fastpath.select cimport select_target
from vpaas_core._fastpath.table cimport u64map_get, u64map_put


cdef class MediaControl(TransportControl):
    """Producers and consumers."""

    def add_producer(self, transport: int, *, video: bool, clock_rate: int, mid: str, cname: str,
                     encodings: list[tuple[int, int, str]], codecs: dict[int, int], rtx: dict[int, int],
                     extensions: dict[int, int], nack: bool, pli: bool, fir: bool, paused: bool,
                     key_frame_request_delay_us: int) -> int:
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

    def add_consumer(self, transport: int, producer: int, *, ssrc: int, rtx_ssrc: int, mid: str,
                     payload_types: dict[int, int], rtx_payload_type: int | None, extensions: dict[int, int],
                     first_seq: int, first_rtx_seq: int, paused: bool) -> int:
        """payload_types: the producer's -> this consumer's; extensions: ExtensionKind -> id."""
        cdef Transport* t
        cdef Producer* p
        cdef Consumer* c
        cdef int keyed = 0
        cdef bytes mid_text = text_bytes(mid, ID_TEXT_MAX, "mid")
        self.begin()
        try:
            t = self.transport(transport)
            p = self.producer(producer)
            if u64map_get(&t.send_ssrcs, ssrc) != NULL or (rtx_ssrc and u64map_get(&t.send_ssrcs, rtx_ssrc) != NULL):
                raise ValueError(f"ssrc {ssrc} or {rtx_ssrc} is already in use on this transport")
            c = consumer_new(self.new_id(), t, p, ssrc, rtx_ssrc)
            if c == NULL:
                raise MemoryError
            for incoming, outgoing in payload_types.items():
                c.payload_types[incoming & 0x7F] = outgoing
                keyed |= has_key_frames(p.codec_by_pt[incoming & 0x7F])
            c.keyed = p.video and keyed
            if rtx_payload_type is not None:
                c.rtx_pt = rtx_payload_type
            for kind, extension_id in extensions.items():
                if kind == EXT_MID:
                    c.mid_id = extension_id if mid_text else 0
                elif kind not in (EXT_RID, EXT_REPAIRED_RID) and kind < EXT_KIND_COUNT:
                    c.extension_ids[<int>kind] = extension_id
            if rtx_payload_type is None:
                # A plain retransmission reuses the SRTP index, so nothing in it may differ from the first time.
                c.extension_ids[<int>EXT_ABS_SEND_TIME] = 0
            memcpy(c.mid, <const char*>mid_text, len(mid_text))
            c.mid_len = <uint8_t>len(mid_text)
            renumber_init(&c.numbers, first_seq)
            c.rtx_seq = first_rtx_seq
            c.paused = paused
            select_target(c, self.now_us())
            u64map_put(&self.pl.consumers, c.id, c)
            feedback_consumer_start(self.pl, c, self.now_us())
            self.finish()
            return c.id
        finally:
            self.end()

    def pause_consumer(self, id: int, paused: bool) -> None:
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            c.paused = paused
            c.synced = False
            if not paused and c.producer != NULL:
                select_target(c, self.now_us())
                feedback_consumer_start(self.pl, c, self.now_us())
            self.finish()
        finally:
            self.end()

    def request_key_frame(self, id: int) -> None:
        cdef Consumer* c
        self.begin()
        try:
            c = self.consumer(id)
            feedback_consumer_start(self.pl, c, self.now_us())
            self.finish()
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
