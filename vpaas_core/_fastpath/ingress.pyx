"""See ingress.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from vpaas_core._fastpath.account cimport reception_packet
from vpaas_core._fastpath.codecs.codec cimport is_key_frame
from vpaas_core._fastpath.codecs.descriptor cimport (
    DESCRIBED,
    DESCRIBED_MALFORMED,
    DESCRIBED_UNKNOWN_TEMPLATE,
    LAYERS_STRUCTURE,
    describe,
    spatial_of,
    temporal_of,
)
from vpaas_core._fastpath.drop cimport (
    DROP_LAYERS_MALFORMED,
    DROP_LAYERS_UNKNOWN,
    DROP_NONE,
    DROP_NOT_READY,
    DROP_PRODUCER_PAUSED,
    DROP_RTP_DUPLICATE,
    DROP_RTP_MALFORMED,
    DROP_RTP_TOO_LARGE,
    DROP_RTP_TOO_OLD,
    DROP_RTP_UNKNOWN_PAYLOAD_TYPE,
    DROP_RTP_UNKNOWN_SSRC,
    DROP_RTX_MALFORMED,
)
from vpaas_core._fastpath.events cimport EVENT_ORIENTATION, events_put
from vpaas_core._fastpath.history cimport history_find, history_store
from vpaas_core._fastpath.limits cimport (
    BATCH_PACKETS_MAX,
    DROPOUT_PACKETS_MAX,
    PACKET_BYTES_MAX,
    REPLAY_WINDOW_PACKETS,
    SRTP_OVERHEAD_BYTES_MAX,
)
from vpaas_core._fastpath.nack cimport nack_on_key_frame, nack_on_packet
from vpaas_core._fastpath.replay cimport ReplayWindow, replay_accept, replay_check, replay_index
from vpaas_core._fastpath.router cimport (
    NO_PAYLOAD_TYPE,
    SPATIAL_LAYERS_MAX,
    Producer,
    RecvStream,
    stream_bind,
    stream_restart,
)
from vpaas_core._fastpath.rtp cimport (
    EXT_AUDIO_LEVEL,
    EXT_DEPENDENCY_DESCRIPTOR,
    EXT_VIDEO_ORIENTATION,
    Extension,
    Packet,
    rtp_extension,
    rtp_header_length,
    rtp_read,
)
from vpaas_core._fastpath.seqnum cimport extend16
from vpaas_core._fastpath.speakers cimport SpeakerState, speaker_packet
from vpaas_core._fastpath.srtp cimport srtp_unprotect
from vpaas_core._fastpath.table cimport u64map_get
from vpaas_core._fastpath.wire cimport load16, load32, store16, store32

cdef enum:
    SILENCE_US = 500000     # us without a packet after which other numbers of plain RTP are a new start at once


cdef int ingress_rtp(Pipeline* pl, Transport* t, const uint8_t* data, int length, int64_t now_us) noexcept nogil:
    cdef int header = rtp_header_length(data, length)
    cdef uint32_t ssrc
    cdef RecvStream* s
    cdef ReplayWindow* window
    cdef uint8_t* plaintext
    cdef int64_t index
    cdef int reason, n
    cdef bint rtx
    if header < 0:
        return DROP_RTP_MALFORMED
    if length > PACKET_BYTES_MAX + SRTP_OVERHEAD_BYTES_MAX:
        return DROP_RTP_TOO_LARGE
    if t.secure and t.srtp_in == NULL:
        return DROP_NOT_READY
    ssrc = load32(data + 8)
    s = <RecvStream*>u64map_get(&t.receive_ssrcs, ssrc)
    if s == NULL:
        return _first_packet(pl, t, data, length, header, ssrc, now_us)
    if s.producer == NULL:
        return DROP_RTP_TOO_OLD  # retired
    rtx = ssrc != s.ssrc
    window = &s.rtx_replay if rtx else &s.replay
    index = replay_index(window, load16(data + 2))
    reason = replay_check(window, index)
    if not t.secure and not rtx and _far(s, index):
        if not _begins_anew(s, load16(data + 2), now_us):
            return DROP_RTP_TOO_OLD
        stream_restart(s)
        index = load16(data + 2)
        reason = DROP_NONE
    if reason != DROP_NONE:
        return reason
    plaintext = s.history.spare.data
    if rtx:
        plaintext = pl.scratch
    n = _open(pl, t, data, length, header, index, plaintext)
    if n < 0:
        return -n
    replay_accept(window, index)
    if rtx:
        return _recover(pl, t, s, n, header, now_us)
    return _accept(pl, t, s, index, n, False, now_us)


cdef inline bint _far(const RecvStream* s, int64_t index) noexcept nogil:
    cdef int64_t ahead = index - s.replay.highest
    return s.replay.started and (ahead >= DROPOUT_PACKETS_MAX or ahead <= -REPLAY_WINDOW_PACKETS)


cdef bint _begins_anew(RecvStream* s, uint16_t seq, int64_t now_us) noexcept nogil:
    """RFC 3550 appendix A.1: of plain RTP one packet far off may be a stray; two in a row, or one after silence, are a new start."""
    if s.stray_seq == (0x10000u | seq) or now_us - s.last_packet_us >= SILENCE_US:
        return True
    s.stray_seq = 0x10000u | <uint16_t>(seq + 1)
    return False


cdef inline int _open(
    Pipeline* pl, Transport* t, const uint8_t* data, int length, int header, int64_t index, uint8_t* plaintext
) noexcept nogil:
    if t.secure:
        return srtp_unprotect(pl.srtp, t.srtp_in, data, length, header, index, plaintext)
    memcpy(plaintext, data, length)
    return length


cdef int _first_packet(
    Pipeline* pl, Transport* t, const uint8_t* data, int length, int header, uint32_t ssrc, int64_t now_us
) noexcept nogil:
    """An ssrc without state gets none before its tag verifies, with a roll-over counter of 0 (RFC 3711 §3.3.1)."""
    cdef int64_t index = load16(data + 2)
    cdef RecvStream* s
    cdef Packet p
    cdef int reason, n
    if ssrc == 0:  # in our tables it stands for one not known yet
        return DROP_RTP_UNKNOWN_SSRC
    n = _open(pl, t, data, length, header, index, pl.scratch)
    if n < 0:
        return -n
    p.data = pl.scratch
    reason = rtp_read(&p, n, t.extension_kinds)
    if reason != DROP_NONE:
        return reason
    s = stream_bind(t, &p, ssrc)
    if s == NULL:
        return DROP_RTP_UNKNOWN_SSRC
    if ssrc != s.ssrc:
        replay_accept(&s.rtx_replay, index)
        return _recover(pl, t, s, n, header, now_us)
    replay_accept(&s.replay, index)
    memcpy(s.history.spare.data, pl.scratch, n)
    return _accept(pl, t, s, index, n, False, now_us)


cdef int _recover(Pipeline* pl, Transport* t, RecvStream* s, int length, int header, int64_t now_us) noexcept nogil:
    """A retransmission in scratch becomes the packet it repeats (RFC 4588 §4)."""
    cdef uint8_t apt = s.producer.rtx_apt[pl.scratch[1] & 0x7F]
    cdef uint8_t* data = s.history.spare.data
    cdef int64_t index
    s.rtx_packets += 1
    if apt == NO_PAYLOAD_TYPE or not s.replay.started:
        return DROP_RTX_MALFORMED
    if length < header + 2 or (pl.scratch[0] & 0x20 and pl.scratch[length - 1] >= length - header - 1):
        return DROP_NONE  # only padding: the sender probes for bandwidth
    index = extend16(s.replay.highest, load16(pl.scratch + header))
    if replay_check(&s.replay, index) != DROP_NONE:
        return DROP_RTP_DUPLICATE
    replay_accept(&s.replay, index)
    memcpy(data, pl.scratch, header)
    memcpy(data + header, pl.scratch + header + 2, length - header - 2)
    data[1] = (data[1] & 0x80) | apt
    store16(data + 2, <uint16_t>index)
    store32(data + 8, s.ssrc)
    return _accept(pl, t, s, index, length - 2, True, now_us)


cdef int _accept(
    Pipeline* pl, Transport* t, RecvStream* s, int64_t index, int length, bint recovered, int64_t now_us
) noexcept nogil:
    """The spare packet of the ring is authentic: read, account, describe, store, and put into the batch."""
    cdef Producer* producer = s.producer
    cdef Packet* p = &s.history.spare
    cdef int codec, reason
    reason = rtp_read(p, length, t.extension_kinds)
    if reason != DROP_NONE:
        return reason
    codec = producer.codec_by_pt[p.payload_type]
    if codec == NO_PAYLOAD_TYPE:
        return DROP_RTP_UNKNOWN_PAYLOAD_TYPE
    p.ext_seq = index
    p.arrival_us = now_us
    p.encoding = s.encoding
    p.key_frame = producer.video and is_key_frame(codec, p.data + p.header_len, p.payload_len)
    if not recovered:  # a report tells of the path, not of what retransmission mended
        reception_packet(&s.reception, index, p.timestamp, length, now_us, s.clock_rate)
        s.last_packet_us = now_us
        s.last_timestamp = p.timestamp
    t.received.packets += 1
    t.received.bytes += length
    if producer.nack:
        nack_on_packet(&s.nacks, index, now_us)
    if producer.video:
        reason = _describe(pl, s, p, codec)
        if reason == DROP_LAYERS_MALFORMED:
            return reason
    if p.key_frame:
        s.key_frames += 1
        s.key_frame_wanted = False
        nack_on_key_frame(&s.nacks, index)
    if producer.paused:
        s.key_seq = -1  # from here on the ring has a hole: nobody can start before it
        return DROP_PRODUCER_PAUSED
    if s.history.slots[index & s.history.mask].ext_seq >= index:
        return DROP_RTP_TOO_OLD
    if p.key_frame:
        _key_frame(s, p)
    s.key_bytes += length
    p = history_store(&s.history)
    if reason != DROP_NONE:
        return reason
    if producer.speaker != NULL:
        _hear(producer.speaker, p, now_us)
    _batch(pl, producer, p)
    if p.layers.flags & LAYERS_STRUCTURE and index < s.replay.highest:
        _describe_again(pl, s, index)
    return DROP_NONE


cdef inline void _hear(SpeakerState* speaker, const Packet* p, int64_t now_us) noexcept nogil:
    cdef const Extension* level = rtp_extension(p, EXT_AUDIO_LEVEL)
    if level != NULL and level.length:
        speaker_packet(speaker, p.data[level.offset] & 0x7F, now_us)


cdef inline void _key_frame(RecvStream* s, const Packet* p) noexcept nogil:
    """Parameter sets may come in packets of their own, and late: the frame begins with the first of its timestamp."""
    if s.key_seq >= 0 and p.timestamp == s.key_timestamp:
        if p.ext_seq < s.key_seq:
            s.key_seq = p.ext_seq
    elif p.ext_seq > s.key_seq:
        s.key_seq = p.ext_seq
        s.key_timestamp = p.timestamp
        s.key_us = p.arrival_us
        s.key_bytes = 0


cdef int _describe(Pipeline* pl, RecvStream* s, Packet* p, int codec) noexcept nogil:
    cdef const Extension* dd = rtp_extension(p, EXT_DEPENDENCY_DESCRIPTOR)
    cdef const Extension* orientation = rtp_extension(p, EXT_VIDEO_ORIENTATION)
    cdef int spatial, temporal
    p.described = <uint8_t>describe(
        codec, p.data + p.header_len, p.payload_len,
        p.data + dd.offset if dd != NULL else NULL, dd.length if dd != NULL else 0, s.descriptor, &p.layers,
    )
    if p.described != DESCRIBED:
        if p.payload_len == 0:  # a probe of the sender: whoever forwards it knows
            p.layers.by = 0
            p.described = DESCRIBED
            return DROP_NONE
        if p.described == DESCRIBED_MALFORMED:
            return DROP_LAYERS_MALFORMED
        if s.unknown_us == 0:
            s.unknown_us = p.arrival_us
        return DROP_LAYERS_UNKNOWN
    s.unknown_us = 0
    spatial = spatial_of(&p.layers)
    temporal = temporal_of(&p.layers)
    if spatial < SPATIAL_LAYERS_MAX:
        s.spatial_us[spatial] = p.arrival_us
    if temporal > s.temporal_top:
        s.temporal_top = <uint8_t>temporal
    if orientation != NULL and orientation.length == 1 and p.data[orientation.offset] != s.producer.orientation:
        s.producer.orientation = p.data[orientation.offset]
        events_put(&pl.events, EVENT_ORIENTATION, s.producer.id, s.producer.orientation, NULL, 0)
    return DROP_NONE


cdef void _describe_again(Pipeline* pl, RecvStream* s, int64_t index) noexcept nogil:
    """A structure came late: what referred to it is in the ring, and goes out with it."""
    cdef Packet* p
    cdef const Extension* dd
    cdef int64_t ext_seq
    for ext_seq in range(index + 1, s.replay.highest + 1):
        p = history_find(&s.history, ext_seq)
        if p == NULL or p.described != DESCRIBED_UNKNOWN_TEMPLATE or pl.batch_count == BATCH_PACKETS_MAX:
            continue
        dd = rtp_extension(p, EXT_DEPENDENCY_DESCRIPTOR)
        p.described = <uint8_t>describe(
            s.producer.codec_by_pt[p.payload_type], p.data + p.header_len, p.payload_len,
            p.data + dd.offset, dd.length, s.descriptor, &p.layers,
        )
        if p.described == DESCRIBED:
            _batch(pl, s.producer, p)


cdef inline void _batch(Pipeline* pl, Producer* producer, Packet* p) noexcept nogil:
    cdef int i = pl.batch_count
    pl.batch[i].packet = p
    pl.batch[i].next = -1
    if producer.batch_first < 0:
        producer.batch_first = i
        pl.touched[pl.touched_count] = producer
        pl.touched_count += 1
    else:
        pl.batch[producer.batch_last].next = i
    producer.batch_last = i
    pl.batch_count = i + 1
