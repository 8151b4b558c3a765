"""See floor.pxd.

Receive, decrypt once, then for each consumer: 12 bytes of header, encrypt, send. System calls, crypto and batch sizes are the
worker's; nothing of what makes a worker an SFU is here: no demultiplexing, replay window, accounting, history, renumbering, header
extensions, retransmission map, timers or statistics.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy
from posix.time cimport clockid_t

import socket as socket_module

from vpaas_core._fastpath.c.socket cimport (
    AF_INET,
    CLOCK_MONOTONIC,
    CMSG_DATA,
    CMSG_FIRSTHDR,
    CMSG_LEN,
    CMSG_SPACE,
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLLIN,
    MSG_DONTWAIT,
    SOL_UDP,
    UDP_SEGMENT,
    clock_gettime,
    close,
    cmsghdr,
    epoll_create1,
    epoll_ctl,
    epoll_event,
    epoll_wait,
    htons,
    msghdr,
    recvmmsg,
    sendmmsg,
    timespec,
)
from vpaas_core._fastpath.c.threads cimport atomic_get, pthread_create, pthread_getcpuclockid, pthread_join
from vpaas_core._fastpath.limits cimport RECV_MESSAGE_BYTES, SEND_ARENA_BYTES, TICK_US
from vpaas_core._fastpath.seqnum cimport extend16
from vpaas_core._fastpath.socketio cimport socket_configure
from vpaas_core._fastpath.srtp cimport (
    srtp_engine_free,
    srtp_engine_new,
    srtp_flush,
    srtp_keys_free,
    srtp_keys_new,
    srtp_protect,
    srtp_unprotect,
)
from vpaas_core._fastpath.wire cimport load16, load32, store16, store32

from vpaas_core._fastpath.srtp import srtp_backends

cdef enum:
    HEADER_BYTES = 12
    TAG_BYTES_MAX = 16


cdef int _receive(FloorState* s) noexcept nogil:
    """Packets of a burst, decrypted into `plain`."""
    cdef const uint8_t* data
    cdef cmsghdr* c
    cdef int32_t segment
    cdef int i, at, size, n
    cdef int count = 0
    for i in range(RECV_MESSAGES_MAX):
        s.incoming[i].msg_hdr.msg_controllen = CONTROL_BYTES
    n = recvmmsg(s.fd, s.incoming, RECV_MESSAGES_MAX, MSG_DONTWAIT, NULL)
    for i in range(n):
        data = <const uint8_t*>s.incoming_vectors[i].iov_base
        size = segment = <int>s.incoming[i].msg_len
        c = CMSG_FIRSTHDR(&s.incoming[i].msg_hdr)
        if c != NULL:
            memcpy(&segment, CMSG_DATA(c), sizeof(segment))
        at = 0
        while at < size and count < BATCH_PACKETS_MAX:
            s.highest = extend16(s.highest, load16(data + at + 2))
            s.indexes[count] = s.highest
            s.lengths[count] = srtp_unprotect(
                s.srtp, s.key_in, data + at, min(segment, size - at), HEADER_BYTES, s.highest, s.plain[count]
            )
            count += s.lengths[count] > 0
            at += segment
    return count


cdef void _flush(FloorState* s) noexcept nogil:
    cdef int first = 0
    cdef int sent
    srtp_flush(s.srtp)
    while first < s.pending:
        sent = sendmmsg(s.fd, s.outgoing + first, <unsigned int>(s.pending - first), MSG_DONTWAIT)
        first += sent if sent > 0 else 1
    s.pending = 0
    s.used = 0


cdef void _forward(FloorState* s, int consumer, int packets) noexcept nogil:
    """All packets of a burst to one consumer: one message, of segments when they are several."""
    cdef uint8_t* out
    cdef uint16_t segment = <uint16_t>(s.lengths[0] + TAG_BYTES_MAX)
    cdef int i, start
    if s.pending == SEND_MESSAGES_MAX or s.used + packets * DATAGRAM_BYTES_MAX > SEND_ARENA_BYTES:
        _flush(s)
    start = s.used
    for i in range(packets):
        out = s.arena + s.used
        out[0] = 0x80
        out[1] = s.plain[i][1]
        store16(out + 2, <uint16_t>s.indexes[i])
        store32(out + 4, load32(s.plain[i] + 4))
        store32(out + 8, <unsigned int>consumer + 1)
        segment = <uint16_t>srtp_protect(
            s.srtp, s.keys_out[consumer], out, HEADER_BYTES, s.plain[i] + HEADER_BYTES, s.lengths[i] - HEADER_BYTES, s.indexes[i]
        )
        s.used += segment
    s.outgoing[s.pending].msg_hdr.msg_name = &s.sinks[consumer]
    s.outgoing_vectors[s.pending].iov_base = s.arena + start
    s.outgoing_vectors[s.pending].iov_len = s.used - start
    s.outgoing[s.pending].msg_hdr.msg_controllen = CMSG_SPACE(sizeof(uint16_t)) if packets > 1 else 0
    memcpy(CMSG_DATA(<cmsghdr*>s.outgoing_control[s.pending]), &segment, sizeof(segment))
    s.pending += 1
    s.forwarded += packets


cdef void* _run(void* argument) noexcept nogil:
    cdef FloorState* s = <FloorState*>argument
    cdef epoll_event ready
    cdef int i, packets
    while not atomic_get(&s.stopping):
        if epoll_wait(s.epoll_fd, &ready, 1, TICK_US // 1000) <= 0:
            continue
        packets = _receive(s)
        if packets > 0:
            for i in range(s.consumers):
                _forward(s, i, packets)
            _flush(s)
    return NULL


cdef class Floor:
    """A thread that forwards packets of one size from its socket to `sinks` (IPv4 host and port), one key (master key and salt) each."""

    def __cinit__(self, profile: int, key_in: tuple[bytes, bytes], keys_out: list[tuple[bytes, bytes]], sinks: list[tuple[str, int]]) -> None:
        cdef FloorState* s = <FloorState*>calloc(1, sizeof(FloorState))
        cdef epoll_event event
        cdef bytes address
        cdef int i
        if s == NULL:
            raise MemoryError
        self.state = s
        s.consumers = <int>len(sinks)
        s.srtp = srtp_engine_new(max(srtp_backends()))
        s.key_in = srtp_keys_new(s.srtp, profile, key_in[0], key_in[1])
        s.keys_out = <SrtpKeys**>calloc(s.consumers, sizeof(SrtpKeys*))
        s.sinks = <sockaddr_in*>calloc(s.consumers, sizeof(sockaddr_in))
        s.buffers = <uint8_t*>malloc(RECV_MESSAGES_MAX * RECV_MESSAGE_BYTES)
        s.arena = <uint8_t*>malloc(SEND_ARENA_BYTES)
        if s.key_in == NULL or s.keys_out == NULL or s.sinks == NULL or s.buffers == NULL or s.arena == NULL:
            raise MemoryError
        for i, ((key, salt), (host, port)) in enumerate(zip(keys_out, sinks)):
            s.keys_out[i] = srtp_keys_new(s.srtp, profile, key, salt)
            address = socket_module.inet_aton(host)
            s.sinks[i].sin_family = AF_INET
            s.sinks[i].sin_port = htons(port)
            memcpy(&s.sinks[i].sin_addr, <const char*>address, 4)
        self.socket = socket_module.socket(socket_module.AF_INET, socket_module.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        s.fd = self.socket.fileno()
        socket_configure(s.fd, False)
        _prepare(s)
        s.epoll_fd = epoll_create1(EPOLL_CLOEXEC)
        event.events = EPOLLIN
        event.data.u32 = 0
        if epoll_ctl(s.epoll_fd, EPOLL_CTL_ADD, s.fd, &event) < 0 or pthread_create(&self.thread, NULL, _run, s) != 0:
            raise OSError("no descriptor or thread left")
        self.running = True

    @property
    def address(self) -> tuple[str, int]:
        return self.socket.getsockname()

    def cpu_time_ns(self) -> int:
        """CPU time its thread has used."""
        cdef clockid_t clock
        cdef timespec t
        pthread_getcpuclockid(self.thread, &clock)
        clock_gettime(<int>clock, &t)
        return <int64_t>t.tv_sec * 1000000000 + t.tv_nsec

    def stop(self) -> None:
        if self.running:
            self.running = False
            self.state.stopping = 1
            with nogil:
                pthread_join(self.thread, NULL)
            close(self.state.epoll_fd)
            self.socket.close()

    def __dealloc__(self) -> None:
        cdef FloorState* s = self.state
        cdef int i
        if s == NULL:
            return
        for i in range(s.consumers):
            srtp_keys_free(s.keys_out[i])
        srtp_keys_free(s.key_in)
        srtp_engine_free(s.srtp)
        free(s.keys_out)
        free(s.sinks)
        free(s.buffers)
        free(s.arena)
        free(s)


cdef void _prepare(FloorState* s) noexcept nogil:
    """All of the message headers that no packet changes."""
    cdef msghdr* m
    cdef cmsghdr* c
    cdef int i
    for i in range(RECV_MESSAGES_MAX):
        m = &s.incoming[i].msg_hdr
        s.incoming_vectors[i].iov_base = s.buffers + i * RECV_MESSAGE_BYTES
        s.incoming_vectors[i].iov_len = RECV_MESSAGE_BYTES
        m.msg_iov = &s.incoming_vectors[i]
        m.msg_iovlen = 1
        m.msg_control = s.incoming_control[i]
    for i in range(SEND_MESSAGES_MAX):
        m = &s.outgoing[i].msg_hdr
        m.msg_namelen = sizeof(sockaddr_in)
        m.msg_iov = &s.outgoing_vectors[i]
        m.msg_iovlen = 1
        m.msg_control = s.outgoing_control[i]
        c = <cmsghdr*>s.outgoing_control[i]
        c.cmsg_level = SOL_UDP
        c.cmsg_type = UDP_SEGMENT
        c.cmsg_len = CMSG_LEN(sizeof(uint16_t))
