"""Control calls about producers and consumers."""

from vpaas_core._fastpath.control_transports cimport TransportControl


cdef class MediaControl(TransportControl):
    pass
