"""A datagram becomes an authentic, parsed, accounted packet in its stream's ring, and an entry of the batch."""

from libc.stdint cimport int64_t, uint8_t

from vpaas_core._fastpath.router cimport Transport
from vpaas_core._fastpath.state cimport Pipeline


# DROP_NONE, or why it went no further. The batch must have room for one more.
cdef int ingress_rtp(Pipeline* pl, Transport* t, const uint8_t* data, int length, int64_t now_us) noexcept nogil
