"""See select.pxd."""

from libc.stdint cimport int8_t, int64_t, uint16_t, uint32_t

from vpaas_core._fastpath.codecs.descriptor cimport BY_DEPENDENCY
from vpaas_core._fastpath.codecs.svc cimport SVC_TOP, svc_restart
from vpaas_core._fastpath.codecs.vp8_munger cimport vp8_munger_switch
from vpaas_core._fastpath.drop cimport DROP_CONSUMER_OLD, DROP_NONE, DROP_NOT_SELECTED, DROP_WAITING_KEY_FRAME
from vpaas_core._fastpath.limits cimport ENCODING_IDLE_US
from vpaas_core._fastpath.renumber cimport renumber_offset, renumber_sync
from vpaas_core._fastpath.router cimport Producer, RecvStream
from vpaas_core._fastpath.seqnum cimport distance32

cdef enum:
    REPORTS_APART_S_MAX = 60    # s between sender reports of two encodings, as their sender counts; beyond it one of them lies,
    ARRIVALS_APART_S_MAX = 5    # and so it does when it is so far from what their arrival tells


cdef int select_packet(Consumer* c, const Packet* p, int64_t now_us) noexcept nogil:
    if p.encoding != c.target:
        return DROP_NOT_SELECTED
    if c.keyed and not p.key_frame:
        return DROP_WAITING_KEY_FRAME
    if p.encoding == c.current and not c.other_source and p.ext_seq <= c.numbers.out_seq_max - c.numbers.seq_offset:
        return DROP_CONSUMER_OLD  # recovered from before a pause: time would go back
    select_start(c, p, p.timestamp, now_us)
    return DROP_NONE


cdef void select_start(Consumer* c, const Packet* p, uint32_t in_timestamp, int64_t now_us) noexcept nogil:
    cdef uint32_t offset = c.numbers.timestamp_offset
    c.mark_next = c.numbers.started and c.other_source and not c.keyed
    if p.encoding != c.current or c.other_source:
        offset = renumber_offset(&c.numbers, in_timestamp, now_us, c.clock_rate)
        if not c.other_source and c.current >= 0:
            offset = _aligned(c, c.producer.streams[c.current], c.producer.streams[p.encoding], offset)
    renumber_sync(&c.numbers, p.ext_seq, in_timestamp, offset)
    if c.layering != NULL:
        svc_restart(&c.layering.filter)
        vp8_munger_switch(&c.layering.pictures)
        if p.layers.by == BY_DEPENDENCY:
            c.layering.frame_offset = p.layers.picture - <uint16_t>(c.layering.frame_newest + 1)
    c.current = <int8_t>p.encoding
    c.synced = True
    c.other_source = False


cdef uint32_t _aligned(
    const Consumer* c, const RecvStream* before, const RecvStream* after, uint32_t by_arrival
) noexcept nogil:
    """The offset under which both encodings stamp the same instant alike, by their sender reports (RFC 3550 §6.4.1)."""
    cdef int64_t apart = <int64_t>(before.sr_ntp - after.sr_ntp)
    cdef int64_t limit = <int64_t>ARRIVALS_APART_S_MAX * c.clock_rate
    cdef uint32_t offset
    if before.sr_ntp == 0 or after.sr_ntp == 0 or not -REPORTS_APART_S_MAX < (apart >> 32) < REPORTS_APART_S_MAX:
        return by_arrival
    offset = before.sr_timestamp + c.numbers.timestamp_offset - after.sr_timestamp
    offset -= <uint32_t>(apart * c.clock_rate >> 32)
    if not -limit < distance32(offset, by_arrival) < limit:
        return by_arrival
    return offset


cdef inline int64_t _newest_us(const Producer* p) noexcept nogil:
    cdef int i
    cdef int64_t newest_us = 0
    for i in range(p.encoding_count):
        newest_us = max(newest_us, p.streams[i].last_packet_us)
    return newest_us


cdef inline bint _arrives(const RecvStream* s, int64_t newest_us) noexcept nogil:
    """Encodings of one picture come together, however seldom pictures are: it counts how far one is behind the others."""
    return s.last_packet_us != 0 and newest_us - s.last_packet_us < ENCODING_IDLE_US


cdef void select_target(Consumer* c) noexcept nogil:
    cdef const Producer* producer = c.producer
    cdef int64_t newest_us
    cdef int8_t target = -1
    cdef int i
    if c.layering != NULL:
        c.layering.filter.target_spatial = c.preferred_spatial if producer.encoding_count == 1 else SVC_TOP
        c.layering.filter.target_temporal = c.preferred_temporal
    if producer.encoding_count == 1:
        return
    newest_us = _newest_us(producer)
    for i in range(producer.encoding_count):  # encodings are listed from the smallest to the largest
        if _arrives(producer.streams[i], newest_us) and (i <= c.preferred_spatial or target < 0):
            target = <int8_t>i
    if target >= 0:
        c.target = target


cdef bint select_flows(const Consumer* c) noexcept nogil:
    return c.synced and (
        c.producer.encoding_count == 1 or _arrives(c.producer.streams[c.current], _newest_us(c.producer))
    )
