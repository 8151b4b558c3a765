"""What is spent, and waiting for another thread."""

from libc.stdint cimport int64_t, uint64_t

from vpaas_core._fastpath.c.socket cimport CLOCK_MONOTONIC, clock_gettime, timespec
from vpaas_core._fastpath.c.threads cimport sched_yield

cdef extern from *:
    """
    #define counter_get(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    """
    uint64_t counter_get(const uint64_t* p) noexcept nogil

cdef extern from "<time.h>" nogil:
    int CLOCK_THREAD_CPUTIME_ID

cdef enum:
    REACHED_WITHIN_S = 30   # else something was lost: a busy machine is slow, not broken


cdef inline int64_t cpu_ns() noexcept nogil:
    """CPU time of this thread."""
    cdef timespec t
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t)
    return <int64_t>t.tv_sec * 1000000000 + t.tv_nsec


cdef inline bint reached(const uint64_t* counter, uint64_t expected) noexcept nogil:
    cdef timespec start, now
    cdef int spins = 0
    clock_gettime(CLOCK_MONOTONIC, &start)
    while counter_get(counter) < expected:
        sched_yield()
        spins += 1
        if spins % 1024 == 0:
            clock_gettime(CLOCK_MONOTONIC, &now)
            if now.tv_sec - start.tv_sec > REACHED_WITHIN_S:
                return False
    return True
