"""See output.pxd."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from vpaas_core._fastpath.limits cimport GSO_BYTES_MAX, GSO_SEGMENTS_MAX, SEND_ARENA_BYTES, SEND_MESSAGES_MAX
from vpaas_core._fastpath.net cimport Addr, addr_equal
from vpaas_core._fastpath.srtp cimport EVP, SrtpEngine, srtp_engine_free, srtp_engine_new, srtp_flush
from vpaas_core._fastpath.stun cimport addr_from_python, addr_to_python


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


cdef void _collect(void* context, const uint8_t* arena, const OutMessage* messages, int n) noexcept with gil:
    cdef int i
    runs = [
        ((<const char*>arena + messages[i].offset)[:messages[i].length], addr_to_python(&messages[i].to),
         messages[i].segment, messages[i].segments)
        for i in range(n)
    ]
    (<list>context).append(runs)


cdef class Outputs:
    """An Output for its tests: `flushed` has a list of (bytes, to, segment, segments) for each flush."""

    cdef Output _o
    cdef SrtpEngine* _srtp
    cdef readonly list flushed

    def __init__(self) -> None:
        self.flushed = []
        self._srtp = srtp_engine_new(EVP)
        if self._srtp == NULL or output_init(&self._o, self._srtp, _collect, <void*>self.flushed) < 0:
            raise MemoryError

    def __dealloc__(self) -> None:
        output_free(&self._o)
        srtp_engine_free(self._srtp)

    def write(self, data: bytes, to: tuple[str, int], socket: int = 0) -> None:
        cdef Addr address
        addr_from_python(to, &address)
        address.socket = <uint8_t>socket
        memcpy(output_room(&self._o, <uint32_t>len(data)), <const char*>data, len(data))
        output_commit(&self._o, &address, <int>len(data))

    def flush(self) -> None:
        output_flush(&self._o)
