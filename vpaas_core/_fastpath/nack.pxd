"""Which packets of one receive stream to ask for again (RFC 4585 §6.2.1), and when.

Plain data: no pointers, no clock. The list keeps times modulo 2^32 us (71 minutes), far longer than anything
stays in it.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from vpaas_core._fastpath.limits cimport NACK_LIST_MAX


cdef struct NackEntry:
    uint32_t seq            # low bits of the ext_seq
    uint32_t since_us       # when the gap was seen
    uint32_t due_us         # when to ask next
    uint8_t requests


cdef struct NackList:
    int64_t highest         # ext_seq; INT64_MIN: no packet yet
    int count
    bint key_frame_needed   # more was lost than can be followed; whoever asks for a key frame clears it
    uint64_t requested      # sequence numbers asked for, repetitions included
    uint64_t recovered      # arrived after they had been asked for
    uint64_t given_up
    NackEntry missing[NACK_LIST_MAX]    # ascending


cdef void nack_init(NackList* nacks) noexcept nogil
cdef int nack_gap_or_late(NackList* nacks, int64_t ext_seq, int64_t now_us) noexcept nogil


# Packets newly missing; -1 when this one was; else 0. Call it once for each packet, retransmitted or not.
cdef inline int nack_on_packet(NackList* nacks, int64_t ext_seq, int64_t now_us) noexcept nogil:
    if ext_seq == nacks.highest + 1:
        nacks.highest = ext_seq
        return 0
    return nack_gap_or_late(nacks, ext_seq, now_us)


# Whether it is still asked for
cdef bint nack_awaits(const NackList* nacks, int64_t ext_seq) noexcept nogil
# A key frame begins with this packet, already given to nack_on_packet: what is older is not asked for again.
cdef void nack_on_key_frame(NackList* nacks, int64_t ext_seq) noexcept nogil

# Writes up to `room` sequence numbers to ask for now, in rtcp_write_nack's order, and returns how many.
cdef int nack_due(NackList* nacks, int64_t now_us, int64_t rtt_us, uint16_t* out, int room) noexcept nogil
