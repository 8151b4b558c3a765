"""See events.pxd."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from vpaas_core._fastpath.drop cimport DROP_EVENT_RING_FULL, DROP_NONE
from vpaas_core._fastpath.limits cimport EVENT_BYTES_MAX, EVENT_RESERVE_BYTES, EVENT_RING_BYTES


cdef int events_init(EventRing* ring) noexcept nogil:
    ring.data = <uint8_t*>malloc(EVENT_RING_BYTES)
    ring.head = 0
    ring.tail = 0
    return 0 if ring.data != NULL else -1


cdef void events_free(EventRing* ring) noexcept nogil:
    free(ring.data)
    ring.data = NULL


cdef void _write(EventRing* ring, const void* source, uint32_t n) noexcept nogil:
    cdef uint32_t at = ring.head % EVENT_RING_BYTES
    cdef uint32_t first = min(n, EVENT_RING_BYTES - at)
    memcpy(ring.data + at, source, first)
    memcpy(ring.data, <const uint8_t*>source + first, n - first)
    ring.head += n


cdef void _read(EventRing* ring, void* target, uint32_t n) noexcept nogil:
    cdef uint32_t at = ring.tail % EVENT_RING_BYTES
    cdef uint32_t first = min(n, EVENT_RING_BYTES - at)
    memcpy(target, ring.data + at, first)
    memcpy(<uint8_t*>target + first, ring.data, n - first)
    ring.tail += n


cdef int events_put(EventRing* ring, int kind, uint32_t id, int value, const uint8_t* payload, uint32_t size) noexcept nogil:
    cdef EventHeader header
    cdef uint32_t room = EVENT_RING_BYTES - (ring.head - ring.tail)
    if size:  # datagrams come again, a change of state does not: a flood of them leaves room for it
        room = room - EVENT_RESERVE_BYTES if room > EVENT_RESERVE_BYTES else 0
    if size > EVENT_BYTES_MAX or sizeof(EventHeader) + size > room:
        return DROP_EVENT_RING_FULL
    header.size = size
    header.id = id
    header.kind = <uint16_t>kind
    header.value = <uint16_t>value
    _write(ring, &header, sizeof(EventHeader))
    if size:
        _write(ring, payload, size)
    return DROP_NONE


cdef int events_take(EventRing* ring, EventHeader* header, uint8_t* out) noexcept nogil:
    if ring.head == ring.tail:
        return -1
    _read(ring, header, sizeof(EventHeader))
    _read(ring, out, header.size)
    return <int>header.size
