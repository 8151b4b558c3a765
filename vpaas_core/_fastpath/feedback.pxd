"""RTCP: what peers report and ask for, and what we report and ask for."""

from libc.stdint cimport int64_t, uint8_t

from vpaas_core._fastpath.router cimport Consumer, RecvStream, Transport
from vpaas_core._fastpath.state cimport Pipeline


# DROP_NONE, or why the compound, or the rest of it, was dropped.
cdef int feedback_receive(Pipeline* pl, Transport* t, const uint8_t* data, int length, int64_t now_us) noexcept nogil
# A viewer needs a key frame: at most one request per key_frame_request_delay reaches the publisher, repeated until it comes.
cdef void feedback_want_key_frame(Pipeline* pl, RecvStream* s, int64_t now_us) noexcept nogil
# The same for what a consumer follows or waits for; nothing for a consumer that needs none.
cdef void feedback_consumer_start(Pipeline* pl, Consumer* c, int64_t now_us) noexcept nogil
# What is due for a stream: NACKs, and a key-frame request that was not answered.
cdef void feedback_stream_tick(Pipeline* pl, RecvStream* s, int64_t now_us) noexcept nogil
# Sender and receiver reports of a transport, when they are due.
cdef void feedback_reports(Pipeline* pl, Transport* t, int64_t now_us) noexcept nogil
cdef void feedback_bye(Pipeline* pl, Transport* t, Consumer* c, int64_t now_us) noexcept nogil
