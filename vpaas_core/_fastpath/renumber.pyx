"""See renumber.pxd."""

from libc.stdint cimport int64_t, uint32_t

from vpaas_core._fastpath.seqnum cimport distance32


cdef void renumber_init(Renumber* r, int64_t out_seq_first) noexcept nogil:
    r.seq_offset = 0
    r.out_seq_max = out_seq_first - 1
    r.in_seq_first = 0
    r.last_us = 0
    r.timestamp_offset = 0
    r.out_timestamp_max = 0
    r.started = 0


cdef void renumber_sync(
    Renumber* r, int64_t in_seq, uint32_t in_timestamp, bint same_source, int64_t now_us, uint32_t clock_rate
) noexcept nogil:
    cdef int64_t passed
    r.in_seq_first = in_seq
    r.seq_offset = r.out_seq_max + 1 - in_seq
    if r.started and not same_source:
        passed = (now_us - r.last_us) * clock_rate // 1000000
        r.timestamp_offset = r.out_timestamp_max + <uint32_t>(passed if passed > 0 else 1) - in_timestamp
    if not r.started:
        r.out_timestamp_max = in_timestamp + r.timestamp_offset
        r.last_us = now_us
        r.started = 1


cdef void renumber_skip(Renumber* r, int64_t in_seq) noexcept nogil:
    if in_seq + r.seq_offset <= r.out_seq_max:  # late: its place is a gap already
        return
    r.seq_offset -= 1
    r.in_seq_first = in_seq + 1


cdef bint renumber(
    Renumber* r, int64_t in_seq, uint32_t in_timestamp, int64_t now_us, int64_t* out_seq, uint32_t* out_timestamp
) noexcept nogil:
    if in_seq < r.in_seq_first:
        return 0
    out_seq[0] = in_seq + r.seq_offset
    out_timestamp[0] = in_timestamp + r.timestamp_offset
    if out_seq[0] > r.out_seq_max:
        r.out_seq_max = out_seq[0]
    if distance32(out_timestamp[0], r.out_timestamp_max) > 0:
        r.out_timestamp_max = out_timestamp[0]
        r.last_us = now_us
    return 1


cdef class Renumberer:
    """Renumber for its tests."""

    cdef Renumber _r

    def __init__(self, out_seq_first: int) -> None:
        renumber_init(&self._r, out_seq_first)

    def sync(self, in_seq: int, in_timestamp: int, same_source: bool, now_us: int, clock_rate: int) -> None:
        renumber_sync(&self._r, in_seq, in_timestamp, same_source, now_us, clock_rate)

    def skip(self, in_seq: int) -> None:
        renumber_skip(&self._r, in_seq)

    def packet(self, in_seq: int, in_timestamp: int, now_us: int) -> tuple[int, int] | None:
        cdef int64_t out_seq = 0
        cdef uint32_t out_timestamp = 0
        if not renumber(&self._r, in_seq, in_timestamp, now_us, &out_seq, &out_timestamp):
            return None
        return out_seq, out_timestamp
