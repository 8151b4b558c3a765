"""See egress.pxd."""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from vpaas_core._fastpath.codecs.codec cimport CODEC_RED
from vpaas_core._fastpath.codecs.dependency cimport DdState
from vpaas_core._fastpath.codecs.dependency_write cimport DD_GROWTH_BYTES_MAX, dd_active_for, dd_write
from vpaas_core._fastpath.codecs.descriptor cimport BY_DEPENDENCY, BY_NOTHING, BY_VP8, DESCRIBED, LAYERS_STARTS
from vpaas_core._fastpath.codecs.red cimport red_map, red_primary
from vpaas_core._fastpath.codecs.svc cimport SVC_DROP, SVC_FORWARD_LAST, svc_decide
from vpaas_core._fastpath.codecs.vp8_munger cimport (
    Vp8Ids,
    vp8_munger_changes,
    vp8_munger_drop,
    vp8_munger_map,
    vp8_munger_write,
)
from vpaas_core._fastpath.drop cimport (
    DROP_CONSUMER_OLD,
    DROP_CONSUMER_PAUSED,
    DROP_DTX,
    DROP_LAYER,
    DROP_NACK_NOT_FOUND,
    DROP_NACK_RATE,
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
    RESEND_BPS_MAX,
    RESEND_BYTES_MAX,
)
from vpaas_core._fastpath.output cimport output_commit, output_room
from vpaas_core._fastpath.renumber cimport renumber, renumber_hasty, renumber_skip
from vpaas_core._fastpath.router cimport (
    NO_PAYLOAD_TYPE,
    SENT_MARKER,
    Layering,
    RecvStream,
    SentPacket,
    Transport,
    transport_ready,
)
from vpaas_core._fastpath.rtp cimport EXT_DEPENDENCY_DESCRIPTOR, Extension, Packet
from vpaas_core._fastpath.select cimport select_follows, select_packet
from vpaas_core._fastpath.seqnum cimport extend16
from vpaas_core._fastpath.srtp cimport srtp_flush, srtp_protect
from vpaas_core._fastpath.state cimport abs_send_time, drop
from vpaas_core._fastpath.wire cimport store16, store24, store32

cdef enum:
    DTX_BYTES_MAX = 2       # of an Opus packet that only says that there is silence (RFC 6716 §3.1: TOC, and a byte at most)
    ENCODING_FILLER = 255   # of a sent packet that was padding alone
    DESCRIPTOR_BYTES_MAX = 255  # the length of an element is a byte (RFC 8285 §4.3)
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
    if c.catching_up:   # it gets them from the ring, in their turn
        return
    for i in range(n):
        p = packets[i]
        if not select_follows(c, p):
            reason = select_packet(c, p, now_us)
            if reason != DROP_NONE:
                c.dropped += 1
                drop(pl, reason, 1)
                continue
            egress_forward(pl, c, p, NULL, now_us)
            _forward_rest(pl, c, p, packets + i + 1, n - i - 1, now_us)
            continue
        egress_forward(pl, c, p, NULL, now_us)


cdef void _forward_rest(
    Pipeline* pl, Consumer* c, const Packet* start, Packet** coming, int n, int64_t now_us
) noexcept nogil:
    """A start that came late, as a retransmission: what belongs to it waits in the ring, or is still to come in this batch."""
    cdef RecvStream* s = c.producer.streams[start.encoding]
    cdef const Packet* p
    cdef int64_t ext_seq
    cdef int i
    for ext_seq in range(start.ext_seq + 1, s.replay.highest + 1):
        p = history_find(&s.history, ext_seq)
        if p == NULL or p.described != DESCRIBED:
            continue
        i = 0
        while i < n and coming[i] != p:
            i += 1
        if i == n:
            egress_forward(pl, c, p, NULL, now_us)


cdef int egress_forward(
    Pipeline* pl, Consumer* c, const Packet* p, const uint32_t* line, int64_t now_us
) noexcept nogil:
    cdef int64_t out_seq = 0
    cdef uint32_t out_timestamp = 0
    cdef uint8_t pt = c.payload_types[p.payload_type]
    cdef bint marker = p.marker
    cdef bint sent
    cdef Vp8Ids ids
    cdef Packet plain
    if pt == NO_PAYLOAD_TYPE and _primary(c, p, &plain):
        p = &plain
        pt = c.payload_types[p.payload_type]
    if pt == NO_PAYLOAD_TYPE or p.payload_len == 0:
        return _skip(pl, c, p, DROP_PAYLOAD_TYPE_NOT_CONSUMED if pt == NO_PAYLOAD_TYPE else DROP_PADDING_ONLY)
    if c.layering == NULL and c.ignore_dtx and p.payload_len <= DTX_BYTES_MAX:
        return _skip(pl, c, p, DROP_DTX)
    ids.picture = 0
    ids.tl0_picture = ids.key_index = 0
    if c.layering != NULL and not _layer(c, p, &ids, &marker):
        return _skip(pl, c, p, DROP_LAYER)
    if line == NULL:
        sent = renumber(&c.numbers, p.ext_seq, p.timestamp, now_us, &out_seq, &out_timestamp)
    else:
        sent = renumber_hasty(&c.numbers, p.ext_seq, p.timestamp, line[0], now_us, &out_seq, &out_timestamp)
    if not sent:
        c.dropped += 1
        drop(pl, DROP_CONSUMER_OLD, 1)
        return 0
    if c.mark_next:
        marker = True
        c.mark_next = False
    if c.sent_packets != NULL:
        _remember(c, p, out_seq, out_timestamp, &ids, marker)
    c.sent.packets += 1
    c.sent.bytes += _send(pl, c, p, &ids, marker, out_seq, out_timestamp, pt)
    c.payload_bytes += p.payload_len
    return p.length


cdef inline bint _is_red(const Consumer* c, const Packet* p) noexcept nogil:
    return c.layering == NULL and c.producer.codec_by_pt[p.payload_type] == CODEC_RED


cdef bint _primary(const Consumer* c, const Packet* p, Packet* plain) noexcept nogil:
    """Redundant audio for a viewer that does not know it: the primary block alone."""
    cdef int at = 0
    cdef int pt
    if not _is_red(c, p):
        return False
    pt = red_primary(p.data + p.header_len, p.payload_len, &at)
    if pt < 0:
        return False
    plain[0] = p[0]
    plain.payload_type = <uint8_t>pt
    plain.header_len += at
    plain.payload_len -= at
    return True


cdef int _skip(Pipeline* pl, Consumer* c, const Packet* p, int reason) noexcept nogil:
    cdef int64_t out_seq = renumber_skip(&c.numbers, p.ext_seq)
    c.dropped += reason == DROP_LAYER
    drop(pl, reason, 1)
    if out_seq >= 0 and c.sent_packets != NULL:
        _fill(pl, c, p, out_seq)
    return 0


cdef void _fill(Pipeline* pl, Consumer* c, const Packet* p, int64_t out_seq) noexcept nogil:
    """The viewer waits for a packet that is not for it: one of padding alone takes its number (RFC 3550 §5.1)."""
    cdef SentPacket* sent = &c.sent_packets[out_seq & (OUT_MAP_PACKETS - 1)]
    cdef uint8_t pt = c.payload_types[p.payload_type]
    if pt == NO_PAYLOAD_TYPE or (sent.times_sent and sent.seq == <uint32_t>out_seq):
        return
    sent.timestamp = p.timestamp + c.numbers.timestamp_offset
    sent.seq = <uint32_t>out_seq
    sent.in_seq = 0
    sent.sent_again_ms = 0
    sent.encoding = ENCODING_FILLER
    sent.times_sent = 1
    sent.ids.key_index = pt
    _send_filler(pl, c, sent, out_seq)


cdef int _send_filler(Pipeline* pl, Consumer* c, const SentPacket* sent, int64_t index) noexcept nogil:
    """Always the same bits, so that it may be sent again under its number."""
    cdef Transport* t = c.transport
    cdef uint8_t* out = output_room(&pl.output, GROWTH_BYTES_MAX)
    cdef int length = 16
    out[0] = 0xA0
    out[1] = sent.ids.key_index
    store16(out + 2, <uint16_t>sent.seq)
    store32(out + 4, sent.timestamp)
    store32(out + 8, c.ssrc)
    store32(out + 12, 4)    # the last byte counts the padding
    if t.secure:
        length = srtp_protect(pl.srtp, t.srtp_out, out, 12, out + 12, 4, index)
    output_commit(&pl.output, &t.destination, length)
    t.sent.packets += 1
    t.sent.bytes += length
    return length


cdef bint _layer(Consumer* c, const Packet* p, Vp8Ids* ids, bint* marker) noexcept nogil:
    """Whether the consumer gets this packet's layer, and under which picture ids."""
    cdef Layering* l = c.layering
    cdef const uint8_t* payload = p.data + p.header_len
    cdef int decision
    if p.layers.by != BY_NOTHING:
        decision = svc_decide(&l.filter, &p.layers, c.producer.streams[p.encoding].descriptor)
        if decision == SVC_DROP:
            if p.layers.by == BY_VP8:
                vp8_munger_drop(&l.pictures, &p.layers, payload)
            return False
        marker[0] = marker[0] or decision == SVC_FORWARD_LAST
    if p.layers.by == BY_DEPENDENCY:
        ids.picture = p.layers.picture - l.frame_offset
        if <int16_t>(ids.picture - l.frame_newest) > 0:
            l.frame_newest = ids.picture
        return True
    if _has_ids(p):
        return vp8_munger_map(&l.pictures, &p.layers, payload, ids)
    return True


cdef inline void _remember(
    Consumer* c, const Packet* p, int64_t out_seq, uint32_t out_timestamp, const Vp8Ids* ids, bint marker
) noexcept nogil:
    cdef SentPacket* sent = &c.sent_packets[out_seq & (OUT_MAP_PACKETS - 1)]
    sent.timestamp = out_timestamp
    sent.seq = <uint32_t>out_seq
    sent.in_seq = <uint32_t>p.ext_seq
    sent.sent_again_ms = 0
    sent.encoding = p.encoding
    sent.times_sent = 1 | (SENT_MARKER if marker else 0)
    sent.ids = ids[0]


cdef inline bint _has_ids(const Packet* p) noexcept nogil:
    """Picture ids of VP8 or VP9, which each consumer counts for itself."""
    return p.layers.by != BY_DEPENDENCY and (p.layers.picture_at or p.layers.tl0_at)


cdef inline int _send(
    Pipeline* pl, Consumer* c, const Packet* p, const Vp8Ids* ids, bint marker,
    int64_t out_seq, uint32_t out_timestamp, uint8_t pt
) noexcept nogil:
    cdef Transport* t = c.transport
    cdef uint8_t* out = output_room(&pl.output, p.length + GROWTH_BYTES_MAX)
    cdef int header = _write_header(
        pl, c, p, ids, out, (<uint8_t>marker << 7) | pt, <uint16_t>out_seq, out_timestamp, c.ssrc
    )
    cdef const uint8_t* payload = p.data + p.header_len
    cdef int length = header + p.payload_len
    if _has_ids(p) and vp8_munger_changes(&p.layers, ids, payload):
        memcpy(out + header, payload, p.payload_len)
        vp8_munger_write(&p.layers, ids, out + header)
        payload = out + header
    elif _is_red(c, p):
        memcpy(out + header, payload, p.payload_len)
        if red_map(out + header, p.payload_len, c.payload_types):   # else nobody could read it, whatever it says
            payload = out + header
    if not t.secure and payload != out + header:
        memcpy(out + header, payload, p.payload_len)
    if t.secure:
        length = srtp_protect(pl.srtp, t.srtp_out, out, header, payload, p.payload_len, out_seq)
    output_commit(&pl.output, &t.destination, length)
    t.sent.packets += 1
    t.sent.bytes += length
    pl.forwarded += 1
    return length


cdef int _write_header(
    const Pipeline* pl, const Consumer* c, const Packet* p, const Vp8Ids* ids, uint8_t* out,
    uint8_t marker_pt, uint16_t seq, uint32_t timestamp, uint32_t ssrc,
) noexcept nogil:
    """The consumer's own header; returns its length. Contributing sources and padding stay behind."""
    cdef int at = 16
    cdef int words
    out[0] = 0x80
    out[1] = marker_pt
    store16(out + 2, seq)
    store32(out + 4, timestamp)
    store32(out + 8, ssrc)
    at = _write_extensions(pl, c, p, ids, out)
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
    if c.mid_len > 16 or c.mid_id > 14 or c.abs_send_time_id > 14 or c.transport_cc_id > 14:
        return False
    for i in range(p.extension_count):
        e = &p.extensions[i]
        if c.extension_ids[e.kind] and (e.length == 0 or e.length > 16 or c.extension_ids[e.kind] > 14):
            return False
        if e.kind == EXT_DEPENDENCY_DESCRIPTOR and e.length + DD_GROWTH_BYTES_MAX > 16:
            return False
    return True


cdef int _write_extensions(
    const Pipeline* pl, const Consumer* c, const Packet* p, const Vp8Ids* ids, uint8_t* out
) noexcept nogil:
    """Elements from out[16] on; returns where they end. The mid is the consumer's own, and so is what tells of sending."""
    cdef bint short_form = _one_byte(c, p)
    cdef uint8_t own[3]
    cdef int at = 16
    cdef int i
    cdef const Extension* e
    store16(out + 12, 0xBEDE if short_form else 0x1000)
    if c.mid_id:
        at = _write_element(out, at, short_form, c.mid_id, <const uint8_t*>c.mid, c.mid_len)
    if c.abs_send_time_id:
        store24(own, pl.abs_send_time)
        at = _write_element(out, at, short_form, c.abs_send_time_id, own, 3)
    if c.transport_cc_id:
        store16(own, c.transport.transport_cc_seq)
        c.transport.transport_cc_seq += 1
        at = _write_element(out, at, short_form, c.transport_cc_id, own, 2)
    for i in range(p.extension_count):
        e = &p.extensions[i]
        if c.extension_ids[e.kind] == 0:
            continue
        if e.kind == EXT_DEPENDENCY_DESCRIPTOR and p.layers.by == BY_DEPENDENCY:
            at = _write_descriptor(c, p, e, ids.picture, out, at, short_form)
        else:
            at = _write_element(out, at, short_form, c.extension_ids[e.kind], p.data + e.offset, e.length)
    return at


cdef int _write_descriptor(
    const Consumer* c, const Packet* p, const Extension* e, uint16_t frame_number, uint8_t* out, int at, bint short_form
) noexcept nogil:
    """With the consumer's own frame number and, where it gets fewer than are made, its own decode targets."""
    cdef const DdState* dd = &c.producer.streams[p.encoding].descriptor.dd
    cdef uint8_t descriptor[DESCRIPTOR_BYTES_MAX]
    cdef uint32_t active = dd.active
    cdef int length = 0
    # Sent again bit by bit the same, it could not follow a wish that has changed.
    if c.rtx_pt != NO_PAYLOAD_TYPE and p.layers.flags & LAYERS_STARTS and p.layers.generation == dd.generation:
        active &= dd_active_for(&dd.structure, c.layering.filter.target_spatial, c.layering.filter.target_temporal)
    if active != dd.active:
        length = dd_write(
            descriptor, sizeof(descriptor), p.data + e.offset, e.length, &dd.structure, frame_number, active, True
        )
    if length:
        return _write_element(out, at, short_form, c.extension_ids[e.kind], descriptor, <uint8_t>length)
    at = _write_element(out, at, short_form, c.extension_ids[e.kind], p.data + e.offset, e.length)
    store16(out + at - e.length + 1, frame_number)
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
    cdef Packet* p = NULL
    cdef uint16_t now_ms = <uint16_t>(now_us // 1000) | 1
    # A viewer repeats a NACK after a round trip as it measures that: with jitter, a little sooner than ours is over.
    cdef int64_t interval_us = max(c.rtt_us * 3 // 4, NACK_INTERVAL_US_MIN)
    cdef int64_t out_seq = extend16(c.numbers.out_seq_max, seq)
    cdef int length
    if c.sent_packets == NULL or c.producer == NULL or not transport_ready(c.transport):
        return DROP_NACK_NOT_FOUND
    sent = &c.sent_packets[seq & (OUT_MAP_PACKETS - 1)]
    if sent.times_sent == 0 or sent.seq != <uint32_t>out_seq:
        return DROP_NACK_NOT_FOUND
    if sent.encoding != ENCODING_FILLER:
        p = _sent_from(c, sent, now_us)
        if p == NULL:
            return DROP_NACK_NOT_FOUND
    if sent.times_sent & ~SENT_MARKER > RESENDS_MAX or (
        sent.sent_again_ms and <uint16_t>(now_ms - sent.sent_again_ms) * <int64_t>1000 < interval_us
    ):
        return DROP_NACK_TOO_SOON
    if not _may_resend(c, now_us):
        return DROP_NACK_RATE
    sent.sent_again_ms = now_ms
    sent.times_sent += 1
    pl.abs_send_time = abs_send_time(now_us)
    if p == NULL:
        length = _send_filler(pl, c, sent, out_seq)
    elif c.rtx_pt == NO_PAYLOAD_TYPE:
        # The same packet bit by bit: its number and so its nonce are used again.
        length = _send(
            pl, c, p, &sent.ids, sent.times_sent & SENT_MARKER != 0, out_seq, sent.timestamp, c.payload_types[p.payload_type]
        )
        srtp_flush(pl.srtp)  # the ring may take another packet there before this batch is done
    else:
        length = _send_rtx(pl, c, p, sent, seq)
    c.resent.packets += 1
    c.resent.bytes += length
    c.resend_bytes -= length
    return DROP_NONE


cdef Packet* _sent_from(const Consumer* c, const SentPacket* sent, int64_t now_us) noexcept nogil:
    """NULL: the ring has lost it, or it is too old to be of use; since the last key frame, nothing is."""
    cdef RecvStream* s = c.producer.streams[sent.encoding]
    cdef Packet* p = &s.history.slots[sent.in_seq & s.history.mask]
    if p.ext_seq < 0 or <uint32_t>p.ext_seq != sent.in_seq:
        return NULL
    if now_us - p.arrival_us > HISTORY_AGE_US_MAX and (s.key_seq < 0 or p.ext_seq < s.key_seq):
        return NULL
    return p


cdef inline bint _may_resend(Consumer* c, int64_t now_us) noexcept nogil:
    cdef int64_t passed_us = now_us - c.resend_us
    c.resend_us = now_us
    if passed_us >= RESEND_BYTES_MAX * <int64_t>8000000 // RESEND_BPS_MAX:
        c.resend_bytes = RESEND_BYTES_MAX
    else:
        c.resend_bytes = min(<int64_t>RESEND_BYTES_MAX, c.resend_bytes + passed_us * RESEND_BPS_MAX // 8000000)
    return c.resend_bytes > 0


cdef int _send_rtx(Pipeline* pl, Consumer* c, const Packet* p, const SentPacket* sent, uint16_t seq) noexcept nogil:
    """RFC 4588 §4: own ssrc, payload type and sequence; the original sequence number before the payload."""
    cdef Transport* t = c.transport
    cdef uint8_t* out = output_room(&pl.output, p.length + GROWTH_BYTES_MAX)
    cdef int header = _write_header(
        pl, c, p, &sent.ids, out, (sent.times_sent & SENT_MARKER) | c.rtx_pt, <uint16_t>c.rtx_seq, sent.timestamp, c.rtx_ssrc
    )
    cdef int length = p.payload_len + 2
    store16(out + header, seq)
    memcpy(out + header + 2, p.data + p.header_len, p.payload_len)
    if _has_ids(p):
        vp8_munger_write(&p.layers, &sent.ids, out + header + 2)
    if t.secure:
        length = srtp_protect(pl.srtp, t.srtp_out, out, header, out + header, length, c.rtx_seq)
    else:
        length += header
    c.rtx_seq += 1
    output_commit(&pl.output, &t.destination, length)
    t.sent.packets += 1
    t.sent.bytes += length
    return length
