"""The least that forwarding can cost: what the worker is measured against."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from vpaas_core._fastpath.c.socket cimport iovec, mmsghdr, sockaddr_in
from vpaas_core._fastpath.c.threads cimport pthread_t
from vpaas_core._fastpath.limits cimport (
    BATCH_PACKETS_MAX,
    DATAGRAM_BYTES_MAX,
    RECV_MESSAGES_MAX,
    SEND_MESSAGES_MAX,
)
from vpaas_core._fastpath.srtp cimport SrtpEngine, SrtpKeys

cdef enum:
    CONTROL_BYTES = 64


cdef struct FloorState:
    int fd
    int epoll_fd
    int stopping
    int consumers
    int pending                 # messages not yet sent
    int used                    # bytes of the arena
    uint64_t forwarded          # packets
    int64_t highest             # SRTP index of the last packet
    SrtpEngine* srtp
    SrtpKeys* key_in
    SrtpKeys** keys_out         # by consumer
    sockaddr_in* sinks          # by consumer
    uint8_t* buffers            # of recvmmsg
    uint8_t* arena              # of sendmmsg
    mmsghdr incoming[RECV_MESSAGES_MAX]
    iovec incoming_vectors[RECV_MESSAGES_MAX]
    uint8_t incoming_control[RECV_MESSAGES_MAX][CONTROL_BYTES]
    mmsghdr outgoing[SEND_MESSAGES_MAX]
    iovec outgoing_vectors[SEND_MESSAGES_MAX]
    uint8_t outgoing_control[SEND_MESSAGES_MAX][CONTROL_BYTES]
    int64_t indexes[BATCH_PACKETS_MAX]
    int lengths[BATCH_PACKETS_MAX]
    uint8_t plain[BATCH_PACKETS_MAX][DATAGRAM_BYTES_MAX]


cdef class Floor:
    cdef FloorState* state
    cdef pthread_t thread
    cdef bint running
    cdef object socket
