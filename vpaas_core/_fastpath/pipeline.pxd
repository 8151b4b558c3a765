"""A packet's way, stage by stage. No socket and no clock: datagrams and a time go in, datagrams and events come out."""

from libc.stdint cimport int64_t, uint8_t

from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.output cimport Flush
from vpaas_core._fastpath.router cimport Transport
from vpaas_core._fastpath.state cimport Pipeline


cdef Pipeline* pipeline_new(int srtp_backend, int64_t wall_offset_us, Flush flush, void* context) noexcept nogil
cdef void pipeline_free(Pipeline* pl) noexcept nogil    # every transport is closed before
# One datagram. `owner`: the transport whose own socket it came from, NULL for the shared socket.
cdef void pipeline_receive(
    Pipeline* pl, Transport* owner, const uint8_t* data, int length, const Addr* source, int64_t now_us
) noexcept nogil
# Forwards what the datagrams since the last call have brought, and sends everything that waits.
cdef void pipeline_finish(Pipeline* pl, int64_t now_us) noexcept nogil
# Timers; call it every TICK_US.
cdef void pipeline_tick(Pipeline* pl, int64_t now_us) noexcept nogil
# A transport's destination or keys may just have come: its consumers start.
cdef void pipeline_transport_ready(Pipeline* pl, Transport* t, int64_t now_us) noexcept nogil
