"""Bits of a message, the highest of each byte first. What lies behind the end is noticed and reads as 0."""

from libc.stdint cimport uint8_t, uint32_t


cdef struct Bits:
    const uint8_t* data
    int at              # bits
    int end
    bint short          # something lay behind the end


cdef inline void bits_init(Bits* b, const uint8_t* data, int len, int at) noexcept nogil:
    b.data = data
    b.at = at
    b.end = 8 * len
    b.short = False


cdef inline uint32_t f(Bits* b, int n) noexcept nogil:
    """n bits, at most 32. The name is that of AV1's and the dependency descriptor's syntax (AV1 §4.10.2)."""
    cdef uint32_t value = 0
    cdef int room, take
    if n > b.end - b.at:
        b.short = True
        b.at = b.end
        return 0
    while n > 0:
        room = 8 - (b.at & 7)
        take = n if n < room else room
        value = (value << take) | ((b.data[b.at >> 3] >> (room - take)) & ((1 << take) - 1))
        b.at += take
        n -= take
    return value


cdef inline void skip(Bits* b, int n) noexcept nogil:
    b.short = b.short or n > b.end - b.at
    b.at = b.end if b.short else b.at + n


cdef inline int put(uint8_t* out, int at, uint32_t value, int n) noexcept nogil:
    """Writes n bits behind bit `at`; what follows in the byte becomes 0. Returns where they end."""
    cdef int room, take
    cdef uint8_t before
    while n > 0:
        room = 8 - (at & 7)
        take = n if n < room else room
        before = out[at >> 3] & <uint8_t>(0xFF << room)
        out[at >> 3] = before | <uint8_t>(((value >> (n - take)) & ((1 << take) - 1)) << (room - take))
        at += take
        n -= take
    return at
