"""A worker's thread: epoll, sockets, clock. The only place in _fastpath that does I/O or reads a clock."""

from libc.stdint cimport int64_t, uint32_t

from vpaas_core._fastpath.c.threads cimport pthread_t
from vpaas_core._fastpath.control cimport Core
from vpaas_core._fastpath.control_base cimport Lock
from vpaas_core._fastpath.limits cimport SOCKETS_MAX
from vpaas_core._fastpath.socketio cimport Receiver, Sender, Socket
from vpaas_core._fastpath.state cimport Pipeline


cdef struct LoopState:
    Pipeline* pl
    Lock* lock
    int epoll_fd
    int stop_fd
    int event_fd
    int stopping
    uint32_t told           # events.head when Python was last told
    int64_t next_tick_us
    Socket sockets[SOCKETS_MAX]
    Receiver receiver
    Sender sender


cdef class Loop(Core):
    cdef LoopState* state
    cdef pthread_t thread
    cdef bint running
    cdef list python_sockets

    cdef int _watch(self, int fd, uint32_t tag) except -1
    cdef int _join(self) except -1
    cdef int _close_descriptors(self) except -1
