"""The publisher of a measurement: bursts of SRTP packets, each sent when the one before has been forwarded."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from benchmarks.clock cimport counter_get, cpu_ns, reached
from benchmarks.floor cimport Floor
from vpaas_core._fastpath.c.socket cimport (
    CMSG_DATA,
    CMSG_LEN,
    CMSG_SPACE,
    SOL_UDP,
    UDP_SEGMENT,
    cmsghdr,
    iovec,
    mmsghdr,
    sendmmsg,
)
from vpaas_core._fastpath.limits cimport BATCH_PACKETS_MAX, DATAGRAM_BYTES_MAX, SRTP_OVERHEAD_BYTES_MAX
from vpaas_core._fastpath.control cimport Core
from vpaas_core._fastpath.loop cimport Loop
from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.output cimport OutMessage
from vpaas_core._fastpath.pipeline cimport pipeline_finish, pipeline_receive
from vpaas_core._fastpath.srtp cimport (
    SrtpEngine,
    SrtpKeys,
    srtp_engine_free,
    srtp_engine_new,
    srtp_flush,
    srtp_keys_free,
    srtp_keys_new,
    srtp_protect,
)
from vpaas_core._fastpath.stun cimport addr_from_python
from vpaas_core._fastpath.wire cimport store16, store32

from vpaas_core._fastpath.srtp import srtp_backends

cdef class Feeder:
    """Sends bursts of `burst` packets from the connected socket `fd`, from SRTP index 1 on."""

    cdef SrtpEngine* srtp
    cdef SrtpKeys* keys
    cdef int fd, burst, size
    cdef int64_t index
    cdef uint32_t timestamp
    cdef uint8_t* out

    def __cinit__(self, fd: int, profile: int, key: tuple[bytes, bytes], burst: int) -> None:
        if not 1 <= burst <= BATCH_PACKETS_MAX:
            raise ValueError(f"a burst has at most {BATCH_PACKETS_MAX} packets")
        self.fd, self.burst = fd, burst
        self.srtp = srtp_engine_new(max(srtp_backends()))
        self.keys = srtp_keys_new(self.srtp, profile, key[0], key[1])
        self.out = <uint8_t*>malloc(<size_t>burst * DATAGRAM_BYTES_MAX)
        if self.keys == NULL or self.out == NULL:
            raise MemoryError

    def __dealloc__(self) -> None:
        srtp_keys_free(self.keys)
        srtp_engine_free(self.srtp)
        free(self.out)

    def feed(self, target: object, packet: bytes, header_len: int, bursts: int, consumers: int) -> None:
        """Sends `bursts` bursts, each when the one before has gone to all `consumers`. `target`: the Loop or the Floor.

        All are copies of the RTP packet `packet`, but for sequence number and timestamp; `header_len` counts its header with
        extensions. Raises TimeoutError when one is not forwarded.
        """
        if len(packet) > DATAGRAM_BYTES_MAX - SRTP_OVERHEAD_BYTES_MAX:
            raise ValueError("the packet is too large")
        cdef const uint8_t* data = packet
        cdef int length = <int>len(packet)
        cdef int header = header_len
        cdef const uint64_t* forwarded = (
            &(<Loop?>target).pl.forwarded if isinstance(target, Loop) else &(<Floor?>target).state.forwarded
        )
        cdef uint64_t expected = counter_get(forwarded)
        cdef uint64_t step = self.burst * consumers
        cdef int i
        cdef int n = bursts
        cdef bint done = True
        with nogil:
            for i in range(n):
                self._protect(data, header, length)
                done = reached(forwarded, expected) and self._send()
                if not done:
                    break
                expected += step
            done = done and reached(forwarded, expected)
        if not done:
            raise TimeoutError(f"{counter_get(forwarded)} packets forwarded, not {expected}")

    def drive(self, core: Core, source: tuple[str, int], packet: bytes, header_len: int, bursts: int) -> int:
        """The same without threads and sockets: what is sent goes nowhere. Returns the CPU time of forwarding, in ns."""
        cdef const uint8_t* data = packet
        cdef int length = <int>len(packet)
        cdef int64_t spent_ns = 0
        cdef int64_t now_us = 1000000
        cdef int64_t start_ns
        cdef Addr address
        cdef int i, j
        addr_from_python(source, &address)
        core.pl.output.flush = _nowhere
        for i in range(bursts):
            self._protect(data, header_len, length)
            now_us += 1000
            start_ns = cpu_ns()
            for j in range(self.burst):
                pipeline_receive(core.pl, NULL, self.out + j * self.size, self.size, &address, now_us)
            pipeline_finish(core.pl, now_us)
            spent_ns += cpu_ns() - start_ns
        return spent_ns

    cdef void _protect(self, const uint8_t* packet, int header, int length) noexcept nogil:
        cdef uint8_t* at = self.out
        cdef int i
        self.timestamp += 3000
        for i in range(self.burst):
            self.index += 1
            memcpy(at, packet, header)
            store16(at + 2, <uint16_t>self.index)
            store32(at + 4, self.timestamp)
            self.size = srtp_protect(
                self.srtp, self.keys, at, header, packet + header, length - header, self.index
            )
            at += self.size
        srtp_flush(self.srtp)

    cdef bint _send(self) noexcept nogil:
        cdef uint8_t control[64]
        cdef uint16_t segment = <uint16_t>self.size
        cdef mmsghdr message
        cdef iovec vector
        cdef cmsghdr* c = <cmsghdr*>control
        memset(&message, 0, sizeof(message))
        vector.iov_base = self.out
        vector.iov_len = self.size * self.burst
        message.msg_hdr.msg_iov = &vector
        message.msg_hdr.msg_iovlen = 1
        if self.burst > 1:
            message.msg_hdr.msg_control = control
            message.msg_hdr.msg_controllen = CMSG_SPACE(sizeof(segment))
            c.cmsg_level = SOL_UDP
            c.cmsg_type = UDP_SEGMENT
            c.cmsg_len = CMSG_LEN(sizeof(segment))
            memcpy(CMSG_DATA(c), &segment, sizeof(segment))
        return sendmmsg(self.fd, &message, 1, 0) == 1


cdef void _nowhere(void* context, const uint8_t* arena, const OutMessage* messages, int n) noexcept nogil:
    pass
