"""A peer's address, small enough to compare and hash in a few instructions."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy


cdef struct Addr:
    uint8_t ip[16]      # network order; IPv4 in the first four bytes, the rest zero
    uint16_t port       # host order
    uint8_t family      # 4 or 6; 0: no address
    uint8_t socket      # which of the worker's sockets it speaks to


cdef inline bint addr_equal(const Addr* a, const Addr* b) noexcept nogil:
    return memcmp(a, b, sizeof(Addr)) == 0


cdef inline uint32_t addr_hash(const Addr* a) noexcept nogil:
    cdef uint32_t w[5]
    cdef uint32_t h = 0x9E3779B1u
    cdef int i
    memcpy(w, a, 20)
    for i in range(5):
        h = (h ^ w[i]) * 0x85EBCA6Bu
        h ^= h >> 15
    return h
