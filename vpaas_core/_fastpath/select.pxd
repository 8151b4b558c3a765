"""Which packets a consumer gets: where it starts, and which encoding it follows. No clock, no I/O."""

from libc.stdint cimport int64_t

from vpaas_core._fastpath.router cimport Consumer
from vpaas_core._fastpath.rtp cimport Packet


# For a packet that the consumer does not simply follow: DROP_NONE when it starts or switches here, else why not.
cdef int select_packet(Consumer* c, const Packet* p, int64_t now_us) noexcept nogil
# Chooses the encoding to follow among those that arrive. True when it waits for a key frame of it.
cdef bint select_target(Consumer* c, int64_t now_us) noexcept nogil


cdef inline bint select_follows(const Consumer* c, const Packet* p) noexcept nogil:
    return c.synced and p.encoding == c.current
