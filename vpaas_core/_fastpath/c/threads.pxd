"""POSIX threads, as far as a worker needs them."""

from posix.time cimport clockid_t


cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef unsigned long pthread_t
    int pthread_mutex_init(pthread_mutex_t* mutex, const void* attributes)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_create(pthread_t* thread, const void* attributes, void* (*start)(void*) noexcept nogil, void* argument)
    int pthread_join(pthread_t thread, void** result)
    int pthread_getcpuclockid(pthread_t thread, clockid_t* clock)

cdef extern from *:
    """
    #include <sched.h>
    #define atomic_add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)
    #define atomic_get(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
    """
    int atomic_add(int* p, int v) noexcept nogil
    int atomic_get(int* p) noexcept nogil
    int sched_yield() noexcept nogil
