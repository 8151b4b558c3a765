"""Which packet is this, and was it here before? The index estimate and the replay window of RFC 3711 §3.3.

The order of use is the defence: estimate, check, authenticate, and only then accept.
"""

from libc.stdint cimport int64_t, uint16_t, uint64_t
from vpaas_core._fastpath.limits cimport REPLAY_WINDOW_PACKETS


cdef struct ReplayWindow:       # zero it to start; 144 B
    int64_t highest             # highest index accepted: ROC << 16 | seq, or an SRTCP index
    uint64_t seen[REPLAY_WINDOW_PACKETS >> 6]   # ring of bits, one per index of the window
    bint started


cdef int64_t replay_index(const ReplayWindow* window, uint16_t seq) noexcept nogil
cdef int replay_check(const ReplayWindow* window, int64_t index) noexcept nogil    # DROP_NONE, DROP_SRTP_REPLAY
cdef void replay_accept(ReplayWindow* window, int64_t index) noexcept nogil

cdef class Replay:
    cdef ReplayWindow window
