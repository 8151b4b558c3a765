"""Control calls about transports: made, connected, keyed, closed."""

from libc.stdint cimport uint32_t

from vpaas_core._fastpath.control_base cimport Base
from vpaas_core._fastpath.router cimport Transport


cdef class TransportControl(Base):
    cdef Transport* _add_transport(self, int kind, uint32_t rtcp_ssrc) except NULL
