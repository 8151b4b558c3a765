"""Which packets a consumer gets: where it starts, and which encoding it follows. No clock, no I/O."""

from libc.stdint cimport int64_t, uint32_t

from vpaas_core._fastpath.router cimport Consumer
from vpaas_core._fastpath.rtp cimport Packet


# For a packet that the consumer does not simply follow: DROP_NONE when it starts or switches here, else why not.
cdef int select_packet(Consumer* c, const Packet* p, int64_t now_us) noexcept nogil
# It starts or switches here; in_timestamp: of the packet, or what its source would stamp now.
cdef void select_start(Consumer* c, const Packet* p, uint32_t in_timestamp, int64_t now_us) noexcept nogil
# Chooses the encoding to follow among those that arrive, and layers, as the viewer prefers.
cdef void select_target(Consumer* c) noexcept nogil
# Whether what it follows arrives; else it waits, and nothing is lost by starting with a picture of the past.
cdef bint select_flows(const Consumer* c) noexcept nogil


cdef inline bint select_follows(const Consumer* c, const Packet* p) noexcept nogil:
    return c.synced and p.encoding == c.current
