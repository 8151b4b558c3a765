"""See socketio.pxd."""

from libc.stdint cimport int32_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from vpaas_core._fastpath.c.socket cimport (
    AF_INET,
    AF_INET6,
    CMSG_DATA,
    CMSG_FIRSTHDR,
    CMSG_LEN,
    CMSG_NXTHDR,
    CMSG_SPACE,
    EAGAIN,
    ECONNREFUSED,
    EHOSTUNREACH,
    EINTR,
    EINVAL,
    EIO,
    EMSGSIZE,
    ENETUNREACH,
    IP_MTU_DISCOVER,
    IP_PMTUDISC_PROBE,
    IP_RECVERR,
    IPPROTO_IP,
    IPPROTO_IPV6,
    IPV6_MTU_DISCOVER,
    IPV6_RECVERR,
    MSG_DONTWAIT,
    MSG_ERRQUEUE,
    SO_RCVBUF,
    SO_RCVBUFFORCE,
    SO_SNDBUF,
    SO_SNDBUFFORCE,
    SOL_SOCKET,
    SOL_UDP,
    UDP_GRO,
    UDP_SEGMENT,
    cmsghdr,
    errno,
    htons,
    iovec,
    mmsghdr,
    msghdr,
    ntohs,
    recvmmsg,
    recvmsg,
    sendmmsg,
    setsockopt,
    sockaddr_in,
    sockaddr_in6,
    sockaddr_storage,
    socklen_t,
)
from vpaas_core._fastpath.limits cimport GSO_SEGMENTS_MAX, RECV_MESSAGE_BYTES, RECV_MESSAGES_MAX

cdef enum:
    SOCKET_BUFFER_BYTES = 4194304   # bytes; the kernel's default holds about 100 packets, this about 3700
    ERRORS_DRAINED_MAX = 64         # queued ICMP errors read in one turn


cdef int receiver_init(Receiver* r) noexcept nogil:
    cdef int i
    memset(r, 0, sizeof(Receiver))
    r.buffers = <uint8_t*>malloc(RECV_MESSAGES_MAX * RECV_MESSAGE_BYTES)
    if r.buffers == NULL:
        return -1
    for i in range(RECV_MESSAGES_MAX):
        r.vectors[i].iov_base = r.buffers + i * RECV_MESSAGE_BYTES
        r.vectors[i].iov_len = RECV_MESSAGE_BYTES
        r.messages[i].msg_hdr.msg_iov = &r.vectors[i]
        r.messages[i].msg_hdr.msg_iovlen = 1
        r.messages[i].msg_hdr.msg_name = &r.names[i]
        r.messages[i].msg_hdr.msg_control = &r.control[i][0]
    return 0


cdef void receiver_free(Receiver* r) noexcept nogil:
    free(r.buffers)
    r.buffers = NULL


cdef int receiver_read(Receiver* r, int fd) noexcept nogil:
    cdef int i
    for i in range(RECV_MESSAGES_MAX):
        r.messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage)
        r.messages[i].msg_hdr.msg_controllen = CONTROL_BYTES
    i = recvmmsg(fd, r.messages, RECV_MESSAGES_MAX, MSG_DONTWAIT, NULL)
    return i if i > 0 else 0


cdef int receiver_segment(Receiver* r, int i) noexcept nogil:
    cdef msghdr* message = &r.messages[i].msg_hdr
    cdef cmsghdr* c = CMSG_FIRSTHDR(message)
    cdef int32_t size
    while c != NULL:
        if c.cmsg_level == SOL_UDP and c.cmsg_type == UDP_GRO:
            memcpy(&size, CMSG_DATA(c), sizeof(size))
            return size if size > 0 else <int>r.messages[i].msg_len
        c = CMSG_NXTHDR(message, c)
    return <int>r.messages[i].msg_len


cdef void receiver_source(Receiver* r, int i, int socket, Addr* source) noexcept nogil:
    cdef const sockaddr_in* v4 = <const sockaddr_in*>&r.names[i]
    cdef const sockaddr_in6* v6 = <const sockaddr_in6*>&r.names[i]
    memset(source, 0, sizeof(Addr))
    source.socket = <uint8_t>socket
    if r.names[i].ss_family == AF_INET:
        memcpy(source.ip, &v4.sin_addr, 4)
        source.port = ntohs(v4.sin_port)
        source.family = 4
    else:
        memcpy(source.ip, &v6.sin6_addr, 16)
        source.port = ntohs(v6.sin6_port)
        source.family = 6


cdef inline socklen_t _name(sockaddr_storage* name, const Addr* to) noexcept nogil:
    cdef sockaddr_in* v4 = <sockaddr_in*>name
    cdef sockaddr_in6* v6 = <sockaddr_in6*>name
    if to.family == 4:
        v4.sin_family = AF_INET
        v4.sin_port = htons(to.port)
        memcpy(&v4.sin_addr, to.ip, 4)
        return sizeof(sockaddr_in)
    memset(v6, 0, sizeof(sockaddr_in6))
    v6.sin6_family = AF_INET6
    v6.sin6_port = htons(to.port)
    memcpy(&v6.sin6_addr, to.ip, 16)
    return sizeof(sockaddr_in6)


cdef void _prepare(Sender* s, int i, const uint8_t* arena, const OutMessage* m) noexcept nogil:
    cdef msghdr* message = &s.messages[i].msg_hdr
    cdef cmsghdr* c
    s.vectors[i].iov_base = <void*>(arena + m.offset)
    s.vectors[i].iov_len = m.length
    message.msg_name = &s.names[i]
    message.msg_namelen = _name(&s.names[i], &m.to)
    message.msg_iov = &s.vectors[i]
    message.msg_iovlen = 1
    message.msg_flags = 0
    message.msg_control = NULL
    message.msg_controllen = 0
    if m.segments > 1:
        message.msg_control = &s.control[i][0]
        message.msg_controllen = CMSG_SPACE(sizeof(uint16_t))
        c = CMSG_FIRSTHDR(message)
        c.cmsg_level = SOL_UDP
        c.cmsg_type = UDP_SEGMENT
        c.cmsg_len = CMSG_LEN(sizeof(uint16_t))
        memcpy(CMSG_DATA(c), &m.segment, sizeof(uint16_t))


cdef void sender_flush(void* context, const uint8_t* arena, const OutMessage* messages, int n) noexcept nogil:
    cdef Sender* s = <Sender*>context
    cdef int first = 0
    cdef int last
    while first < n:
        last = first
        while last < n and messages[last].to.socket == messages[first].to.socket:
            _prepare(s, last, arena, &messages[last])
            last += 1
        _send(s, s.sockets[messages[first].to.socket].fd, arena, messages, first, last)
        first = last


cdef void _send(
    Sender* s, int fd, const uint8_t* arena, const OutMessage* messages, int first, int last
) noexcept nogil:
    cdef int error, sent
    cdef bint retried = False
    while first < last:
        sent = sendmmsg(fd, s.messages + first, <unsigned int>(last - first), MSG_DONTWAIT)
        if sent > 0:
            first += sent
            retried = False
            continue
        error = errno
        if error == EINTR:
            continue
        if error == EAGAIN:
            while first < last:
                s.buffer_full += messages[first].segments
                first += 1
            return
        if messages[first].segments > 1 and (error == EIO or error == EINVAL or error == EMSGSIZE):
            s.gso_refused += 1
            _send_singly(s, fd, arena, &messages[first], first)
        elif (error == ECONNREFUSED or error == EHOSTUNREACH or error == ENETUNREACH) and not retried:
            retried = True  # an ICMP error of an earlier datagram, reported here (IP_RECVERR)
            continue
        else:
            s.failed += messages[first].segments
        first += 1
        retried = False


cdef void _send_singly(Sender* s, int fd, const uint8_t* arena, const OutMessage* m, int i) noexcept nogil:
    """The device or the path refuses segmentation: one datagram a message for this run."""
    cdef mmsghdr singles[GSO_SEGMENTS_MAX]
    cdef iovec vectors[GSO_SEGMENTS_MAX]
    cdef int n = 0
    cdef unsigned int at = 0
    cdef int sent
    while at < m.length and n < GSO_SEGMENTS_MAX:
        singles[n] = s.messages[i]
        singles[n].msg_hdr.msg_control = NULL
        singles[n].msg_hdr.msg_controllen = 0
        singles[n].msg_hdr.msg_iov = &vectors[n]
        vectors[n].iov_base = <void*>(arena + m.offset + at)
        vectors[n].iov_len = min(<unsigned int>m.segment, m.length - at)
        at += m.segment
        n += 1
    sent = sendmmsg(fd, singles, <unsigned int>n, MSG_DONTWAIT)
    s.failed += n - (sent if sent > 0 else 0)


cdef void socket_configure(int fd, bint ipv6) noexcept nogil:
    cdef int on = 1
    cdef int size = SOCKET_BUFFER_BYTES
    cdef int probe = IP_PMTUDISC_PROBE
    # FORCE needs CAP_NET_ADMIN; without it the kernel caps at net.core.rmem_max and wmem_max
    if setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(int)) < 0:
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(int))
    if setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(int)) < 0:
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(int))
    setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(int))
    if ipv6:
        setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(int))
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(int))
    else:
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(int))
        setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(int))


cdef void socket_drain_errors(int fd) noexcept nogil:
    cdef uint8_t data[256]
    cdef uint8_t control[512]
    cdef iovec vector
    cdef msghdr message
    cdef int i
    for i in range(ERRORS_DRAINED_MAX):
        memset(&message, 0, sizeof(message))
        vector.iov_base = data
        vector.iov_len = sizeof(data)
        message.msg_iov = &vector
        message.msg_iovlen = 1
        message.msg_control = control
        message.msg_controllen = sizeof(control)
        if recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0:
            return
