"""See renumber.pxd."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from vpaas_core._fastpath.seqnum cimport distance32


cdef enum:
    SKIPPED = 64 * SKIPPED_WORDS
    STEP = 90       # timestamp units, 1 ms of video: what two frames are apart at least, where the source's own distance is not known


cdef void renumber_init(Renumber* r, int64_t out_seq_first) noexcept nogil:
    memset(r, 0, sizeof(Renumber))
    r.out_seq_max = r.out_seq_sent = out_seq_first - 1


cdef void renumber_sync(Renumber* r, int64_t in_seq, uint32_t in_timestamp, uint32_t timestamp_offset) noexcept nogil:
    r.in_seq_first = in_seq
    r.in_seq_max = in_seq - 1
    r.out_seq_max = r.out_seq_sent
    r.seq_offset = r.out_seq_max + 1 - in_seq
    r.timestamp_offset = timestamp_offset
    r.hasty_in = in_timestamp ^ 0x80000000u     # none
    if r.started:
        renumber_catch_up(r, in_timestamp)
    else:
        r.out_timestamp_max = in_timestamp + timestamp_offset - STEP
        r.started = 1


cdef uint32_t renumber_offset(
    const Renumber* r, uint32_t in_timestamp, int64_t now_us, uint32_t clock_rate
) noexcept nogil:
    cdef int64_t passed = (now_us - r.last_us) * clock_rate // 1000000
    if not r.started:
        return 0
    return r.out_timestamp_max + <uint32_t>(passed if passed > 0 else 1) - in_timestamp


cdef void renumber_catch_up(Renumber* r, uint32_t in_timestamp) noexcept nogil:
    cdef int32_t ahead = distance32(in_timestamp + r.timestamp_offset, r.out_timestamp_max)
    if ahead <= 0:
        r.timestamp_offset += <uint32_t>(STEP - ahead)


cdef void _advance(Renumber* r, int64_t in_seq) noexcept nogil:
    """What lies between was lost so far: neither sent nor skipped."""
    cdef int64_t seq
    for seq in range(max(r.in_seq_max + 1, in_seq - SKIPPED + 1), in_seq + 1):
        r.skipped[(seq & SKIPPED - 1) >> 6] &= ~(<uint64_t>1 << (seq & 63))
    r.in_seq_max = in_seq


cdef int64_t _late(const Renumber* r, int64_t in_seq) noexcept nogil:
    """The number kept free for it, -1 if that is no longer known."""
    cdef int64_t seq
    cdef int64_t out_seq = in_seq + r.seq_offset
    if in_seq < r.in_seq_first or r.in_seq_max - in_seq >= SKIPPED:
        return -1
    for seq in range(in_seq + 1, r.in_seq_max + 1):
        out_seq += r.skipped[(seq & SKIPPED - 1) >> 6] >> (seq & 63) & 1
    return out_seq


cdef int64_t renumber_skip(Renumber* r, int64_t in_seq) noexcept nogil:
    cdef int64_t free
    if in_seq <= r.in_seq_max:
        free = _late(r, in_seq)
        if free > r.out_seq_sent:
            r.out_seq_sent = free
        return free
    _advance(r, in_seq)
    r.skipped[(in_seq & SKIPPED - 1) >> 6] |= <uint64_t>1 << (in_seq & 63)
    r.seq_offset -= 1
    r.out_seq_max = in_seq + r.seq_offset   # what was lost before it keeps its number
    return -1


cdef bint renumber(
    Renumber* r, int64_t in_seq, uint32_t in_timestamp, int64_t now_us, int64_t* out_seq, uint32_t* out_timestamp
) noexcept nogil:
    if in_seq > r.in_seq_max:
        _advance(r, in_seq)
        out_seq[0] = in_seq + r.seq_offset
        r.out_seq_max = out_seq[0]
    else:
        out_seq[0] = _late(r, in_seq)
        if out_seq[0] < 0:
            return 0
    if out_seq[0] > r.out_seq_sent:
        r.out_seq_sent = out_seq[0]
    out_timestamp[0] = in_timestamp + r.timestamp_offset
    if distance32(out_timestamp[0], r.out_timestamp_max) > 0:
        r.out_timestamp_max = out_timestamp[0]
        r.last_us = now_us
    return 1


cdef bint renumber_hasty(
    Renumber* r, int64_t in_seq, uint32_t in_timestamp, uint32_t line, int64_t now_us,
    int64_t* out_seq, uint32_t* out_timestamp
) noexcept nogil:
    if in_timestamp != r.hasty_in:
        r.hasty_in = in_timestamp
        r.hasty_out = line if distance32(line, r.out_timestamp_max) >= STEP else r.out_timestamp_max + STEP
    return renumber(r, in_seq, r.hasty_out - r.timestamp_offset, now_us, out_seq, out_timestamp)


cdef class Renumberer:
    """Renumber for its tests."""

    cdef Renumber _r

    def __init__(self, out_seq_first: int) -> None:
        renumber_init(&self._r, out_seq_first)

    def sync(self, in_seq: int, in_timestamp: int, same_source: bool, now_us: int, clock_rate: int) -> None:
        offset = renumber_offset(&self._r, in_timestamp, now_us, clock_rate)
        renumber_sync(&self._r, in_seq, in_timestamp, self._r.timestamp_offset if same_source else offset)

    def hasty(self, in_seq: int, in_timestamp: int, line: int, now_us: int) -> tuple[int, int] | None:
        cdef int64_t out_seq = 0
        cdef uint32_t out_timestamp = 0
        if not renumber_hasty(&self._r, in_seq, in_timestamp, line, now_us, &out_seq, &out_timestamp):
            return None
        return out_seq, out_timestamp

    def catch_up(self, in_timestamp: int) -> None:
        renumber_catch_up(&self._r, in_timestamp)

    def skip(self, in_seq: int) -> int:
        return renumber_skip(&self._r, in_seq)

    def packet(self, in_seq: int, in_timestamp: int, now_us: int) -> tuple[int, int] | None:
        cdef int64_t out_seq = 0
        cdef uint32_t out_timestamp = 0
        if not renumber(&self._r, in_seq, in_timestamp, now_us, &out_seq, &out_timestamp):
            return None
        return out_seq, out_timestamp
