"""See score.pxd."""

from libc.stdint cimport int64_t, uint16_t, uint8_t


cdef void score_init(Score* s) noexcept nogil:
    s.value = s.told = 10
    s.mean_q8 = 10 << 8
    s.packets_prior = s.lost_prior = s.repaired_prior = 0


cdef void score_interval(Score* s, int64_t expected, int64_t lost, int64_t repaired) noexcept nogil:
    cdef double delivered
    cdef int now_q8
    if expected <= 0:
        s.value = 0
        s.mean_q8 = 0
        return
    delivered = 1.0 - <double>max(<int64_t>0, lost - repaired) / <double>expected
    now_q8 = <int>(10 * 256 * delivered * delivered * delivered * delivered) if delivered > 0 else 0
    # What flows again is believed at once, then every new second counts for a quarter.
    s.mean_q8 = <uint16_t>(now_q8 if s.value == 0 else (3 * s.mean_q8 + now_q8) // 4)
    s.value = <uint8_t>max(1, (s.mean_q8 + 128) >> 8)


cdef class Scores:
    """A Score for its tests."""

    cdef Score _s

    def __init__(self) -> None:
        score_init(&self._s)

    def interval(self, expected: int, lost: int, repaired: int) -> int:
        score_interval(&self._s, expected, lost, repaired)
        return self._s.value
