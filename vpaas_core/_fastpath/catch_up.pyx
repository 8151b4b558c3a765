"""See catch_up.pxd."""

from libc.stdint cimport int64_t, uint32_t

from vpaas_core._fastpath.codecs.descriptor cimport BY_DEPENDENCY, DESCRIBED
from vpaas_core._fastpath.egress cimport egress_forward
from vpaas_core._fastpath.history cimport history_find, history_grow, history_shrink
from vpaas_core._fastpath.limits cimport (
    CATCH_UP_BPS_MIN,
    CATCH_UP_SPEED,
    HISTORY_PACKETS_VIDEO,
    KEY_FRAME_CACHE_PACKETS_MAX,
    SOURCE_IDLE_US,
)
from vpaas_core._fastpath.nack cimport nack_awaits
from vpaas_core._fastpath.renumber cimport renumber_catch_up
from vpaas_core._fastpath.router cimport Producer, Transport, pointers_add, pointers_remove, transport_ready
from vpaas_core._fastpath.rtp cimport Packet
from vpaas_core._fastpath.select cimport select_start
from vpaas_core._fastpath.seqnum cimport distance32

cdef enum:
    BURST_US = 20000    # us of the pace that may be sent at once: the start, and what a late turn of the loop makes up for


cdef const Packet* _cached(const RecvStream* s, int64_t now_us) noexcept nogil:
    """The first packet of a key frame since which the ring holds everything; NULL: there is none."""
    cdef const Packet* p
    if s.key_seq < 0 or now_us - s.key_us > s.producer.key_frame_cache_us:
        return NULL
    p = history_find(&s.history, s.key_seq)
    if p == NULL or p.described != DESCRIBED:
        return NULL
    if p.layers.by == BY_DEPENDENCY and p.layers.generation != s.descriptor.dd.generation:
        return NULL
    return p


cdef bint catch_up_start(Pipeline* pl, Consumer* c, int64_t now_us) noexcept nogil:
    cdef const RecvStream* s = c.producer.streams[c.target]
    cdef const Packet* p = _cached(s, now_us)
    if p == NULL or (not c.queued and pointers_add(&pl.catching_up, c) < 0):
        return False
    c.queued = True
    c.catching_up = True
    c.catch_up_us = now_us
    c.catch_up_bytes = _pace_bps(s, now_us) * BURST_US // 8000000
    _enter(c, s, p, now_us)
    return True


cdef void _enter(Consumer* c, const RecvStream* s, const Packet* p, int64_t now_us) noexcept nogil:
    select_start(c, p, _stamp(s, now_us), now_us)
    c.cursor = p.ext_seq


cdef inline uint32_t _stamp(const RecvStream* s, int64_t now_us) noexcept nogil:
    """What the source would stamp now."""
    return s.last_timestamp + <uint32_t>((now_us - s.last_packet_us) * s.clock_rate // 1000000)


cdef inline int64_t _pace_bps(const RecvStream* s, int64_t now_us) noexcept nogil:
    return max(<int64_t>CATCH_UP_BPS_MIN, CATCH_UP_SPEED * 8000000 * <int64_t>s.key_bytes // (now_us - s.key_us + 100000))


cdef void catch_up_run(Pipeline* pl, int64_t now_us) noexcept nogil:
    cdef Consumer* c
    cdef int i = pl.catching_up.count
    while i > 0:
        i -= 1
        c = <Consumer*>pl.catching_up.items[i]
        if c.catching_up and not c.paused and c.synced and transport_ready(c.transport):
            _send_due(pl, c, now_us)
        else:
            c.catching_up = c.synced = False
        if not c.catching_up:
            c.queued = False
            pointers_remove(&pl.catching_up, c)


cdef void _send_due(Pipeline* pl, Consumer* c, int64_t now_us) noexcept nogil:
    cdef RecvStream* s = c.producer.streams[c.current]
    cdef int64_t pace_bps = _pace_bps(s, now_us)
    # No picture is stamped later than the newest of the source, unless that has fallen silent: then it is the past as well.
    cdef bint flows = now_us - s.last_packet_us < SOURCE_IDLE_US
    cdef uint32_t line, ahead_max
    cdef const Packet* p
    c.catch_up_bytes += (now_us - c.catch_up_us) * pace_bps // 8000000
    c.catch_up_bytes = min(c.catch_up_bytes, pace_bps * BURST_US // 8000000)
    c.catch_up_us = now_us
    if s.key_seq > c.cursor:    # a new key frame: nothing before it is needed
        p = history_find(&s.history, s.key_seq)
        if p != NULL and p.described == DESCRIBED:
            _enter(c, s, p, now_us)
    if s.replay.highest - c.cursor > s.history.mask:    # the ring has shrunk
        c.catching_up = c.synced = False
        return
    line = (s.last_timestamp if flows else _stamp(s, now_us)) + c.numbers.timestamp_offset
    ahead_max = _stamp(s, now_us) + c.numbers.timestamp_offset + <uint32_t>(BURST_US * s.clock_rate // 1000000)
    while c.cursor <= s.replay.highest:
        p = history_find(&s.history, c.cursor)
        if p == NULL:
            if nack_awaits(&s.nacks, c.cursor):
                return
        elif p.described == DESCRIBED:
            if flows and p.timestamp == s.last_timestamp and p.timestamp != c.numbers.hasty_in:
                _go_live(pl, c, s, p, now_us)   # the newest frame: earlier it would be stamped ahead of time
                return
            if c.catch_up_bytes <= 0:
                return
            if p.timestamp != c.numbers.hasty_in and distance32(c.numbers.out_timestamp_max, ahead_max) > 0:
                return  # frames are small: their least distance in time bounds them, not their size
            c.catch_up_bytes -= egress_forward(pl, c, p, &line, now_us)
        c.cursor += 1


cdef void _go_live(Pipeline* pl, Consumer* c, RecvStream* s, const Packet* first, int64_t now_us) noexcept nogil:
    cdef const Packet* p
    cdef int64_t ext_seq
    renumber_catch_up(&c.numbers, first.timestamp)
    c.catching_up = False
    for ext_seq in range(first.ext_seq, s.replay.highest + 1):
        p = history_find(&s.history, ext_seq)
        if p != NULL and p.described == DESCRIBED:
            egress_forward(pl, c, p, NULL, now_us)


cdef void catch_up_resize(RecvStream* s, int64_t now_us) noexcept nogil:
    cdef int packets = s.history.mask + 1
    cdef int64_t since = s.replay.highest - s.key_seq
    if s.key_seq >= 0 and since < packets and now_us - s.key_us <= s.producer.key_frame_cache_us:
        if since > packets * 3 // 4 and packets < KEY_FRAME_CACHE_PACKETS_MAX:
            history_grow(&s.history)
    elif packets > HISTORY_PACKETS_VIDEO:
        history_shrink(&s.history, HISTORY_PACKETS_VIDEO, s.replay.highest)
