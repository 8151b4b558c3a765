"""What a receiver reports of a stream: loss and jitter (RFC 3550 §6.4.1, appendices A.3 and A.8)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t


cdef struct Reception:
    int64_t base_seq        # first ext_seq seen; -1: nothing yet
    int64_t max_seq
    uint64_t packets
    uint64_t bytes
    int64_t expected_prior  # at the last report
    int64_t packets_prior
    uint32_t last_transit
    uint32_t jitter_q4      # timestamp units << 4
    uint8_t fraction_lost   # of the last report, in 1/256


cdef void reception_init(Reception* r) noexcept nogil
cdef void reception_packet(
    Reception* r, int64_t ext_seq, uint32_t timestamp, int length, int64_t arrival_us, uint32_t clock_rate
) noexcept nogil
cdef int64_t reception_lost(const Reception* r) noexcept nogil  # cumulative; negative with duplicates
cdef void reception_report(Reception* r) noexcept nogil         # closes the interval: sets fraction_lost
