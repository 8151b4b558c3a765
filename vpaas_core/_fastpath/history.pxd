"""The ring of a producer stream: each packet lives here once, in plaintext, for all consumers and for NACK.

A packet is decrypted into the spare buffer and only swapped in once it is authentic, so a forged one overwrites nothing.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from vpaas_core._fastpath.rtp cimport Packet


cdef struct History:
    Packet* slots
    Packet spare        # the next packet is written here
    uint8_t* memory
    uint32_t mask


cdef int history_init(History* h, int packets) noexcept nogil  # 0, or -1 without memory
cdef void history_free(History* h) noexcept nogil
cdef void history_clear(History* h) noexcept nogil
# Stores the spare packet under its ext_seq and returns where it stands until `packets` later ones have come.
cdef Packet* history_store(History* h) noexcept nogil


cdef inline Packet* history_find(const History* h, int64_t ext_seq) noexcept nogil:
    cdef Packet* p = &h.slots[ext_seq & h.mask]
    return p if p.ext_seq == ext_seq else NULL
