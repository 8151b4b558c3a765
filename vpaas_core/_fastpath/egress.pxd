"""One consumer's copy of a packet: its numbers, its header, its keys, and its place in the output."""

from libc.stdint cimport int64_t, uint16_t, uint32_t

from vpaas_core._fastpath.router cimport Consumer, Producer
from vpaas_core._fastpath.rtp cimport Packet
from vpaas_core._fastpath.state cimport Pipeline


# Forwards the batch of one producer, consumer by consumer, so that each consumer's packets become one GSO message.
cdef void egress_producer(Pipeline* pl, Producer* producer, int64_t now_us) noexcept nogil
# One packet of what the consumer follows. line: NULL, or the timestamp of now, under which a packet of the past is sent.
# Bytes of it; 0: it was not sent.
cdef int egress_forward(
    Pipeline* pl, Consumer* c, const Packet* p, const uint32_t* line, int64_t now_us
) noexcept nogil
# Sends an outgoing sequence number again, by RTX or plainly. DROP_NONE, or why not.
cdef int egress_resend(Pipeline* pl, Consumer* c, uint16_t seq, int64_t now_us) noexcept nogil
