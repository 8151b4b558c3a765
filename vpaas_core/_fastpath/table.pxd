"""Open-addressing maps: by 64-bit number (ssrc, object id, hashed ufrag) and by address.

They grow only when something is put, which happens in control calls and after authentication, never per packet.
"""

from libc.stdint cimport uint32_t, uint64_t

from vpaas_core._fastpath.net cimport Addr


cdef struct U64Map:
    uint64_t* keys
    void** values       # NULL: free slot
    uint32_t capacity   # 0 or a power of two
    uint32_t used


cdef struct AddrMap:
    Addr* keys
    void** values
    uint32_t capacity
    uint32_t used


cdef void* u64map_get(const U64Map* m, uint64_t key) noexcept nogil
cdef int u64map_put(U64Map* m, uint64_t key, void* value) noexcept nogil  # 0, or -1 without memory
cdef void u64map_remove(U64Map* m, uint64_t key) noexcept nogil
cdef void u64map_free(U64Map* m) noexcept nogil

cdef void* addrmap_get(const AddrMap* m, const Addr* key) noexcept nogil
cdef int addrmap_put(AddrMap* m, const Addr* key, void* value) noexcept nogil
cdef void addrmap_remove(AddrMap* m, const Addr* key) noexcept nogil
cdef void addrmap_free(AddrMap* m) noexcept nogil
