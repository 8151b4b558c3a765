"""See egress.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from vpaas_core._fastpath.drop cimport (
    DROP_CONSUMER_OLD,
    DROP_CONSUMER_PAUSED,
    DROP_NACK_NOT_FOUND,
    DROP_NACK_TOO_SOON,
    DROP_NONE,
    DROP_NO_DESTINATION,
    DROP_PADDING_ONLY,
    DROP_PAYLOAD_TYPE_NOT_CONSUMED,
)
from vpaas_core._fastpath.history cimport history_find
from vpaas_core._fastpath.limits cimport (
    BATCH_PACKETS_MAX,
    HISTORY_AGE_US_MAX,
    NACK_INTERVAL_US_MIN,
    OUT_MAP_PACKETS,
    RESENDS_MAX,
)
from vpaas_core._fastpath.output cimport output_commit, output_room
from vpaas_core._fastpath.renumber cimport renumber, renumber_skip
from vpaas_core._fastpath.router cimport NO_PAYLOAD_TYPE, RecvStream, SentPacket, Transport, transport_ready
from vpaas_core._fastpath.rtp cimport EXT_ABS_SEND_TIME, Extension, Packet
from vpaas_core._fastpath.select cimport select_follows, select_packet
from vpaas_core._fastpath.seqnum cimport extend16
from vpaas_core._fastpath.srtp cimport srtp_flush, srtp_protect
from vpaas_core._fastpath.state cimport abs_send_time, drop
from vpaas_core._fastpath.wire cimport store16, store24, store32

cdef enum:
    GROWTH_BYTES_MAX = 128  # what header, header extension, original sequence number and tag add to a packet at most


cdef void egress_producer(Pipeline* pl, Producer* producer, int64_t now_us) noexcept nogil:
    cdef Packet* packets[BATCH_PACKETS_MAX]
    cdef int n = 0
    cdef int i = producer.batch_first
    while i >= 0:
        packets[n] = pl.batch[i].packet
        n += 1
        i = pl.batch[i].next
    for i in range(producer.consumers.count):
        _forward(pl, <Consumer*>producer.consumers.items[i], packets, n, now_us)


cdef void _forward(Pipeline* pl, Consumer* c, Packet** packets, int n, int64_t now_us) noexcept nogil:
    cdef Transport* t = c.transport
    cdef Packet* p
    cdef int i, reason
    if c.paused:
        drop(pl, DROP_CONSUMER_PAUSED, n)
        return
    if not transport_ready(t):
        drop(pl, DROP_NO_DESTINATION, n)
        c.synced = False
        return
    for i in range(n):
        p = packets[i]
        if not select_follows(c, p):
            reason = select_packet(c, p, now_us)
            if reason != DROP_NONE:
                c.dropped += 1
                drop(pl, reason, 1)
                continue
            _forward_packet(pl, c, p, now_us)
            _catch_up(pl, c, p, packets + i + 1, n - i - 1, now_us)
            continue
        _forward_packet(pl, c, p, now_us)


cdef void _catch_up(
    Pipeline* pl, Consumer* c, const Packet* start, Packet** coming, int n, int64_t now_us
) noexcept nogil:
    """A start that came late, as a retransmission: what belongs to it waits in the ring, or is still to come in this batch."""
    cdef RecvStream* s = c.producer.streams[start.encoding]
    cdef const Packet* p
    cdef int64_t ext_seq
    cdef int i
    for ext_seq in range(start.ext_seq + 1, s.replay.highest + 1):
        p = history_find(&s.history, ext_seq)
        if p == NULL:
            continue
        i = 0
        while i < n and coming[i] != p:
            i += 1
        if i == n:
            _forward_packet(pl, c, p, now_us)


cdef inline void _forward_packet(Pipeline* pl, Consumer* c, const Packet* p, int64_t now_us) noexcept nogil:
    cdef int64_t out_seq = 0
    cdef uint32_t out_timestamp = 0
    cdef uint8_t pt = c.payload_types[p.payload_type]
    if pt == NO_PAYLOAD_TYPE or p.payload_len == 0:
        renumber_skip(&c.numbers, p.ext_seq)
        drop(pl, DROP_PAYLOAD_TYPE_NOT_CONSUMED if pt == NO_PAYLOAD_TYPE else DROP_PADDING_ONLY, 1)
        return
    if not renumber(&c.numbers, p.ext_seq, p.timestamp, now_us, &out_seq, &out_timestamp):
        c.dropped += 1
        drop(pl, DROP_CONSUMER_OLD, 1)
        return
    if c.sent_packets != NULL:
        _remember(c, p, out_seq, out_timestamp)
    c.sent.packets += 1
    c.sent.bytes += _send(pl, c, p, out_seq, out_timestamp, pt)
    c.payload_bytes += p.payload_len


cdef inline void _remember(Consumer* c, const Packet* p, int64_t out_seq, uint32_t out_timestamp) noexcept nogil:
    cdef SentPacket* sent = &c.sent_packets[out_seq & (OUT_MAP_PACKETS - 1)]
    sent.timestamp = out_timestamp
    sent.seq = <uint32_t>out_seq
    sent.in_seq = <uint32_t>p.ext_seq
    sent.sent_again_ms = 0
    sent.encoding = p.encoding
    sent.times_sent = 1


cdef inline int _send(
    Pipeline* pl, Consumer* c, const Packet* p, int64_t out_seq, uint32_t out_timestamp, uint8_t pt
) noexcept nogil:
    cdef Transport* t = c.transport
    cdef uint8_t* out = output_room(&pl.output, p.length + GROWTH_BYTES_MAX)
    cdef int header = _write_header(pl, c, p, out, pt, <uint16_t>out_seq, out_timestamp, c.ssrc)
    cdef const uint8_t* payload = p.data + p.header_len
    cdef int length
    if t.secure:
        length = srtp_protect(pl.srtp, t.srtp_out, out, header, payload, p.payload_len, out_seq)
    else:
        memcpy(out + header, payload, p.payload_len)
        length = header + p.payload_len
    output_commit(&pl.output, &t.destination, length)
    t.sent.packets += 1
    t.sent.bytes += length
    pl.forwarded += 1
    return length


cdef int _write_header(
    const Pipeline* pl, const Consumer* c, const Packet* p, uint8_t* out,
    uint8_t pt, uint16_t seq, uint32_t timestamp, uint32_t ssrc,
) noexcept nogil:
    """The consumer's own header; returns its length. Contributing sources and padding stay behind."""
    cdef int at = 16
    cdef int words
    out[0] = 0x80
    out[1] = (p.marker << 7) | pt
    store16(out + 2, seq)
    store32(out + 4, timestamp)
    store32(out + 8, ssrc)
    at = _write_extensions(pl, c, p, out)
    if at == 16:
        return 12
    out[0] = 0x90
    while at & 3:
        out[at] = 0
        at += 1
    words = (at - 16) >> 2
    store16(out + 14, <uint16_t>words)
    return at


cdef inline bint _one_byte(const Consumer* c, const Packet* p) noexcept nogil:
    """The two-byte form is only for what the one-byte form cannot say (RFC 8285 §4.1.2)."""
    cdef int i
    cdef const Extension* e
    if c.mid_len > 16 or c.mid_id > 14:
        return False
    for i in range(p.extension_count):
        e = &p.extensions[i]
        if c.extension_ids[e.kind] and (e.length == 0 or e.length > 16 or c.extension_ids[e.kind] > 14):
            return False
    return True


cdef int _write_extensions(const Pipeline* pl, const Consumer* c, const Packet* p, uint8_t* out) noexcept nogil:
    """Elements from out[16] on; returns where they end. The mid is the consumer's own, abs-send-time is now."""
    cdef bint short_form = _one_byte(c, p)
    cdef int at = 16
    cdef int i
    cdef const Extension* e
    store16(out + 12, 0xBEDE if short_form else 0x1000)
    if c.mid_id:
        at = _write_element(out, at, short_form, c.mid_id, <const uint8_t*>c.mid, c.mid_len)
    for i in range(p.extension_count):
        e = &p.extensions[i]
        if c.extension_ids[e.kind] == 0:
            continue
        at = _write_element(out, at, short_form, c.extension_ids[e.kind], p.data + e.offset, e.length)
        if e.kind == EXT_ABS_SEND_TIME and e.length == 3:
            store24(out + at - 3, pl.abs_send_time)
    return at


cdef inline int _write_element(
    uint8_t* out, int at, bint short_form, uint8_t id, const uint8_t* data, uint8_t length
) noexcept nogil:
    if short_form:
        out[at] = (id << 4) | (length - 1)
        at += 1
    else:
        out[at] = id
        out[at + 1] = length
        at += 2
    memcpy(out + at, data, length)
    return at + length


cdef int egress_resend(Pipeline* pl, Consumer* c, uint16_t seq, int64_t now_us) noexcept nogil:
    cdef SentPacket* sent
    cdef RecvStream* s
    cdef Packet* p
    cdef uint16_t now_ms = <uint16_t>(now_us // 1000) | 1
    cdef int64_t interval_us = max(c.rtt_us, NACK_INTERVAL_US_MIN)
    cdef int64_t out_seq = extend16(c.numbers.out_seq_max, seq)
    if c.sent_packets == NULL or c.producer == NULL or not transport_ready(c.transport):
        return DROP_NACK_NOT_FOUND
    sent = &c.sent_packets[seq & (OUT_MAP_PACKETS - 1)]
    if sent.times_sent == 0 or sent.seq != <uint32_t>out_seq:
        return DROP_NACK_NOT_FOUND
    s = c.producer.streams[sent.encoding]
    p = &s.history.slots[sent.in_seq & s.history.mask]
    if p.ext_seq < 0 or <uint32_t>p.ext_seq != sent.in_seq or now_us - p.arrival_us > HISTORY_AGE_US_MAX:
        return DROP_NACK_NOT_FOUND
    if sent.times_sent > RESENDS_MAX or (
        sent.sent_again_ms and <uint16_t>(now_ms - sent.sent_again_ms) * <int64_t>1000 < interval_us
    ):
        return DROP_NACK_TOO_SOON
    sent.sent_again_ms = now_ms
    sent.times_sent += 1
    pl.abs_send_time = abs_send_time(now_us)
    c.resent.packets += 1
    if c.rtx_pt == NO_PAYLOAD_TYPE:
        # The same packet bit by bit: its number and so its nonce are used again.
        c.resent.bytes += _send(pl, c, p, out_seq, sent.timestamp, c.payload_types[p.payload_type])
        srtp_flush(pl.srtp)  # the ring may take another packet there before this batch is done
    else:
        c.resent.bytes += _send_rtx(pl, c, p, seq, sent.timestamp)
    return DROP_NONE


cdef int _send_rtx(Pipeline* pl, Consumer* c, const Packet* p, uint16_t seq, uint32_t timestamp) noexcept nogil:
    """RFC 4588 §4: own ssrc, payload type and sequence; the original sequence number before the payload."""
    cdef Transport* t = c.transport
    cdef uint8_t* out = output_room(&pl.output, p.length + GROWTH_BYTES_MAX)
    cdef int header = _write_header(pl, c, p, out, c.rtx_pt, <uint16_t>c.rtx_seq, timestamp, c.rtx_ssrc)
    cdef int length = p.payload_len + 2
    store16(out + header, seq)
    memcpy(out + header + 2, p.data + p.header_len, p.payload_len)
    if t.secure:
        length = srtp_protect(pl.srtp, t.srtp_out, out, header, out + header, length, c.rtx_seq)
    else:
        length += header
    c.rtx_seq += 1
    output_commit(&pl.output, &t.destination, length)
    t.sent.packets += 1
    t.sent.bytes += length
    return length
