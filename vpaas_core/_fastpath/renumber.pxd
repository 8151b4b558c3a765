"""A consumer's own sequence numbers and timestamps: continuous whatever happens to the source.

Pure arithmetic on plain numbers. `sync` names the packet at which the consumer (re)starts; until the next sync every packet keeps
its distance to it, so that what was lost on the way in is a gap the viewer can ask for.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef enum:
    SKIPPED_WORDS = 8           # of 64 packets: late ones are placed among the last 512


cdef struct Renumber:
    int64_t seq_offset      # outgoing = incoming + offset, behind in_seq_max
    int64_t in_seq_max      # highest sent or skipped
    int64_t out_seq_max     # highest sent, or kept free for what was lost
    int64_t out_seq_sent    # highest sent: behind it a new start needs no gap
    int64_t in_seq_first    # the sync packet; older ones belong to what was before
    int64_t last_us         # when the packet with out_timestamp_max was sent
    uint32_t timestamp_offset
    uint32_t out_timestamp_max
    uint32_t hasty_in       # the frame being sent in haste, and its timestamp
    uint32_t hasty_out
    int started
    uint64_t skipped[SKIPPED_WORDS]     # bit in_seq & 511: was skipped


cdef void renumber_init(Renumber* r, int64_t out_seq_first) noexcept nogil
# Packets go on without a gap from this one, timestamps with this offset to those of the source, though never back.
cdef void renumber_sync(Renumber* r, int64_t in_seq, uint32_t in_timestamp, uint32_t timestamp_offset) noexcept nogil
# The offset at which a source of another clock goes on by the time passed; in_timestamp: what it would stamp now.
cdef uint32_t renumber_offset(
    const Renumber* r, uint32_t in_timestamp, int64_t now_us, uint32_t clock_rate
) noexcept nogil
# The packet is not sent and leaves no gap. When it is late there is one already: its number, else -1.
cdef int64_t renumber_skip(Renumber* r, int64_t in_seq) noexcept nogil
# 0 when the packet is older than the sync point, or later than anybody remembers
cdef bint renumber(
    Renumber* r, int64_t in_seq, uint32_t in_timestamp, int64_t now_us, int64_t* out_seq, uint32_t* out_timestamp
) noexcept nogil
# The same for a frame of the past: its timestamp is `line`, that of now, or just behind the last. renumber_catch_up ends it.
cdef bint renumber_hasty(
    Renumber* r, int64_t in_seq, uint32_t in_timestamp, uint32_t line, int64_t now_us,
    int64_t* out_seq, uint32_t* out_timestamp
) noexcept nogil
# From this packet on timestamps keep their distance again; the offset grows if that would lead back in time.
cdef void renumber_catch_up(Renumber* r, uint32_t in_timestamp) noexcept nogil
