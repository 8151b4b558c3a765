"""Control calls about audio observers."""

from libc.stdint cimport int64_t, uint32_t

from vpaas_core._fastpath.control_media cimport MediaControl
from vpaas_core._fastpath.observers cimport Observer


cdef class ObserverControl(MediaControl):
    cdef Observer* observer(self, uint32_t id) except NULL
    cdef Observer* _new_observer(self, int kind, int64_t interval_us, int entries) except NULL
