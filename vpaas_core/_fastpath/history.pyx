"""See history.pxd."""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free, malloc

from vpaas_core._fastpath.limits cimport DATAGRAM_BYTES_MAX
from vpaas_core._fastpath.rtp cimport Packet


cdef int history_init(History* h, int packets) noexcept nogil:
    cdef int i
    h.mask = <uint32_t>packets - 1
    h.slots = <Packet*>calloc(packets, sizeof(Packet))
    h.memory = <uint8_t*>malloc(<size_t>(packets + 1) * DATAGRAM_BYTES_MAX)  # touched only as packets come
    if h.slots == NULL or h.memory == NULL:
        history_free(h)
        return -1
    for i in range(packets):
        h.slots[i].data = h.memory + <size_t>i * DATAGRAM_BYTES_MAX
        h.slots[i].ext_seq = -1
    h.spare.data = h.memory + <size_t>packets * DATAGRAM_BYTES_MAX
    return 0


cdef void history_free(History* h) noexcept nogil:
    free(h.slots)
    free(h.memory)
    h.slots = NULL
    h.memory = NULL


cdef void history_clear(History* h) noexcept nogil:
    cdef uint32_t i
    for i in range(h.mask + 1):
        h.slots[i].ext_seq = -1


cdef Packet* history_store(History* h) noexcept nogil:
    cdef Packet* slot = &h.slots[h.spare.ext_seq & h.mask]
    cdef uint8_t* free_buffer = slot.data
    slot[0] = h.spare
    h.spare.data = free_buffer
    return slot
