"""The worker as Python sees it: set-up calls under the worker's lock, events, statistics; and a door for simulated networks."""

from vpaas_core._fastpath.control_observers cimport ObserverControl


cdef class Core(ObserverControl):
    cdef list _take_outgoing(self)
