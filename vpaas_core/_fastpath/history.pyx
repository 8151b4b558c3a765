"""See history.pxd."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

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


cdef class Ring:
    """A History for its tests."""

    cdef History _h

    def __init__(self, packets: int) -> None:
        if history_init(&self._h, packets) < 0:
            raise MemoryError

    def __dealloc__(self) -> None:
        history_free(&self._h)

    def store(self, ext_seq: int, data: bytes) -> None:
        memcpy(self._h.spare.data, <const char*>data, len(data))
        self._h.spare.length = <uint16_t>len(data)
        self._h.spare.ext_seq = ext_seq
        history_store(&self._h)

    def find(self, ext_seq: int) -> bytes | None:
        cdef Packet* p = history_find(&self._h, ext_seq)
        return None if p == NULL else (<const char*>p.data)[:p.length]

    def clear(self) -> None:
        history_clear(&self._h)
