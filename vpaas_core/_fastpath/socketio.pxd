"""UDP sockets of one worker: batches in with coalescing, batches out with segmentation (design: one GSO message a consumer)."""

from libc.stdint cimport uint8_t, uint64_t

from vpaas_core._fastpath.c.socket cimport iovec, mmsghdr, sockaddr_storage
from vpaas_core._fastpath.limits cimport GSO_SEGMENTS_MAX, RECV_MESSAGES_MAX, SEND_MESSAGES_MAX, SOCKETS_MAX
from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.output cimport OutMessage
from vpaas_core._fastpath.router cimport Transport


cdef enum:
    CONTROL_BYTES = 128     # ancillary data of one message


cdef struct Socket:
    int fd                  # -1: closed
    Transport* owner        # NULL: shared by all WebRTC transports


cdef struct Receiver:
    mmsghdr messages[RECV_MESSAGES_MAX]
    iovec vectors[RECV_MESSAGES_MAX]
    sockaddr_storage names[RECV_MESSAGES_MAX]
    uint8_t control[RECV_MESSAGES_MAX][CONTROL_BYTES]
    uint8_t* buffers


cdef struct Sender:
    Socket* sockets
    mmsghdr messages[SEND_MESSAGES_MAX]
    iovec vectors[SEND_MESSAGES_MAX]
    sockaddr_storage names[SEND_MESSAGES_MAX]
    uint8_t control[SEND_MESSAGES_MAX][CONTROL_BYTES]
    uint64_t buffer_full    # datagrams the kernel had no room for
    uint64_t failed         # datagrams it refused
    uint64_t gso_refused    # messages sent again in single datagrams


cdef int receiver_init(Receiver* r) noexcept nogil
cdef void receiver_free(Receiver* r) noexcept nogil
# Reads what is queued, up to RECV_MESSAGES_MAX messages; returns how many.
cdef int receiver_read(Receiver* r, int fd) noexcept nogil
# The size of message i's datagrams (all but the last, which may be shorter) and its source.
cdef int receiver_segment(Receiver* r, int i) noexcept nogil
cdef void receiver_source(Receiver* r, int i, int socket, Addr* source) noexcept nogil

# Output.flush; context is the Sender.
cdef void sender_flush(void* context, const uint8_t* arena, const OutMessage* messages, int n) noexcept nogil

cdef void socket_configure(int fd, bint ipv6) noexcept nogil
cdef void socket_drain_errors(int fd) noexcept nogil
