"""See select.pxd."""

from libc.stdint cimport int8_t, int64_t

from vpaas_core._fastpath.drop cimport DROP_CONSUMER_OLD, DROP_NONE, DROP_NOT_SELECTED, DROP_WAITING_KEY_FRAME
from vpaas_core._fastpath.renumber cimport renumber_sync
from vpaas_core._fastpath.router cimport RecvStream

cdef enum:
    ENCODING_IDLE_US = 1000000  # us without a packet after which an encoding counts as stopped


cdef int select_packet(Consumer* c, const Packet* p, int64_t now_us) noexcept nogil:
    cdef bint same_source
    if p.encoding != c.target:
        return DROP_NOT_SELECTED
    if c.keyed and not p.key_frame:
        return DROP_WAITING_KEY_FRAME
    same_source = p.encoding == c.current and not c.other_source
    if same_source and p.ext_seq <= c.numbers.out_seq_max - c.numbers.seq_offset:
        return DROP_CONSUMER_OLD  # recovered from before a pause: time would go back
    renumber_sync(&c.numbers, p.ext_seq, p.timestamp, same_source, now_us, c.clock_rate)
    c.current = <int8_t>p.encoding
    c.synced = True
    c.other_source = False
    return DROP_NONE


cdef bint select_target(Consumer* c, int64_t now_us) noexcept nogil:
    cdef int i
    cdef RecvStream* s
    cdef int8_t target = c.target
    for i in range(c.producer.encoding_count):  # encodings are listed from the smallest to the largest
        s = c.producer.streams[i]
        if s.last_packet_us and now_us - s.last_packet_us < ENCODING_IDLE_US:
            target = <int8_t>i
    c.target = target
    return c.keyed and not (c.synced and c.current == target)
