"""See loop.pxd. The thread never takes the GIL; batches arise from load: each turn drains what is queued, and never waits for more."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from posix.time cimport clockid_t

import socket as socket_module

from vpaas_core._fastpath.c.socket cimport (
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    EFD_CLOEXEC,
    EFD_NONBLOCK,
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLLERR,
    EPOLLIN,
    clock_gettime,
    close,
    epoll_create1,
    epoll_ctl,
    epoll_event,
    epoll_wait,
    eventfd,
    timespec,
    write,
)
from vpaas_core._fastpath.c.threads cimport (
    atomic_get,
    pthread_create,
    pthread_getcpuclockid,
    pthread_join,
    sched_yield,
)
from vpaas_core._fastpath.control cimport Core
from vpaas_core._fastpath.control_base cimport lock_acquire, lock_release
from vpaas_core._fastpath.drop cimport DROP_SEND_BUFFER_FULL, DROP_SEND_FAILED
from vpaas_core._fastpath.limits cimport RECV_MESSAGES_MAX, SOCKETS_MAX, TICK_US
from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.pipeline cimport pipeline_finish, pipeline_receive, pipeline_tick
from vpaas_core._fastpath.router cimport Transport
from vpaas_core._fastpath.socketio cimport (
    receiver_free,
    receiver_init,
    receiver_read,
    receiver_segment,
    receiver_source,
    sender_flush,
    socket_configure,
    socket_drain_errors,
)

cdef enum:
    READS_MAX = 8           # recvmmsg calls for one socket in one turn, so that no socket starves the others or the timers
    READY_MAX = 64          # sockets handled in one turn
    GIVE_WAY_MAX = 1000     # yields to waiting control calls between two turns
    STOP = 0xFFFFFFFFu      # epoll tag of stop_fd


cdef inline int64_t _clock_us(int clock) noexcept nogil:
    cdef timespec t
    clock_gettime(clock, &t)
    return <int64_t>t.tv_sec * 1000000 + t.tv_nsec // 1000


cdef void _read_socket(LoopState* s, int index, int64_t now_us) noexcept nogil:
    cdef Socket* sock = &s.sockets[index]
    cdef const uint8_t* data
    cdef Addr source
    cdef int reads, i, n, at, size, segment
    for reads in range(READS_MAX):
        n = receiver_read(&s.receiver, sock.fd)
        for i in range(n):
            receiver_source(&s.receiver, i, index, &source)
            data = <const uint8_t*>s.receiver.vectors[i].iov_base
            size = <int>s.receiver.messages[i].msg_len
            segment = receiver_segment(&s.receiver, i)
            at = 0
            while at < size:
                pipeline_receive(s.pl, sock.owner, data + at, min(segment, size - at), &source, now_us)
                at += segment
        if n < RECV_MESSAGES_MAX:
            return


cdef void _turn(LoopState* s, epoll_event* ready, int n) noexcept nogil:
    cdef int64_t now_us = _clock_us(CLOCK_MONOTONIC)
    cdef uint64_t one = 1
    cdef uint32_t index
    cdef int i
    for i in range(n):
        index = ready[i].data.u32
        if index >= SOCKETS_MAX or s.sockets[index].fd < 0:
            continue
        if ready[i].events & EPOLLERR:
            socket_drain_errors(s.sockets[index].fd)
        _read_socket(s, <int>index, now_us)
    pipeline_finish(s.pl, now_us)
    if now_us >= s.next_tick_us:
        s.next_tick_us = now_us + TICK_US
        pipeline_tick(s.pl, now_us)
    s.pl.drops[<int>DROP_SEND_BUFFER_FULL] = s.sender.buffer_full
    s.pl.drops[<int>DROP_SEND_FAILED] = s.sender.failed
    if s.pl.events.head != s.told:
        s.told = s.pl.events.head
        write(s.event_fd, &one, sizeof(one))


cdef void* _run(void* argument) noexcept nogil:
    cdef LoopState* s = <LoopState*>argument
    cdef epoll_event ready[READY_MAX]
    cdef int n, yields
    while not atomic_get(&s.stopping):
        n = epoll_wait(s.epoll_fd, ready, READY_MAX, TICK_US // 1000)
        lock_acquire(s.lock)
        _turn(s, ready, n)
        lock_release(s.lock)
        yields = 0
        while atomic_get(&s.lock.waiting) > 0 and yields < GIVE_WAY_MAX:
            sched_yield()
            yields += 1
    return NULL


cdef class Loop(Core):
    """A worker with its thread and sockets. `event_fd` becomes readable when take_events() has something."""

    def __cinit__(self, srtp_backend: int | None = None, **_: object) -> None:
        cdef int i
        self.python_sockets = [None] * SOCKETS_MAX
        self.state = <LoopState*>calloc(1, sizeof(LoopState))
        if self.state == NULL:
            raise MemoryError
        self.state.epoll_fd = self.state.stop_fd = self.state.event_fd = -1
        if receiver_init(&self.state.receiver) < 0:
            raise MemoryError
        for i in range(SOCKETS_MAX):
            self.state.sockets[i].fd = -1
        self.state.pl = self.pl
        self.state.lock = &self.lock
        self.state.epoll_fd = epoll_create1(EPOLL_CLOEXEC)
        self.state.stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
        self.state.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
        if self.state.epoll_fd < 0 or self.state.stop_fd < 0 or self.state.event_fd < 0:
            raise OSError("no file descriptor left for a worker (ulimit -n)")
        self._watch(self.state.stop_fd, STOP)
        self.state.sender.sockets = self.state.sockets
        self.pl.output.flush = sender_flush
        self.pl.output.context = &self.state.sender
        self.pl.wall_offset_us = _clock_us(CLOCK_REALTIME) - _clock_us(CLOCK_MONOTONIC)

    def __dealloc__(self) -> None:
        if self.state != NULL:
            self._join()
            self._close_descriptors()
            receiver_free(&self.state.receiver)
            free(self.state)

    cdef int _close_descriptors(self) except -1:
        for fd in (self.state.epoll_fd, self.state.stop_fd, self.state.event_fd):
            if fd >= 0:
                close(fd)
        self.state.epoll_fd = self.state.stop_fd = self.state.event_fd = -1
        return 0

    cdef int64_t now_us(self) noexcept:
        return _clock_us(CLOCK_MONOTONIC)

    cdef int _watch(self, int fd, uint32_t tag) except -1:
        cdef epoll_event event
        event.events = EPOLLIN
        event.data.u32 = tag
        if epoll_ctl(self.state.epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0:
            raise OSError("the kernel watches no more descriptors (fs.epoll.max_user_watches)")
        return 0

    @property
    def event_fd(self) -> int:
        return self.state.event_fd

    def open_socket(self, ip: str, port: int, owner: int | None = None) -> tuple[int, int]:
        """Binds UDP `ip`:`port` (0: any); returns (socket index, bound port). `owner`: the plain transport it belongs to.

        Raises OSError when the address cannot be bound or the worker has SOCKETS_MAX sockets.
        """
        cdef Transport* t = NULL
        cdef int index
        ipv6 = ":" in ip
        sock = socket_module.socket(socket_module.AF_INET6 if ipv6 else socket_module.AF_INET, socket_module.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            if ipv6:
                sock.setsockopt(socket_module.IPPROTO_IPV6, socket_module.IPV6_V6ONLY, 1)
            sock.bind((ip, port))
            socket_configure(sock.fileno(), ipv6)
            self.begin()
            try:
                if owner is not None:
                    t = self.transport(owner)
                index = self.python_sockets.index(None) if None in self.python_sockets else -1
                if index < 0:
                    raise OSError(f"a worker has at most {SOCKETS_MAX} sockets")
                self._watch(sock.fileno(), <uint32_t>index)
                self.state.sockets[index].fd = sock.fileno()
                self.state.sockets[index].owner = t
                self.python_sockets[index] = sock
            finally:
                self.end()
        except BaseException:
            sock.close()
            raise
        return index, sock.getsockname()[1]

    def close_socket(self, index: int) -> None:
        """Closes what open_socket returned; close it before the transport that owns it. IndexError when it is not open."""
        self.begin()
        try:
            if not 0 <= index < SOCKETS_MAX or self.python_sockets[index] is None:
                raise IndexError(f"no socket {index}")
            epoll_ctl(self.state.epoll_fd, EPOLL_CTL_DEL, self.state.sockets[index].fd, NULL)
            self.state.sockets[index].fd = -1
            self.state.sockets[index].owner = NULL
            self.python_sockets[index].close()
            self.python_sockets[index] = None
        finally:
            self.end()

    def start(self) -> None:
        if self.running or self.state.epoll_fd < 0:
            raise RuntimeError("the worker runs already, or has ended")
        if pthread_create(&self.thread, NULL, _run, self.state) != 0:
            raise OSError("the kernel gives no more threads (ulimit -u)")
        self.running = True

    def stop(self) -> None:
        """Ends the thread for good and closes the sockets and `event_fd`; may be called twice."""
        self._join()
        self._close_descriptors()
        for index, sock in enumerate(self.python_sockets):
            if sock is not None:
                self.state.sockets[index].fd = -1
                sock.close()
                self.python_sockets[index] = None

    cdef int _join(self) except -1:
        cdef uint64_t one = 1
        if self.running:
            self.state.stopping = 1
            write(self.state.stop_fd, &one, sizeof(one))
            with nogil:
                pthread_join(self.thread, NULL)
            self.running = False
        return 0

    def cpu_time_ns(self) -> int:
        """CPU time the worker's thread has used; 0 while it does not run."""
        cdef clockid_t clock
        cdef timespec t
        if not self.running or pthread_getcpuclockid(self.thread, &clock) != 0:
            return 0
        clock_gettime(<int>clock, &t)
        return <int64_t>t.tv_sec * 1000000000 + t.tv_nsec
