"""What the stages of one worker share. One writer at a time: the worker's thread, or a control call that holds the lock."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from vpaas_core._fastpath.drop cimport DROP_REASON_COUNT
from vpaas_core._fastpath.events cimport EventRing
from vpaas_core._fastpath.limits cimport BATCH_PACKETS_MAX, DATAGRAM_BYTES_MAX
from vpaas_core._fastpath.output cimport Output
from vpaas_core._fastpath.router cimport Pointers, Producer, RecvStream, Transport
from vpaas_core._fastpath.rtp cimport Packet
from vpaas_core._fastpath.srtp cimport SrtpEngine
from vpaas_core._fastpath.table cimport AddrMap, U64Map


cdef struct BatchEntry:
    Packet* packet
    int next                # of the same producer; -1: the last


cdef struct Pipeline:
    SrtpEngine* srtp
    Output output
    EventRing events
    AddrMap peers           # -> Transport, by an address that ICE has verified
    U64Map ufrags           # -> Transport, by ufrag_key
    U64Map transports       # by id
    U64Map producers
    U64Map consumers
    Pointers all_transports
    Pointers catching_up    # consumers that are sent what they have missed; some may have stopped
    int64_t wall_offset_us  # Unix time minus the monotonic clock
    int64_t next_slow_us
    uint32_t abs_send_time  # of the batch being forwarded
    int batch_count
    int touched_count
    BatchEntry batch[BATCH_PACKETS_MAX]
    Producer* touched[BATCH_PACKETS_MAX]
    uint64_t drops[DROP_REASON_COUNT]   # of what belongs to no transport, and of forwarding
    uint64_t forwarded
    uint8_t scratch[DATAGRAM_BYTES_MAX]
    Pointers observers      # of audio


cdef inline void drop(Pipeline* pl, int reason, int n) noexcept nogil:
    pl.drops[reason] += n


cdef inline uint32_t abs_send_time(int64_t now_us) noexcept nogil:
    """6.18 seconds, modulo 64 s."""
    return <uint32_t>(((now_us % 64000000) << 18) // 1000000)


cdef inline uint64_t ufrag_key(const uint8_t* ufrag, int length) noexcept nogil:
    """FNV-1a; a collision only costs the later of two transports its ICE, and the full ufrag is compared after."""
    cdef uint64_t h = <uint64_t>0xCBF29CE484222325u
    cdef int i
    for i in range(length):
        h = (h ^ ufrag[i]) * <uint64_t>0x100000001B3u
    return h


cdef inline uint64_t ntp_time(const Pipeline* pl, int64_t now_us) noexcept nogil:
    """32.32 seconds since 1900 (RFC 3550 §4)."""
    cdef uint64_t us = <uint64_t>(now_us + pl.wall_offset_us)
    return ((us // 1000000 + <uint64_t>2208988800u) << 32) | (((us % 1000000) << 32) // 1000000)
