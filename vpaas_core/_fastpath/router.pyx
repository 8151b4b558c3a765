"""See router.pxd."""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memset

from vpaas_core._fastpath.account cimport reception_init
from vpaas_core._fastpath.codecs.svc cimport SVC_TOP, svc_init
from vpaas_core._fastpath.codecs.vp8_munger cimport vp8_munger_init
from vpaas_core._fastpath.history cimport history_clear, history_free, history_init
from vpaas_core._fastpath.limits cimport (
    ENCODINGS_MAX,
    HISTORY_PACKETS_AUDIO,
    HISTORY_PACKETS_VIDEO,
    KEY_FRAME_REQUEST_DELAY_US,
    OUT_MAP_PACKETS,
    STREAMS_PER_TRANSPORT_MAX,
)
from vpaas_core._fastpath.nack cimport nack_init
from vpaas_core._fastpath.score cimport score_init
from vpaas_core._fastpath.rtp cimport EXT_MID, EXT_REPAIRED_RID, EXT_RID, Extension, Packet, rtp_extension
from vpaas_core._fastpath.srtp cimport srtp_keys_free
from vpaas_core._fastpath.table cimport u64map_free, u64map_put, u64map_remove

cdef RecvStream _retired  # stands for every ssrc that a stream has left behind


cdef int pointers_add(Pointers* p, void* item) noexcept nogil:
    cdef void** grown
    if p.count == p.capacity:
        grown = <void**>realloc(p.items, (p.capacity * 2 + 4) * sizeof(void*))
        if grown == NULL:
            return -1
        p.items = grown
        p.capacity = p.capacity * 2 + 4
    p.items[p.count] = item
    p.count += 1
    return 0


cdef void pointers_remove(Pointers* p, void* item) noexcept nogil:
    cdef int i
    for i in range(p.count):
        if p.items[i] == item:
            p.count -= 1
            p.items[i] = p.items[p.count]
            return


cdef Transport* transport_new(uint32_t id, int kind) noexcept nogil:
    cdef Transport* t = <Transport*>calloc(1, sizeof(Transport))
    if t != NULL:
        t.id = id
        t.kind = <uint8_t>kind
        t.rtcp_mux = True
    return t


cdef void transport_free(Transport* t) noexcept nogil:
    srtp_keys_free(t.srtp_in)
    srtp_keys_free(t.srtp_out)
    u64map_free(&t.receive_ssrcs)
    u64map_free(&t.send_ssrcs)
    free(t.rtcp_senders)
    free(t.producers.items)
    free(t.consumers.items)
    free(t)


cdef bint transport_ready(const Transport* t) noexcept nogil:
    return t.destination.family != 0 and (not t.secure or t.srtp_out != NULL)


cdef Producer* producer_new(uint32_t id, Transport* t, bint video) noexcept nogil:
    cdef Producer* p = <Producer*>calloc(1, sizeof(Producer))
    if p == NULL:
        return NULL
    p.id = id
    p.transport = t
    p.video = video
    p.key_frame_request_delay_us = KEY_FRAME_REQUEST_DELAY_US
    p.batch_first = -1
    p.orientation = 0xFF
    memset(p.codec_by_pt, NO_PAYLOAD_TYPE, sizeof(p.codec_by_pt))
    memset(p.rtx_apt, NO_PAYLOAD_TYPE, sizeof(p.rtx_apt))
    if pointers_add(&t.producers, p) < 0:
        free(p)
        return NULL
    return p


cdef int _claim(Transport* t, uint32_t ssrc, RecvStream* s) noexcept nogil:
    if t.receive_ssrcs.used >= STREAMS_PER_TRANSPORT_MAX:
        return -1
    return u64map_put(&t.receive_ssrcs, ssrc, s)


cdef RecvStream* producer_add_stream(Producer* p, uint32_t ssrc, uint32_t rtx_ssrc, uint32_t clock_rate) noexcept nogil:
    cdef RecvStream* s
    if p.encoding_count == ENCODINGS_MAX:
        return NULL
    s = <RecvStream*>calloc(1, sizeof(RecvStream))
    if s == NULL:
        return NULL
    if history_init(&s.history, HISTORY_PACKETS_VIDEO if p.video else HISTORY_PACKETS_AUDIO) < 0:
        free(s)
        return NULL
    if p.video:
        s.descriptor = <DescriptorState*>calloc(1, sizeof(DescriptorState))
        if s.descriptor == NULL:
            history_free(&s.history)
            free(s)
            return NULL
    s.producer = p
    s.ssrc = ssrc
    s.rtx_ssrc = rtx_ssrc
    s.clock_rate = clock_rate
    s.encoding = <uint8_t>p.encoding_count
    s.bound_late = ssrc == 0
    reception_init(&s.reception)
    nack_init(&s.nacks)
    score_init(&s.score)
    s.key_seq = -1
    p.streams[p.encoding_count] = s
    p.encoding_count += 1
    if (ssrc and _claim(p.transport, ssrc, s) < 0) or (rtx_ssrc and _claim(p.transport, rtx_ssrc, s) < 0):
        return NULL  # the producer is freed with what it has
    return s


cdef void _stream_free(RecvStream* s) noexcept nogil:
    cdef Transport* t = s.producer.transport
    if s.ssrc:
        u64map_remove(&t.receive_ssrcs, s.ssrc)
    if s.rtx_ssrc:
        u64map_remove(&t.receive_ssrcs, s.rtx_ssrc)
    history_free(&s.history)
    free(s.descriptor)
    free(s)


cdef void producer_free(Producer* p) noexcept nogil:
    cdef int i
    for i in range(p.consumers.count):
        (<Consumer*>p.consumers.items[i]).producer = NULL
        consumer_restart(<Consumer*>p.consumers.items[i])
    for i in range(p.encoding_count):
        _stream_free(p.streams[i])
    pointers_remove(&p.transport.producers, p)
    free(p.consumers.items)
    free(p.speaker)
    free(p)


cdef Consumer* consumer_new(
    uint32_t id, Transport* t, Producer* p, bint video, uint32_t clock_rate, uint32_t ssrc, uint32_t rtx_ssrc
) noexcept nogil:
    cdef Consumer* c = <Consumer*>calloc(1, sizeof(Consumer))
    if c == NULL:
        return NULL
    c.id = id
    c.transport = t
    c.ssrc = ssrc
    c.rtx_ssrc = rtx_ssrc
    c.clock_rate = clock_rate
    c.current = -1
    c.preferred_spatial = c.preferred_temporal = SVC_TOP
    c.layers_told = NO_LAYERS
    c.rtx_pt = NO_PAYLOAD_TYPE
    score_init(&c.score)
    memset(c.payload_types, NO_PAYLOAD_TYPE, sizeof(c.payload_types))
    if video:
        c.sent_packets = <SentPacket*>calloc(OUT_MAP_PACKETS, sizeof(SentPacket))
        c.layering = <Layering*>calloc(1, sizeof(Layering))
        if c.sent_packets == NULL or c.layering == NULL:
            free(c.sent_packets)
            free(c.layering)
            free(c)
            return NULL
        svc_init(&c.layering.filter, SVC_TOP, SVC_TOP)
        vp8_munger_init(&c.layering.pictures)
    if (
        u64map_put(&t.send_ssrcs, ssrc, c) < 0
        or (rtx_ssrc and u64map_put(&t.send_ssrcs, rtx_ssrc, c) < 0)
        or pointers_add(&t.consumers, c) < 0
        or consumer_bind(c, p) < 0
    ):
        consumer_free(c)
        return NULL
    return c


cdef int consumer_bind(Consumer* c, Producer* p) noexcept nogil:
    if p != NULL and pointers_add(&p.consumers, c) < 0:
        return -1
    if c.producer != NULL:
        pointers_remove(&c.producer.consumers, c)
    c.producer = p
    c.current = -1      # what it was an index of is another producer's
    c.target = 0
    consumer_restart(c)
    return 0


cdef void consumer_restart(Consumer* c) noexcept nogil:
    c.synced = False
    c.other_source = True
    c.catching_up = False
    if c.sent_packets != NULL:  # their numbers mean other packets now
        memset(c.sent_packets, 0, OUT_MAP_PACKETS * sizeof(SentPacket))


cdef void consumer_free(Consumer* c) noexcept nogil:
    u64map_remove(&c.transport.send_ssrcs, c.ssrc)
    if c.rtx_ssrc:
        u64map_remove(&c.transport.send_ssrcs, c.rtx_ssrc)
    pointers_remove(&c.transport.consumers, c)
    if c.producer != NULL:
        pointers_remove(&c.producer.consumers, c)
    free(c.sent_packets)
    free(c.layering)
    free(c)


cdef bint _names(const Packet* p, int kind, const char* text, int length) noexcept nogil:
    cdef const Extension* e = rtp_extension(p, kind)
    return e != NULL and e.length == length and memcmp(p.data + e.offset, text, length) == 0


cdef RecvStream* _by_rid(Producer* producer, const Packet* p, int kind) noexcept nogil:
    cdef int i
    cdef RecvStream* s
    for i in range(producer.encoding_count):
        s = producer.streams[i]
        if s.rid_len and _names(p, kind, s.rid, s.rid_len):
            return s
    return NULL


cdef RecvStream* _claimant(Transport* t, const Packet* p, bint rtx) noexcept nogil:
    """The stream that a packet names: by rid within the producer of its mid, else by mid alone, else by payload type alone."""
    cdef const Extension* mid = rtp_extension(p, EXT_MID)
    cdef const Extension* rid = rtp_extension(p, EXT_REPAIRED_RID if rtx else EXT_RID)
    cdef Producer* producer
    cdef Producer* only = NULL
    cdef RecvStream* s
    cdef uint8_t known
    cdef int i
    for i in range(t.producers.count):
        producer = <Producer*>t.producers.items[i]
        known = producer.rtx_apt[p.payload_type] if rtx else producer.codec_by_pt[p.payload_type]
        if known == NO_PAYLOAD_TYPE:
            continue
        if mid != NULL and producer.mid_len and not _names(p, EXT_MID, producer.mid, producer.mid_len):
            continue
        if rid != NULL and producer.streams[0].rid_len:
            if _by_rid(producer, p, rid.kind) != NULL:
                return _by_rid(producer, p, rid.kind)
            continue
        s = producer.streams[0]
        if producer.encoding_count > 1 or not (s.bound_late or (rtx and s.rtx_ssrc == 0)):
            continue
        if mid != NULL and producer.mid_len:
            return s
        if only != NULL:
            return NULL  # two producers could own it: better none than the wrong one
        only = producer
    return only.streams[0] if only != NULL else NULL


cdef RecvStream* stream_bind(Transport* t, const Packet* p, uint32_t ssrc) noexcept nogil:
    cdef int i
    cdef bint rtx = False
    cdef RecvStream* s
    for i in range(t.producers.count):
        if (<Producer*>t.producers.items[i]).rtx_apt[p.payload_type] != NO_PAYLOAD_TYPE:
            rtx = True
    s = _claimant(t, p, rtx)
    if s == NULL or _claim(t, ssrc, s) < 0:
        return NULL
    if rtx:
        if s.rtx_ssrc:
            u64map_put(&t.receive_ssrcs, s.rtx_ssrc, &_retired)
        s.rtx_ssrc = ssrc
        memset(&s.rtx_replay, 0, sizeof(s.rtx_replay))
        return s
    if s.ssrc:  # the source began anew under the same name
        # The old ssrc's replay window is gone, so nothing may be accepted of it, now or later.
        u64map_put(&t.receive_ssrcs, s.ssrc, &_retired)
        stream_restart(s)
    s.ssrc = ssrc
    return s


cdef void stream_restart(RecvStream* s) noexcept nogil:
    cdef Consumer* c
    cdef int i
    s.restarts += 1
    s.stray_seq = 0
    memset(&s.replay, 0, sizeof(s.replay))
    reception_init(&s.reception)
    nack_init(&s.nacks)
    score_init(&s.score)
    history_clear(&s.history)
    if s.descriptor != NULL:
        memset(s.descriptor, 0, sizeof(DescriptorState))
    s.temporal_top = 0
    s.unknown_us = 0
    s.key_seq = -1
    s.sr_ntp = 0
    s.producer.batch_first = -1  # what is still to be forwarded stood in the ring
    s.key_frame_wanted = s.producer.video
    for i in range(s.producer.consumers.count):
        c = <Consumer*>s.producer.consumers.items[i]
        if c.current == s.encoding:
            consumer_restart(c)
        elif c.sent_packets != NULL:
            memset(c.sent_packets, 0, OUT_MAP_PACKETS * sizeof(SentPacket))
