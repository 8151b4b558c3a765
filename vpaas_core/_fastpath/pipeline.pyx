"""See pipeline.pxd.

    datagram -> demultiplex -+- STUN -> ice                -> answer
                             +- DTLS                       -> event for the control thread
                             +- RTCP -> feedback           -> retransmissions, key-frame requests
                             +- RTP  -> ingress -> batch
    batch    -> egress, consumer by consumer               -> output runs -> kernel
    ring     -> catch_up -> egress, for those who start with a key frame of the past
    tick     -> NACK, key-frame requests, layers, reports, consent
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from vpaas_core._fastpath.adapt cimport adapt_tick
from vpaas_core._fastpath.catch_up cimport catch_up_resize, catch_up_run
from vpaas_core._fastpath.drop cimport (
    DROP_DTLS_MALFORMED,
    DROP_EMPTY,
    DROP_NONE,
    DROP_PRODUCER_PAUSED,
    DROP_STUN_UNEXPECTED,
    DROP_STUN_UNKNOWN_UFRAG,
    DROP_UNKNOWN_PEER,
    DROP_UNKNOWN_PROTOCOL,
)
from vpaas_core._fastpath.egress cimport egress_producer
from vpaas_core._fastpath.events cimport (
    EVENT_DTLS,
    EVENT_ICE_STATE,
    EVENT_ICE_TUPLE,
    EVENT_TUPLE,
    events_free,
    events_init,
    events_put,
)
from vpaas_core._fastpath.feedback cimport (
    feedback_consumer_start,
    feedback_receive,
    feedback_reports,
    feedback_stream_tick,
)
from vpaas_core._fastpath.ice cimport (
    ICE_RESTARTED,
    ICE_SELECTED_CHANGED,
    ICE_STATE_CHANGED,
    ICE_TUPLE_EVICTED,
    IceLite,
    ice_handle_request,
    ice_heard,
    ice_knows,
    ice_selected,
    ice_tick,
)
from vpaas_core._fastpath.ingress cimport ingress_rtp
from vpaas_core._fastpath.limits cimport BATCH_PACKETS_MAX
from vpaas_core._fastpath.net cimport addr_equal
from vpaas_core._fastpath.observers cimport Observer, observer_free, observers_tick
from vpaas_core._fastpath.output cimport output_commit, output_flush, output_free, output_init, output_room
from vpaas_core._fastpath.router cimport TRANSPORT_PLAIN, Consumer, Producer, transport_ready
from vpaas_core._fastpath.srtp cimport srtp_engine_free, srtp_engine_new
from vpaas_core._fastpath.state cimport abs_send_time, drop, ufrag_key
from vpaas_core._fastpath.stun cimport STUN_ANSWER_BYTES_MAX, StunMessage, stun_is_request, stun_parse
from vpaas_core._fastpath.table cimport addrmap_free, addrmap_get, addrmap_put, addrmap_remove, u64map_free, u64map_get, u64map_remove

cdef enum:
    SLOW_TICK_US = 100000   # us; reports, consent and layers need no finer clock


cdef Pipeline* pipeline_new(int srtp_backend, int64_t wall_offset_us, Flush flush, void* context) noexcept nogil:
    cdef Pipeline* pl = <Pipeline*>calloc(1, sizeof(Pipeline))
    if pl == NULL:
        return NULL
    pl.wall_offset_us = wall_offset_us
    pl.srtp = srtp_engine_new(srtp_backend)
    if pl.srtp == NULL or output_init(&pl.output, pl.srtp, flush, context) < 0 or events_init(&pl.events) < 0:
        pipeline_free(pl)
        return NULL
    return pl


cdef void pipeline_free(Pipeline* pl) noexcept nogil:
    srtp_engine_free(pl.srtp)
    output_free(&pl.output)
    events_free(&pl.events)
    addrmap_free(&pl.peers)
    u64map_free(&pl.ufrags)
    u64map_free(&pl.transports)
    u64map_free(&pl.producers)
    u64map_free(&pl.consumers)
    while pl.observers.count:
        observer_free(pl, <Observer*>pl.observers.items[0])
    free(pl.observers.items)
    free(pl.all_transports.items)
    free(pl.catching_up.items)
    free(pl)


cdef void pipeline_receive(
    Pipeline* pl, Transport* owner, const uint8_t* data, int length, const Addr* source, int64_t now_us
) noexcept nogil:
    cdef Transport* t = owner
    cdef int reason
    if length < 2:
        drop(pl, DROP_EMPTY, 1)
        return
    # RFC 7983 §7, by the first byte
    if data[0] < 4 and t == NULL:
        _count(pl, NULL, _stun(pl, data, length, source, now_us))
        return
    if t == NULL:
        t = <Transport*>addrmap_get(&pl.peers, source)
        if t == NULL:
            drop(pl, DROP_UNKNOWN_PEER, 1)
            return
    if 128 <= data[0] < 192:
        if t.kind == TRANSPORT_PLAIN and not _plain_source(t, source):
            reason = DROP_UNKNOWN_PEER
        elif 192 <= data[1] < 224:  # RFC 5761 §4
            reason = feedback_receive(pl, t, data, length, now_us)
            if reason == DROP_NONE:
                _heard(pl, t, source, True, now_us)
        else:
            reason = ingress_rtp(pl, t, data, length, now_us)
            if reason == DROP_NONE or reason == DROP_PRODUCER_PAUSED:
                _heard(pl, t, source, False, now_us)
            if pl.batch_count == BATCH_PACKETS_MAX:
                pipeline_finish(pl, now_us)
    elif 20 <= data[0] < 64 and t.kind != TRANSPORT_PLAIN:
        reason = events_put(&pl.events, EVENT_DTLS, t.id, 0, data, <uint32_t>length) if length >= 13 else DROP_DTLS_MALFORMED
    else:
        reason = DROP_UNKNOWN_PROTOCOL
    _count(pl, t, reason)


cdef inline void _count(Pipeline* pl, Transport* t, int reason) noexcept nogil:
    if reason != DROP_NONE:
        if t != NULL:
            t.drops[reason] += 1
        drop(pl, reason, 1)


cdef int _stun(Pipeline* pl, const uint8_t* data, int length, const Addr* source, int64_t now_us) noexcept nogil:
    cdef StunMessage m
    cdef Transport* t
    cdef Addr evicted
    cdef uint8_t* out
    cdef int out_len = 0
    cdef int changed = 0
    cdef uint64_t previous
    cdef int reason = stun_parse(data, length, &m)
    if reason != DROP_NONE:
        return reason
    if not stun_is_request(&m):
        return DROP_STUN_UNEXPECTED
    t = <Transport*>u64map_get(&pl.ufrags, ufrag_key(data + m.username, m.ufrag_len))
    if m.ufrag_len == 0 or t == NULL:
        return DROP_STUN_UNKNOWN_UFRAG
    previous = ufrag_key(t.ice.previous.ufrag, t.ice.previous.ufrag_len)
    out = output_room(&pl.output, STUN_ANSWER_BYTES_MAX)
    reason = ice_handle_request(&t.ice, data, length, &m, source, now_us, out, &out_len, &changed, &evicted)
    if out_len:
        output_commit(&pl.output, source, out_len)
    if changed & ICE_RESTARTED:
        u64map_remove(&pl.ufrags, previous)
    if changed & ICE_TUPLE_EVICTED and addrmap_get(&pl.peers, &evicted) == t:
        addrmap_remove(&pl.peers, &evicted)
    if reason == DROP_NONE and addrmap_get(&pl.peers, source) != t and ice_knows(&t.ice, source):
        # Also when another transport has proved the address since: with a forged source it can do so
        # only until the next check from there.
        addrmap_put(&pl.peers, source, t)
    if changed:
        _ice_changed(pl, t, changed, now_us)
    return reason


cdef void _ice_changed(Pipeline* pl, Transport* t, int changed, int64_t now_us) noexcept nogil:
    cdef const Addr* selected = ice_selected(&t.ice)
    if changed & ICE_SELECTED_CHANGED:
        if selected == NULL:
            t.destination.family = 0
        else:
            t.destination = selected[0]
        events_put(&pl.events, EVENT_ICE_TUPLE, t.id, 0, NULL, 0)
        pipeline_transport_ready(pl, t, now_us)
    if changed & ICE_STATE_CHANGED:
        events_put(&pl.events, EVENT_ICE_STATE, t.id, t.ice.state, NULL, 0)


cdef inline bint _plain_source(const Transport* t, const Addr* source) noexcept nogil:
    """A plain transport hears only its peer, and with comedia whoever is first."""
    if t.destination.family == 0:
        return t.comedia
    return addr_equal(source, &t.destination) or (not t.rtcp_mux and addr_equal(source, &t.rtcp_destination)) or (
        t.comedia and not t.rtcp_mux and t.rtcp_destination.family == 0 and source.socket != t.destination.socket
    )


cdef inline void _heard(Pipeline* pl, Transport* t, const Addr* source, bint rtcp, int64_t now_us) noexcept nogil:
    if t.kind == TRANSPORT_PLAIN:
        _plain_learn(pl, t, source, rtcp, now_us)
    else:
        ice_heard(&t.ice, source, now_us)


cdef inline void _plain_learn(Pipeline* pl, Transport* t, const Addr* source, bint rtcp, int64_t now_us) noexcept nogil:
    """comedia: the source of the first accepted packet is where packets go (RFC 4145's idea, as mediasoup names it)."""
    if not t.comedia:
        return
    if rtcp and not t.rtcp_mux:
        if t.rtcp_destination.family == 0:
            t.rtcp_destination = source[0]
        return
    if t.destination.family == 0:
        t.destination = source[0]
        events_put(&pl.events, EVENT_TUPLE, t.id, 0, NULL, 0)
        pipeline_transport_ready(pl, t, now_us)


cdef void pipeline_transport_ready(Pipeline* pl, Transport* t, int64_t now_us) noexcept nogil:
    cdef Producer* producer
    cdef int i, j
    if not transport_ready(t):
        return
    for i in range(t.consumers.count):
        feedback_consumer_start(pl, <Consumer*>t.consumers.items[i], now_us)
    for i in range(t.producers.count):
        producer = <Producer*>t.producers.items[i]
        for j in range(producer.encoding_count):
            if producer.streams[j].key_frame_wanted:
                producer.streams[j].key_frame_asked_us = 0


cdef void pipeline_finish(Pipeline* pl, int64_t now_us) noexcept nogil:
    cdef Producer* producer
    cdef int i
    pl.abs_send_time = abs_send_time(now_us)
    for i in range(pl.touched_count):
        producer = pl.touched[i]
        egress_producer(pl, producer, now_us)
        producer.batch_first = -1
    pl.touched_count = 0
    pl.batch_count = 0
    if pl.catching_up.count:
        catch_up_run(pl, now_us)
    output_flush(&pl.output)


cdef void pipeline_tick(Pipeline* pl, int64_t now_us) noexcept nogil:
    cdef Transport* t
    cdef bint slow = now_us >= pl.next_slow_us
    cdef int i, j, k
    if slow:
        pl.next_slow_us = now_us + SLOW_TICK_US
    pipeline_finish(pl, now_us)     # below, rings may move: nothing may point into them
    for i in range(pl.all_transports.count):
        t = <Transport*>pl.all_transports.items[i]
        for j in range(t.producers.count):
            _tick_producer(pl, <Producer*>t.producers.items[j], slow, now_us)
        if slow:
            if t.kind != TRANSPORT_PLAIN:
                k = ice_tick(&t.ice, now_us)
                if k:
                    _ice_changed(pl, t, k, now_us)
            feedback_reports(pl, t, now_us)
    if slow:
        observers_tick(pl, now_us)
    pipeline_finish(pl, now_us)


cdef void _tick_producer(Pipeline* pl, Producer* producer, bint slow, int64_t now_us) noexcept nogil:
    cdef int i
    for i in range(producer.encoding_count):
        feedback_stream_tick(pl, producer.streams[i], now_us)
        if producer.video:
            catch_up_resize(producer.streams[i], now_us)
    if slow:
        adapt_tick(pl, producer, now_us)
