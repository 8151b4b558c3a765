"""See replay.pxd."""

from libc.stdint cimport int64_t, uint16_t, uint64_t
from libc.string cimport memset
from vpaas_core._fastpath.drop cimport DROP_NONE, DROP_SRTP_REPLAY
from vpaas_core._fastpath.limits cimport REPLAY_WINDOW_PACKETS
from vpaas_core._fastpath.seqnum cimport extend16


cdef int64_t replay_index(const ReplayWindow* window, uint16_t seq) noexcept nogil:
    """The index nearest to the highest one (RFC 3711 §3.3.1). None is below 0: a stream starts at ROC 0."""
    cdef int64_t index
    if not window.started:
        return seq
    index = extend16(window.highest, seq)
    return index if index >= 0 else seq


cdef int replay_check(const ReplayWindow* window, int64_t index) noexcept nogil:
    """RFC 3711 §3.3.2: what is older than the window counts as replayed."""
    if index < 0:
        return DROP_SRTP_REPLAY
    if not window.started or index > window.highest:
        return DROP_NONE
    if window.highest - index >= REPLAY_WINDOW_PACKETS:
        return DROP_SRTP_REPLAY
    return DROP_SRTP_REPLAY if window.seen[word(index)] & bit(index) else DROP_NONE


cdef void replay_accept(ReplayWindow* window, int64_t index) noexcept nogil:
    """Marks an index that replay_check let pass and whose packet is authentic."""
    cdef int64_t skipped
    if not window.started or index - window.highest >= REPLAY_WINDOW_PACKETS:
        memset(window.seen, 0, sizeof(window.seen))
        window.started = True
        window.highest = index
    while window.highest < index:   # bits of the ring that come to stand for new indices
        window.highest += 1
        skipped = window.highest
        window.seen[word(skipped)] &= ~bit(skipped)
    window.seen[word(index)] |= bit(index)


cdef inline int word(int64_t index) noexcept nogil:
    return <int>(index >> 6) & ((REPLAY_WINDOW_PACKETS >> 6) - 1)


cdef inline uint64_t bit(int64_t index) noexcept nogil:
    return <uint64_t>1 << (index & 63)


cdef class Replay:
    """A window for tests and tools."""

    @property
    def highest(self) -> int | None:
        """Highest index accepted."""
        return self.window.highest if self.window.started else None

    def index(self, seq: int) -> int:
        """The index that `seq` most likely stands for."""
        return replay_index(&self.window, seq)

    def fresh(self, index: int) -> bool:
        """Whether `index` is neither in the window already nor older than it."""
        return replay_check(&self.window, index) == DROP_NONE

    def accept(self, index: int) -> None:
        """Remembers a fresh index; anything else changes nothing."""
        if replay_check(&self.window, index) == DROP_NONE:
            replay_accept(&self.window, index)
