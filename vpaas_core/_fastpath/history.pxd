"""The ring of a producer stream: each packet lives here once, in plaintext, for all consumers and for NACK.

A packet is decrypted into the spare buffer and only swapped in once it is authentic, so a forged one overwrites nothing.
The ring grows, and shrinks again, between batches: see catch_up.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from vpaas_core._fastpath.rtp cimport Packet

cdef enum:
    HISTORY_BLOCKS_MAX = 8      # of memory: one at first, another at each doubling


cdef struct History:
    Packet* slots
    Packet spare        # the next packet is written here
    uint8_t* blocks[HISTORY_BLOCKS_MAX]
    int block_count
    uint32_t mask


cdef int history_init(History* h, int packets) noexcept nogil  # 0, or -1 without memory
cdef void history_free(History* h) noexcept nogil
cdef void history_clear(History* h) noexcept nogil
# Stores the spare packet under its ext_seq and returns where it stands until `packets` later ones have come.
cdef Packet* history_store(History* h) noexcept nogil
# Twice as many packets. Whatever pointed into the ring is void. 0, or -1 without memory: it stays as it was.
cdef int history_grow(History* h) noexcept nogil
# Back to `packets`, the newest up to `highest`. The same for pointers and memory.
cdef int history_shrink(History* h, int packets, int64_t highest) noexcept nogil


cdef inline Packet* history_find(const History* h, int64_t ext_seq) noexcept nogil:
    cdef Packet* p = &h.slots[ext_seq & h.mask]
    return p if p.ext_seq == ext_seq else NULL
