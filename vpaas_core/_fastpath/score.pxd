"""How well a stream gets through, 0 to 10: the share that was delivered, repaired losses counted as delivered, to the fourth power."""

from libc.stdint cimport int64_t, uint8_t, uint16_t


cdef struct Score:
    uint8_t value           # 0: nothing arrives
    uint8_t told            # as Python was told
    uint16_t mean_q8        # of the last seconds, value << 8
    int64_t packets_prior   # at the last look
    int64_t lost_prior
    int64_t repaired_prior


cdef void score_init(Score* s) noexcept nogil
# One interval: what should have come, what was lost on the way, and what of that came after all.
cdef void score_interval(Score* s, int64_t expected, int64_t lost, int64_t repaired) noexcept nogil
