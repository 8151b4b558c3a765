"""Sequence numbers that never wrap: a 16-bit number is extended to 64 bits next to the one seen last."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint16_t, uint32_t


cdef inline int64_t extend16(int64_t reference, uint16_t seq) noexcept nogil:
    """The 64-bit number nearest to `reference` whose low 16 bits are `seq` (RFC 3711 §3.3.1)."""
    return reference + <int16_t>(seq - <uint16_t>reference)


cdef inline int32_t distance32(uint32_t newer, uint32_t older) noexcept nogil:
    """How far `newer` is ahead of `older`, as RTP timestamps wrap."""
    return <int32_t>(newer - older)
