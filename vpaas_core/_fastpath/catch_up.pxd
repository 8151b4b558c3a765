"""The key-frame cache: a viewer starts with the last key frame at once, from the ring, and is sent all since then until it is live.

The ring grows to hold what has come since the key frame, up to KEY_FRAME_CACHE_PACKETS_MAX and the producer's key_frame_cache_us; past
either it shrinks again, and viewers wait for a new key frame. What a viewer has missed goes out in order, paced, CATCH_UP_SPEED times as
fast as it came, stamped with the time it is sent: a decoder shows it in fast motion, and then the present without a step.
"""

from libc.stdint cimport int64_t

from vpaas_core._fastpath.router cimport Consumer, RecvStream
from vpaas_core._fastpath.state cimport Pipeline


# True when the consumer starts from the cache, False when there is nothing to start with.
cdef bint catch_up_start(Pipeline* pl, Consumer* c, int64_t now_us) noexcept nogil
# Sends every consumer that is behind what is due. Between batches.
cdef void catch_up_run(Pipeline* pl, int64_t now_us) noexcept nogil
# Fits the ring to what it has to hold. Between batches: it may move.
cdef void catch_up_resize(RecvStream* s, int64_t now_us) noexcept nogil
