"""What the control calls of a worker share: its lock, its objects by id, and how they are let go."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from vpaas_core._fastpath.c.threads cimport pthread_mutex_t
from vpaas_core._fastpath.router cimport Consumer, Producer, Transport
from vpaas_core._fastpath.state cimport Pipeline


cdef struct Lock:
    pthread_mutex_t mutex
    int waiting             # control calls that want it: the worker gives way between turns


cdef void lock_acquire(Lock* lock) noexcept nogil
cdef void lock_release(Lock* lock) noexcept nogil
cdef dict drop_counts(const uint64_t* counters)     # by name, without zeros
cdef bytes text_bytes(object value, int length_max, str what)


cdef class Base:
    cdef Pipeline* pl
    cdef Lock lock
    cdef uint32_t last_id
    cdef int64_t simulated_us
    cdef list outgoing

    cdef int64_t now_us(self) noexcept
    cdef int begin(self) except -1
    cdef int end(self) except -1
    cdef uint32_t new_id(self)
    cdef Transport* transport(self, uint32_t id) except NULL
    cdef Producer* producer(self, uint32_t id) except NULL
    cdef Consumer* consumer(self, uint32_t id) except NULL
    cdef int finish(self) except -1
    cdef int free_transport(self, Transport* t) except -1
    cdef int free_producer(self, Producer* p) except -1
    cdef int free_consumer(self, Consumer* c) except -1
    cdef int forget_ufrag(self, Transport* t, const uint8_t* ufrag, int length) except -1
