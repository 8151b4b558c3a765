"""What viewers wish and get, looked at ten times a second: encodings and layers to follow, key frames they need, and what Python
is told of it and of how well streams get through.
"""

from libc.stdint cimport int64_t

from vpaas_core._fastpath.router cimport Consumer, Producer
from vpaas_core._fastpath.state cimport Pipeline


# What one consumer of video follows, and the key frame that it may need for it.
cdef void adapt_consumer(Pipeline* pl, Consumer* c, int64_t now_us) noexcept nogil
# Puts an event when the layers that the consumer gets have changed.
cdef void adapt_tell_layers(Pipeline* pl, Consumer* c) noexcept nogil
cdef void adapt_tick(Pipeline* pl, Producer* producer, int64_t now_us) noexcept nogil
