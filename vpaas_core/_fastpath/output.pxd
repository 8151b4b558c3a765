"""Datagrams on their way out. Those written one after another to one destination with one size become one GSO message.

A writer asks for room, writes, and commits; when arena or messages run out, what is there goes to the kernel (or to the test).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from vpaas_core._fastpath.limits cimport SEND_ARENA_BYTES, SEND_MESSAGES_MAX
from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.srtp cimport SrtpEngine


cdef struct OutMessage:
    Addr to
    uint32_t offset     # in the arena
    uint32_t length     # bytes of all segments
    uint16_t segment    # bytes of each segment; only the last may be shorter
    uint16_t segments


ctypedef void (*Flush)(void* context, const uint8_t* arena, const OutMessage* messages, int n) noexcept nogil


cdef struct Output:
    uint8_t* arena
    SrtpEngine* srtp    # finishes what it has queued before anything leaves
    Flush flush
    void* context
    uint32_t used
    int count
    bint open           # the last message may take another segment
    OutMessage messages[SEND_MESSAGES_MAX]


cdef int output_init(Output* o, SrtpEngine* srtp, Flush flush, void* context) noexcept nogil
cdef void output_free(Output* o) noexcept nogil
cdef void output_commit(Output* o, const Addr* to, int length) noexcept nogil
cdef void output_flush(Output* o) noexcept nogil


cdef inline uint8_t* output_room(Output* o, uint32_t length) noexcept nogil:
    """Where up to `length` bytes may be written; valid until the next call of any function here."""
    if o.used + length > SEND_ARENA_BYTES or o.count == SEND_MESSAGES_MAX:
        output_flush(o)
    return o.arena + o.used
