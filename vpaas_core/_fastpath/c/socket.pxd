"""Linux sockets as the loop uses them: batches, UDP segmentation and coalescing (udp(7), recvmmsg(2), sendmmsg(2))."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t


cdef extern from * nogil:
    """
    #define _GNU_SOURCE 1
    #include <arpa/inet.h>
    #include <errno.h>
    #include <linux/errqueue.h>
    #include <netinet/in.h>
    #include <netinet/udp.h>
    #include <string.h>
    #include <sys/epoll.h>
    #include <sys/eventfd.h>
    #include <sys/socket.h>
    #include <time.h>
    #include <unistd.h>
    #ifndef UDP_SEGMENT
    #define UDP_SEGMENT 103
    #endif
    #ifndef UDP_GRO
    #define UDP_GRO 104
    #endif
    """
    int AF_INET, AF_INET6, SOL_UDP, SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6
    int UDP_SEGMENT, UDP_GRO, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IP_PMTUDISC_PROBE, IP_RECVERR, IPV6_RECVERR
    int SO_RCVBUF, SO_SNDBUF, SO_RCVBUFFORCE, SO_SNDBUFFORCE
    int MSG_DONTWAIT, MSG_ERRQUEUE, MSG_TRUNC
    int EAGAIN, EINTR, EIO, EINVAL, EMSGSIZE, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH
    int EPOLLIN, EPOLLERR, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EFD_NONBLOCK, EFD_CLOEXEC, EPOLL_CLOEXEC
    int errno

    ctypedef uint32_t socklen_t
    cdef struct in_addr:
        uint32_t s_addr
    cdef struct in6_addr:
        uint8_t s6_addr[16]
    cdef struct sockaddr:
        uint16_t sa_family
    cdef struct sockaddr_in:
        uint16_t sin_family
        uint16_t sin_port
        in_addr sin_addr
    cdef struct sockaddr_in6:
        uint16_t sin6_family
        uint16_t sin6_port
        uint32_t sin6_flowinfo
        in6_addr sin6_addr
        uint32_t sin6_scope_id
    cdef struct sockaddr_storage:
        uint16_t ss_family
    cdef struct iovec:
        void* iov_base
        size_t iov_len
    cdef struct msghdr:
        void* msg_name
        socklen_t msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags
    cdef struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    cdef struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type
    cmsghdr* CMSG_FIRSTHDR(msghdr* message)
    cmsghdr* CMSG_NXTHDR(msghdr* message, cmsghdr* c)
    uint8_t* CMSG_DATA(cmsghdr* c)
    size_t CMSG_LEN(size_t n)
    size_t CMSG_SPACE(size_t n)

    int recvmmsg(int fd, mmsghdr* messages, unsigned int n, int flags, void* timeout)
    int sendmmsg(int fd, mmsghdr* messages, unsigned int n, int flags)
    ssize_t recvmsg(int fd, msghdr* message, int flags)
    int setsockopt(int fd, int level, int name, const void* value, socklen_t size)
    int close(int fd)
    ssize_t write(int fd, const void* data, size_t n)
    ssize_t read(int fd, void* data, size_t n)
    uint16_t htons(uint16_t v)
    uint16_t ntohs(uint16_t v)

    cdef union epoll_data:
        uint32_t u32
    cdef struct epoll_event:
        uint32_t events
        epoll_data data
    int epoll_create1(int flags)
    int epoll_ctl(int epfd, int op, int fd, epoll_event* event)
    int epoll_wait(int epfd, epoll_event* events, int n, int timeout_ms)
    int eventfd(unsigned int value, int flags)

    cdef struct timespec:
        long tv_sec
        long tv_nsec
    int CLOCK_MONOTONIC
    int CLOCK_REALTIME
    int clock_gettime(int clock, timespec* t)
