"""See table.pxd. Linear probing, at most half full, removal by shifting back (no tombstones)."""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from vpaas_core._fastpath.net cimport Addr, addr_equal, addr_hash


cdef inline uint32_t _mix(uint64_t key) noexcept nogil:
    key ^= key >> 33
    key *= <uint64_t>0xFF51AFD7ED558CCDu
    key ^= key >> 33
    return <uint32_t>key


cdef void* u64map_get(const U64Map* m, uint64_t key) noexcept nogil:
    if m.used == 0:
        return NULL
    cdef uint32_t mask = m.capacity - 1
    cdef uint32_t i = _mix(key) & mask
    while m.values[i] != NULL:
        if m.keys[i] == key:
            return m.values[i]
        i = (i + 1) & mask
    return NULL


cdef int _u64map_grow(U64Map* m) noexcept nogil:
    cdef U64Map bigger
    cdef uint32_t i
    bigger.capacity = m.capacity * 2 if m.capacity else 8
    bigger.used = 0
    bigger.keys = <uint64_t*>calloc(bigger.capacity, sizeof(uint64_t))
    bigger.values = <void**>calloc(bigger.capacity, sizeof(void*))
    if bigger.keys == NULL or bigger.values == NULL:
        free(bigger.keys)
        free(bigger.values)
        return -1
    for i in range(m.capacity):
        if m.values[i] != NULL:
            u64map_put(&bigger, m.keys[i], m.values[i])
    u64map_free(m)
    m[0] = bigger
    return 0


cdef int u64map_put(U64Map* m, uint64_t key, void* value) noexcept nogil:
    if m.used * 2 >= m.capacity and _u64map_grow(m) < 0:
        return -1
    cdef uint32_t mask = m.capacity - 1
    cdef uint32_t i = _mix(key) & mask
    while m.values[i] != NULL and m.keys[i] != key:
        i = (i + 1) & mask
    if m.values[i] == NULL:
        m.used += 1
    m.keys[i] = key
    m.values[i] = value
    return 0


cdef void u64map_remove(U64Map* m, uint64_t key) noexcept nogil:
    if m.used == 0:
        return
    cdef uint32_t mask = m.capacity - 1
    cdef uint32_t hole = _mix(key) & mask
    cdef uint32_t i, home
    while m.values[hole] != NULL and m.keys[hole] != key:
        hole = (hole + 1) & mask
    if m.values[hole] == NULL:
        return
    m.used -= 1
    i = hole
    while True:
        i = (i + 1) & mask
        if m.values[i] == NULL:
            break
        home = _mix(m.keys[i]) & mask
        if ((i - home) & mask) >= ((i - hole) & mask):
            m.keys[hole] = m.keys[i]
            m.values[hole] = m.values[i]
            hole = i
    m.values[hole] = NULL


cdef void u64map_free(U64Map* m) noexcept nogil:
    free(m.keys)
    free(m.values)
    m.keys = NULL
    m.values = NULL
    m.capacity = 0
    m.used = 0


cdef void* addrmap_get(const AddrMap* m, const Addr* key) noexcept nogil:
    if m.used == 0:
        return NULL
    cdef uint32_t mask = m.capacity - 1
    cdef uint32_t i = addr_hash(key) & mask
    while m.values[i] != NULL:
        if addr_equal(&m.keys[i], key):
            return m.values[i]
        i = (i + 1) & mask
    return NULL


cdef int _addrmap_grow(AddrMap* m) noexcept nogil:
    cdef AddrMap bigger
    cdef uint32_t i
    bigger.capacity = m.capacity * 2 if m.capacity else 16
    bigger.used = 0
    bigger.keys = <Addr*>calloc(bigger.capacity, sizeof(Addr))
    bigger.values = <void**>calloc(bigger.capacity, sizeof(void*))
    if bigger.keys == NULL or bigger.values == NULL:
        free(bigger.keys)
        free(bigger.values)
        return -1
    for i in range(m.capacity):
        if m.values[i] != NULL:
            addrmap_put(&bigger, &m.keys[i], m.values[i])
    addrmap_free(m)
    m[0] = bigger
    return 0


cdef int addrmap_put(AddrMap* m, const Addr* key, void* value) noexcept nogil:
    if m.used * 2 >= m.capacity and _addrmap_grow(m) < 0:
        return -1
    cdef uint32_t mask = m.capacity - 1
    cdef uint32_t i = addr_hash(key) & mask
    while m.values[i] != NULL and not addr_equal(&m.keys[i], key):
        i = (i + 1) & mask
    if m.values[i] == NULL:
        m.used += 1
    m.keys[i] = key[0]
    m.values[i] = value
    return 0


cdef void addrmap_remove(AddrMap* m, const Addr* key) noexcept nogil:
    if m.used == 0:
        return
    cdef uint32_t mask = m.capacity - 1
    cdef uint32_t hole = addr_hash(key) & mask
    cdef uint32_t i, home
    while m.values[hole] != NULL and not addr_equal(&m.keys[hole], key):
        hole = (hole + 1) & mask
    if m.values[hole] == NULL:
        return
    m.used -= 1
    i = hole
    while True:
        i = (i + 1) & mask
        if m.values[i] == NULL:
            break
        home = addr_hash(&m.keys[i]) & mask
        if ((i - home) & mask) >= ((i - hole) & mask):
            m.keys[hole] = m.keys[i]
            m.values[hole] = m.values[i]
            hole = i
    m.values[hole] = NULL


cdef void addrmap_free(AddrMap* m) noexcept nogil:
    free(m.keys)
    free(m.values)
    m.keys = NULL
    m.values = NULL
    m.capacity = 0
    m.used = 0


cdef class NumberMap:
    """A U64Map of numbers, for its test: values are small positive integers."""

    cdef U64Map _map

    def __dealloc__(self) -> None:
        u64map_free(&self._map)

    def __len__(self) -> int:
        return self._map.used

    def put(self, key: int, value: int) -> None:
        u64map_put(&self._map, <uint64_t>key, <void*><size_t>value)

    def get(self, key: int) -> int:
        return <size_t>u64map_get(&self._map, <uint64_t>key)

    def remove(self, key: int) -> None:
        u64map_remove(&self._map, <uint64_t>key)
