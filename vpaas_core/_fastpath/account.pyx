"""See account.pxd."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t


cdef void reception_init(Reception* r) noexcept nogil:
    r.base_seq = -1
    r.max_seq = -1
    r.packets = 0
    r.bytes = 0
    r.expected_prior = 0
    r.packets_prior = 0
    r.last_transit = 0
    r.jitter_q4 = 0
    r.fraction_lost = 0


cdef void reception_packet(
    Reception* r, int64_t ext_seq, uint32_t timestamp, int length, int64_t arrival_us, uint32_t clock_rate
) noexcept nogil:
    cdef uint32_t transit = <uint32_t>(arrival_us * clock_rate // 1000000) - timestamp
    cdef int32_t d
    r.packets += 1
    r.bytes += length
    if r.base_seq < 0:
        r.base_seq = ext_seq
        r.max_seq = ext_seq
        r.last_transit = transit
        return
    if ext_seq < r.base_seq:  # reordered before the first one seen
        r.base_seq = ext_seq
    if ext_seq <= r.max_seq:
        return
    r.max_seq = ext_seq
    d = <int32_t>(transit - r.last_transit)
    r.last_transit = transit
    if d < 0:
        d = -d
    if <uint32_t>d < clock_rate * 5:  # RFC 3550 appendix A.8; a jump of the sender's clock is not jitter
        r.jitter_q4 += <uint32_t>d - ((r.jitter_q4 + 8) >> 4)


cdef int64_t reception_lost(const Reception* r) noexcept nogil:
    if r.base_seq < 0:
        return 0
    return r.max_seq - r.base_seq + 1 - <int64_t>r.packets


cdef void reception_report(Reception* r) noexcept nogil:
    cdef int64_t expected = r.max_seq - r.base_seq + 1 if r.base_seq >= 0 else 0
    cdef int64_t expected_interval = expected - r.expected_prior
    cdef int64_t lost_interval = expected_interval - (<int64_t>r.packets - r.packets_prior)
    r.expected_prior = expected
    r.packets_prior = <int64_t>r.packets
    if expected_interval <= 0 or lost_interval <= 0:
        r.fraction_lost = 0
    else:
        r.fraction_lost = <uint8_t>min(255, (lost_interval << 8) // expected_interval)


cdef class Receptions:
    """A Reception for its tests."""

    cdef Reception _r

    def __init__(self) -> None:
        reception_init(&self._r)

    def packet(self, ext_seq: int, timestamp: int, arrival_us: int, clock_rate: int) -> None:
        reception_packet(&self._r, ext_seq, timestamp, 1, arrival_us, clock_rate)

    def report(self) -> tuple[int, int, int]:
        """fraction lost, packets lost in all, jitter."""
        reception_report(&self._r)
        return self._r.fraction_lost, reception_lost(&self._r), self._r.jitter_q4 >> 4
