"""A consumer's own sequence numbers and timestamps: continuous whatever happens to the source.

Pure arithmetic on plain numbers. `sync` names the packet at which the consumer (re)starts; until the next sync every packet keeps
its distance to it, so that what was lost on the way in is a gap the viewer can ask for.
"""

from libc.stdint cimport int64_t, uint32_t


cdef struct Renumber:
    int64_t seq_offset      # outgoing = incoming + offset
    int64_t out_seq_max     # highest sent
    int64_t in_seq_first    # the sync packet; older ones belong to what was before
    int64_t last_us         # when the packet with out_timestamp_max was sent
    uint32_t timestamp_offset
    uint32_t out_timestamp_max
    int started


cdef void renumber_init(Renumber* r, int64_t out_seq_first) noexcept nogil
# same_source: timestamps come from the same clock as before and keep their offset; else they go on by the time passed.
cdef void renumber_sync(
    Renumber* r, int64_t in_seq, uint32_t in_timestamp, bint same_source, int64_t now_us, uint32_t clock_rate
) noexcept nogil
# The packet is not sent and leaves no gap. Older ones that come after it are given up: their number may be taken.
cdef void renumber_skip(Renumber* r, int64_t in_seq) noexcept nogil
# 0 when the packet is older than the sync point
cdef bint renumber(
    Renumber* r, int64_t in_seq, uint32_t in_timestamp, int64_t now_us, int64_t* out_seq, uint32_t* out_timestamp
) noexcept nogil
