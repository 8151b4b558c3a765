"""See output.pxd."""

from libc.stdint cimport uint8_t, uint16_t
from libc.stdlib cimport free, malloc

from vpaas_core._fastpath.limits cimport GSO_BYTES_MAX, GSO_SEGMENTS_MAX, SEND_ARENA_BYTES, SEND_MESSAGES_MAX
from vpaas_core._fastpath.net cimport Addr, addr_equal
from vpaas_core._fastpath.srtp cimport SrtpEngine, srtp_flush


cdef int output_init(Output* o, SrtpEngine* srtp, Flush flush, void* context) noexcept nogil:
    o.arena = <uint8_t*>malloc(SEND_ARENA_BYTES)
    o.srtp = srtp
    o.flush = flush
    o.context = context
    o.used = 0
    o.count = 0
    o.open = False
    return 0 if o.arena != NULL else -1


cdef void output_free(Output* o) noexcept nogil:
    free(o.arena)
    o.arena = NULL


cdef void output_commit(Output* o, const Addr* to, int length) noexcept nogil:
    cdef OutMessage* m
    if o.open:
        m = &o.messages[o.count - 1]
        if (
            length <= m.segment
            and m.segments < GSO_SEGMENTS_MAX
            and m.length + length <= GSO_BYTES_MAX
            and addr_equal(&m.to, to)
        ):
            m.length += length
            m.segments += 1
            o.used += length
            o.open = length == m.segment  # only the last segment may be shorter
            return
    m = &o.messages[o.count]
    m.to = to[0]
    m.offset = o.used
    m.length = length
    m.segment = <uint16_t>length
    m.segments = 1
    o.count += 1
    o.used += length
    o.open = True


cdef void output_flush(Output* o) noexcept nogil:
    if o.count == 0:
        return
    srtp_flush(o.srtp)
    o.flush(o.context, o.arena, o.messages, o.count)
    o.used = 0
    o.count = 0
    o.open = False
