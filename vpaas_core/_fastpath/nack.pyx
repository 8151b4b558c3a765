"""See nack.pxd."""

from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memmove

from vpaas_core._fastpath.limits cimport (
    NACK_AGE_US_MAX,
    NACK_INTERVAL_US_MIN,
    NACK_KEY_FRAME_REACH,
    NACK_LIST_MAX,
    NACK_REORDER_US,
    NACK_RETRIES_MAX,
)


cdef void nack_init(NackList* nacks) noexcept nogil:
    nacks.highest = INT64_MIN
    nacks.count = 0
    nacks.key_frame_needed = False
    nacks.requested = nacks.recovered = nacks.given_up = 0


cdef int nack_gap_or_late(NackList* nacks, int64_t ext_seq, int64_t now_us) noexcept nogil:
    cdef int64_t before = nacks.highest
    cdef int64_t gap
    cdef NackEntry* entry
    cdef int i
    if before == INT64_MIN:
        nacks.highest = ext_seq
        return 0
    if ext_seq <= before:
        return -1 if arrived(nacks, <uint32_t>ext_seq) else 0
    gap = ext_seq - before - 1
    nacks.highest = ext_seq
    if gap > NACK_LIST_MAX - nacks.count:
        nacks.given_up += <uint64_t>(nacks.count + gap)
        nacks.count = 0
        nacks.key_frame_needed = True
        return <int>min(gap, 0x7FFFFFFF)
    for i in range(<int>gap):
        entry = &nacks.missing[nacks.count + i]
        entry.seq = <uint32_t>(before + 1 + i)
        entry.since_us = <uint32_t>now_us
        entry.due_us = entry.since_us + NACK_REORDER_US
        entry.requests = 0
    nacks.count += <int>gap
    return <int>gap


cdef int position(const NackList* nacks, uint32_t seq) noexcept nogil:
    """Index of the first entry that is not older than `seq`."""
    cdef int low = 0
    cdef int high = nacks.count
    cdef int middle
    while low < high:
        middle = (low + high) // 2
        if <int32_t>(nacks.missing[middle].seq - seq) < 0:
            low = middle + 1
        else:
            high = middle
    return low


cdef bint arrived(NackList* nacks, uint32_t seq) noexcept nogil:
    cdef int i = position(nacks, seq)
    if i == nacks.count or nacks.missing[i].seq != seq:
        return False
    if nacks.missing[i].requests:
        nacks.recovered += 1
    nacks.count -= 1
    memmove(&nacks.missing[i], &nacks.missing[i + 1], (nacks.count - i) * sizeof(NackEntry))
    return True


cdef bint nack_awaits(const NackList* nacks, int64_t ext_seq) noexcept nogil:
    cdef int i = position(nacks, <uint32_t>ext_seq)
    return i < nacks.count and nacks.missing[i].seq == <uint32_t>ext_seq


cdef void nack_on_key_frame(NackList* nacks, int64_t ext_seq) noexcept nogil:
    cdef int old
    if ext_seq == nacks.highest:
        nacks.key_frame_needed = False
    if nacks.count == 0:
        return
    old = position(nacks, <uint32_t>(ext_seq - NACK_KEY_FRAME_REACH))
    nacks.count -= old
    memmove(&nacks.missing[0], &nacks.missing[old], nacks.count * sizeof(NackEntry))


cdef int nack_due(NackList* nacks, int64_t now_us, int64_t rtt_us, uint16_t* out, int room) noexcept nogil:
    cdef uint32_t now = <uint32_t>now_us
    cdef int64_t interval = min(max(rtt_us, <int64_t>NACK_INTERVAL_US_MIN), <int64_t>NACK_AGE_US_MAX)
    cdef NackEntry entry
    cdef bint due
    cdef int kept = 0
    cdef int n = 0
    cdef int i
    for i in range(nacks.count):
        entry = nacks.missing[i]
        due = <int32_t>(now - entry.due_us) >= 0
        if now - entry.since_us >= NACK_AGE_US_MAX or (due and entry.requests == NACK_RETRIES_MAX):
            nacks.given_up += 1
            continue
        if due and n < room:
            out[n] = <uint16_t>entry.seq
            n += 1
            entry.requests += 1
            entry.due_us = now + <uint32_t>interval
        nacks.missing[kept] = entry
        kept += 1
    nacks.count = kept
    nacks.requested += <uint64_t>n
    return n


cdef class Nacks:
    cdef NackList nacks

    def __cinit__(self):
        nack_init(&self.nacks)

    def on_packet(self, int64_t ext_seq, int64_t now_us):
        return nack_on_packet(&self.nacks, ext_seq, now_us)

    def on_key_frame(self, int64_t ext_seq):
        nack_on_key_frame(&self.nacks, ext_seq)

    def due(self, int64_t now_us, int64_t rtt_us=0, int room=NACK_LIST_MAX):
        cdef uint16_t out[NACK_LIST_MAX]
        return [out[i] for i in range(nack_due(&self.nacks, now_us, rtt_us, out, min(room, NACK_LIST_MAX)))]

    @property
    def missing(self):
        return [self.nacks.missing[i].seq for i in range(self.nacks.count)]

    @property
    def key_frame_needed(self):
        return bool(self.nacks.key_frame_needed)

    @property
    def counters(self):
        return self.nacks.requested, self.nacks.recovered, self.nacks.given_up
