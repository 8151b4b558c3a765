"""See history.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from vpaas_core._fastpath.limits cimport DATAGRAM_BYTES_MAX
from vpaas_core._fastpath.rtp cimport Packet


cdef int history_init(History* h, int packets) noexcept nogil:
    cdef int i
    h.mask = <uint32_t>packets - 1
    h.slots = <Packet*>calloc(packets, sizeof(Packet))
    h.blocks[0] = <uint8_t*>malloc(<size_t>(packets + 1) * DATAGRAM_BYTES_MAX)  # touched only as packets come
    h.block_count = 1
    if h.slots == NULL or h.blocks[0] == NULL:
        history_free(h)
        return -1
    for i in range(packets):
        h.slots[i].data = h.blocks[0] + <size_t>i * DATAGRAM_BYTES_MAX
        h.slots[i].ext_seq = -1
    h.spare.data = h.blocks[0] + <size_t>packets * DATAGRAM_BYTES_MAX
    return 0


cdef void history_free(History* h) noexcept nogil:
    cdef int i
    free(h.slots)
    for i in range(h.block_count):
        free(h.blocks[i])
    h.slots = NULL
    h.block_count = 0


cdef void history_clear(History* h) noexcept nogil:
    cdef uint32_t i
    for i in range(h.mask + 1):
        h.slots[i].ext_seq = -1


cdef int history_grow(History* h) noexcept nogil:
    cdef uint32_t packets = h.mask + 1
    cdef Packet* slots
    cdef uint8_t* block
    cdef uint32_t i, upper
    if h.block_count == HISTORY_BLOCKS_MAX:
        return -1
    slots = <Packet*>calloc(2 * packets, sizeof(Packet))
    block = <uint8_t*>malloc(<size_t>packets * DATAGRAM_BYTES_MAX)
    if slots == NULL or block == NULL:
        free(slots)
        free(block)
        return -1
    for i in range(packets):    # a packet keeps its place or moves up by `packets`; a new buffer takes the other one
        upper = packets if h.slots[i].ext_seq >= 0 and h.slots[i].ext_seq & packets else 0
        slots[i + upper] = h.slots[i]
        slots[i + packets - upper].data = block + <size_t>i * DATAGRAM_BYTES_MAX
        slots[i + packets - upper].ext_seq = -1
    free(h.slots)
    h.slots = slots
    h.blocks[h.block_count] = block
    h.block_count += 1
    h.mask = 2 * packets - 1
    return 0


cdef int history_shrink(History* h, int packets, int64_t highest) noexcept nogil:
    cdef History fresh
    cdef Packet* p
    cdef Packet* slot
    cdef uint8_t* data
    cdef int64_t ext_seq
    if history_init(&fresh, packets) < 0:
        return -1
    for ext_seq in range(max(<int64_t>0, highest - packets + 1), highest + 1):
        p = history_find(h, ext_seq)
        if p == NULL:
            continue
        slot = &fresh.slots[ext_seq & fresh.mask]
        data = slot.data
        slot[0] = p[0]
        slot.data = data
        memcpy(data, p.data, p.length)
    history_free(h)
    h[0] = fresh
    return 0


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

    def grow(self) -> bool:
        return history_grow(&self._h) == 0

    def shrink(self, packets: int, highest: int) -> bool:
        return history_shrink(&self._h, packets, highest) == 0

    def clear(self) -> None:
        history_clear(&self._h)
