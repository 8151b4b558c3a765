"""Control calls about producers and consumers."""

from vpaas_core._fastpath.control_transports cimport TransportControl
from vpaas_core._fastpath.router cimport Consumer


cdef class MediaControl(TransportControl):
    cdef int _start_consumer(self, Consumer* c) except -1
