"""See feedback.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy

from vpaas_core._fastpath.account cimport reception_lost, reception_report
from vpaas_core._fastpath.catch_up cimport catch_up_start
from vpaas_core._fastpath.drop cimport (
    DROP_NONE,
    DROP_NOT_READY,
    DROP_RTCP_MALFORMED,
    DROP_RTCP_UNKNOWN_SSRC,
    DROP_SRTP_REPLAY,
    DROP_STREAM_LIMIT,
)
from vpaas_core._fastpath.egress cimport egress_resend
from vpaas_core._fastpath.limits cimport (
    PACKET_BYTES_MAX,
    RTCP_INTERVAL_US,
    RTCP_SENDERS_MAX,
    SCORE_INTERVAL_US,
    SRTP_OVERHEAD_BYTES_MAX,
    TICK_US,
)
from vpaas_core._fastpath.nack cimport nack_due
from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.output cimport output_commit, output_room
from vpaas_core._fastpath.router cimport (
    SENT_REPORTS,
    TRANSPORT_PLAIN,
    Producer,
    RtcpSender,
    SentReport,
    transport_ready,
)
from vpaas_core._fastpath.rtcp cimport (
    RTCP_PSFB,
    RTCP_RR,
    RTCP_RTPFB,
    RTCP_SR,
    RTCP_XR,
    RTPFB_NACK,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    ntp_middle,
    rtcp_is_pli,
    rtcp_media_ssrc,
    rtcp_next,
    rtcp_read_dlrr,
    rtcp_read_fir,
    rtcp_read_nack,
    rtcp_read_report,
    rtcp_read_rrtr,
    rtcp_read_sr,
    rtcp_report_count,
    rtcp_write_bye,
    rtcp_write_dlrr,
    rtcp_write_fir,
    rtcp_write_nack,
    rtcp_write_pli,
    rtcp_write_rr,
    rtcp_write_rrtr,
    rtcp_write_sdes,
    rtcp_write_sr,
)
from vpaas_core._fastpath.select cimport select_flows
from vpaas_core._fastpath.score cimport Score, score_interval
from vpaas_core._fastpath.srtp cimport srtcp_protect, srtcp_unprotect
from vpaas_core._fastpath.state cimport drop, ntp_time
from vpaas_core._fastpath.table cimport u64map_get
from vpaas_core._fastpath.wire cimport load32

cdef enum:
    COMPOUND_BYTES = 1200           # bytes of one outgoing compound, below any path's MTU
    NACKS_IN_COMPOUND = 297         # sequence numbers; a compound's worth when none share an entry (RFC 4585 §6.2.1)
    REPORTS_IN_RR_MAX = 31          # RFC 3550 §6.4.2: the count has five bits
    RTT_US_ASSUMED = 100000         # us towards a publisher, until it is measured
    RTT_US_MAX = 10000000           # us; beyond it a report lies or is of another age


cdef int feedback_receive(Pipeline* pl, Transport* t, const uint8_t* data, int length, int64_t now_us) noexcept nogil:
    cdef RtcpPacket packet
    cdef uint32_t index = 0
    cdef int offset = 0
    cdef int reason = DROP_NONE
    cdef int found
    if length < 8:
        return DROP_RTCP_MALFORMED
    if t.secure:
        if t.srtp_in == NULL:
            return DROP_NOT_READY
        if length > PACKET_BYTES_MAX + SRTP_OVERHEAD_BYTES_MAX:
            return DROP_RTCP_MALFORMED
        length = srtcp_unprotect(pl.srtp, t.srtp_in, data, length, pl.scratch, &index)
        if length < 0:
            return -length
        data = pl.scratch
        reason = _replay(t, load32(data + 4), index, now_us)
        if reason != DROP_NONE:
            return reason
    t.received.packets += 1
    t.received.bytes += length
    while True:
        found = rtcp_next(data, length, &offset, &packet)
        if found == 0:
            return reason
        if found < 0:
            return DROP_RTCP_MALFORMED
        reason = max(reason, _dispatch(pl, t, &packet, now_us))


cdef RtcpSender* _new_sender(Transport* t) noexcept nogil:
    """Room for one more; beyond RTCP_SENDERS_MAX that of the one longest unheard of. NULL: no memory."""
    cdef RtcpSender* grown
    cdef int i
    cdef int oldest = 0
    if t.rtcp_sender_count == RTCP_SENDERS_MAX:
        for i in range(1, RTCP_SENDERS_MAX):
            if t.rtcp_senders[i].last_us < t.rtcp_senders[oldest].last_us:
                oldest = i
        return &t.rtcp_senders[oldest]
    grown = <RtcpSender*>realloc(t.rtcp_senders, (t.rtcp_sender_count + 1) * sizeof(RtcpSender))
    if grown == NULL:
        return NULL
    t.rtcp_senders = grown
    t.rtcp_sender_count += 1
    return &grown[t.rtcp_sender_count - 1]


cdef int _replay(Transport* t, uint32_t ssrc, uint32_t index, int64_t now_us) noexcept nogil:
    """RFC 3711 §3.3.2 for an authenticated packet: a window of 64 per sender."""
    cdef RtcpSender* s = NULL
    cdef int i
    cdef uint32_t behind
    for i in range(t.rtcp_sender_count):
        if t.rtcp_senders[i].ssrc == ssrc:
            s = &t.rtcp_senders[i]
            break
    if s == NULL:
        s = _new_sender(t)
        if s == NULL:
            return DROP_STREAM_LIMIT
        s.ssrc = ssrc
        s.index_max = index
        s.seen = 1
        s.last_us = now_us
        return DROP_NONE
    s.last_us = now_us
    if index > s.index_max:
        behind = index - s.index_max
        s.seen = (s.seen << behind | 1) if behind < 64 else 1
        s.index_max = index
        return DROP_NONE
    behind = s.index_max - index
    if behind >= 64 or (s.seen >> behind) & 1:
        return DROP_SRTP_REPLAY
    s.seen |= <uint64_t>1 << behind
    return DROP_NONE


cdef int _dispatch(Pipeline* pl, Transport* t, const RtcpPacket* packet, int64_t now_us) noexcept nogil:
    if packet.kind == RTCP_SR:
        _sender_report(t, packet, now_us)
        return _receiver_reports(t, packet, now_us)
    if packet.kind == RTCP_RR:
        return _receiver_reports(t, packet, now_us)
    if packet.kind == RTCP_RTPFB and packet.count == RTPFB_NACK:
        return _nack(pl, t, packet, now_us)
    if packet.kind == RTCP_PSFB:
        return _key_frame_request(pl, t, packet, now_us)
    if packet.kind == RTCP_XR:
        _extended_report(pl, t, packet, now_us)
    return DROP_NONE


cdef void _sender_report(Transport* t, const RtcpPacket* packet, int64_t now_us) noexcept nogil:
    cdef SenderReport sr
    cdef RecvStream* s
    if not rtcp_read_sr(packet, &sr):
        return
    s = <RecvStream*>u64map_get(&t.receive_ssrcs, sr.ssrc)
    if s == NULL or s.ssrc != sr.ssrc:
        return
    s.sr_ntp = sr.ntp
    s.sr_timestamp = sr.rtp_timestamp
    s.sr_arrival_us = now_us


cdef int _receiver_reports(Transport* t, const RtcpPacket* packet, int64_t now_us) noexcept nogil:
    cdef ReportBlock block
    cdef Consumer* c
    cdef int reason = DROP_NONE
    cdef int i
    for i in range(rtcp_report_count(packet)):
        if not rtcp_read_report(packet, i, &block):
            return DROP_RTCP_MALFORMED
        c = <Consumer*>u64map_get(&t.send_ssrcs, block.ssrc)
        if c == NULL:
            reason = DROP_RTCP_UNKNOWN_SSRC
            continue
        if block.ssrc != c.ssrc:
            continue
        c.report = block
        _score_consumer(c, now_us)
        if block.lsr:
            _measure_round_trip(t, c, &block, now_us)
    return reason


cdef void _measure_round_trip(Transport* t, Consumer* c, const ReportBlock* block, int64_t now_us) noexcept nogil:
    """RFC 3550 §6.4.1; with our own send time, because the NTP time in the report is the publisher's clock."""
    cdef SentReport* sent
    cdef int64_t rtt_us
    cdef int i
    for i in range(SENT_REPORTS):
        sent = &c.reports_sent[i]
        if sent.at_us and sent.ntp_middle == block.lsr:
            rtt_us = now_us - sent.at_us - ((<int64_t>block.dlsr * 1000000) >> 16)
            if 0 <= rtt_us < RTT_US_MAX:
                c.rtt_us = rtt_us
                t.rtt_us = rtt_us
            return


cdef void _extended_report(Pipeline* pl, Transport* t, const RtcpPacket* packet, int64_t now_us) noexcept nogil:
    """RFC 3611 §4.4, §4.5: the round trip to who only sends, and theirs to who only receives."""
    cdef uint32_t lrr = 0
    cdef uint32_t dlrr = 0
    cdef int64_t rtt_us
    if rtcp_read_rrtr(packet, &t.xr_ntp):
        t.xr_ssrc = packet.ssrc
        t.xr_arrival_us = now_us
    if rtcp_read_dlrr(packet, t.rtcp_ssrc, &lrr, &dlrr) and lrr:
        rtt_us = (<int64_t><uint32_t>(ntp_middle(ntp_time(pl, now_us)) - lrr - dlrr) * 1000000) >> 16
        if rtt_us < RTT_US_MAX:
            t.rtt_us = max(rtt_us, 1)


cdef int _nack(Pipeline* pl, Transport* t, const RtcpPacket* packet, int64_t now_us) noexcept nogil:
    cdef Consumer* c = <Consumer*>u64map_get(&t.send_ssrcs, rtcp_media_ssrc(packet))
    cdef uint16_t pid = 0
    cdef uint16_t blp = 0
    cdef int i = 0
    cdef int bit
    if c == NULL or c.ssrc != rtcp_media_ssrc(packet):
        return DROP_RTCP_UNKNOWN_SSRC
    while rtcp_read_nack(packet, i, &pid, &blp):
        c.nacks += 1
        _resend(pl, c, pid, now_us)
        for bit in range(16):
            if blp >> bit & 1:
                _resend(pl, c, <uint16_t>(pid + bit + 1), now_us)
        i += 1
    return DROP_NONE


cdef inline void _resend(Pipeline* pl, Consumer* c, uint16_t seq, int64_t now_us) noexcept nogil:
    cdef int reason = egress_resend(pl, c, seq, now_us)
    if reason != DROP_NONE:
        drop(pl, reason, 1)


cdef int _key_frame_request(Pipeline* pl, Transport* t, const RtcpPacket* packet, int64_t now_us) noexcept nogil:
    cdef Consumer* c
    cdef uint32_t ssrc = 0
    cdef uint8_t seq = 0
    cdef int i = 0
    if rtcp_is_pli(packet):
        c = <Consumer*>u64map_get(&t.send_ssrcs, rtcp_media_ssrc(packet))
        if c == NULL:
            return DROP_RTCP_UNKNOWN_SSRC
        c.key_frame_requests += 1
        feedback_consumer_start(pl, c, now_us)
        return DROP_NONE
    while rtcp_read_fir(packet, i, &ssrc, &seq):
        c = <Consumer*>u64map_get(&t.send_ssrcs, ssrc)
        if c == NULL:
            return DROP_RTCP_UNKNOWN_SSRC
        c.key_frame_requests += 1
        feedback_consumer_start(pl, c, now_us)
        i += 1
    return DROP_NONE


cdef void feedback_consumer_start(Pipeline* pl, Consumer* c, int64_t now_us) noexcept nogil:
    cdef bint askable
    if not c.keyed or c.paused or c.producer == NULL or c.producer.paused:
        return
    if c.catching_up or not transport_ready(c.transport):  # it will ask when it is; a key frame now would be lost on it
        return
    askable = c.producer.pli or c.producer.fir
    if (not select_flows(c) or not askable) and catch_up_start(pl, c, now_us):
        return
    feedback_want_key_frame(pl, c.producer.streams[c.target], now_us)


cdef void feedback_want_key_frame(Pipeline* pl, RecvStream* s, int64_t now_us) noexcept nogil:
    s.key_frame_wanted = True
    if s.key_frame_asked_us == 0 or now_us - s.key_frame_asked_us >= s.producer.key_frame_request_delay_us:
        _ask_key_frame(pl, s, now_us)


cdef void _ask_key_frame(Pipeline* pl, RecvStream* s, int64_t now_us) noexcept nogil:
    cdef uint8_t out[32]
    cdef Transport* t = s.producer.transport
    cdef int n = 0
    if s.ssrc == 0 or not transport_ready(t):
        return
    if s.producer.pli:
        n = rtcp_write_pli(out, sizeof(out), t.rtcp_ssrc, s.ssrc)
    elif s.producer.fir:
        s.fir_seq += 1
        n = rtcp_write_fir(out, sizeof(out), t.rtcp_ssrc, s.ssrc, s.fir_seq)
    if n == 0:
        return
    s.key_frame_asked_us = now_us
    s.plis_sent += 1
    _send_rtcp(pl, t, out, n)


cdef void feedback_stream_tick(Pipeline* pl, RecvStream* s, int64_t now_us) noexcept nogil:
    cdef uint16_t missing[NACKS_IN_COMPOUND]
    cdef uint8_t out[COMPOUND_BYTES]
    cdef Transport* t = s.producer.transport
    # An answer under way is not asked for again: paths swing, and both sides look at their clocks now and then.
    cdef int64_t rtt_us = t.rtt_us * 5 // 4 + TICK_US if t.rtt_us else RTT_US_ASSUMED
    cdef int n
    if s.key_frame_wanted and not s.producer.paused:
        if s.producer.consumers.count == 0:
            s.key_frame_wanted = False
        elif now_us - s.key_frame_asked_us >= s.producer.key_frame_request_delay_us:
            _ask_key_frame(pl, s, now_us)
    if not s.producer.nack or not transport_ready(t):
        return
    if s.nacks.key_frame_needed:
        s.nacks.key_frame_needed = False
        feedback_want_key_frame(pl, s, now_us)
    n = nack_due(&s.nacks, now_us, rtt_us, missing, NACKS_IN_COMPOUND)
    if n == 0:
        return
    s.nacks_sent += n
    n = rtcp_write_nack(out, sizeof(out), t.rtcp_ssrc, s.ssrc, missing, n)
    if n:
        _send_rtcp(pl, t, out, n)


cdef void _send_rtcp(Pipeline* pl, Transport* t, const uint8_t* data, int length) noexcept nogil:
    cdef const Addr* to = &t.destination if t.rtcp_mux else &t.rtcp_destination
    cdef uint8_t* out
    if to.family == 0:  # comedia without rtcp-mux, before the peer's first RTCP
        return
    out = output_room(&pl.output, length + SRTP_OVERHEAD_BYTES_MAX)
    if t.secure:
        length = srtcp_protect(pl.srtp, t.srtp_out, data, length, t.srtcp_index, out)
        t.srtcp_index += 1
    else:
        memcpy(out, data, length)
    output_commit(&pl.output, to, length)
    t.sent.packets += 1
    t.sent.bytes += length


cdef void feedback_reports(Pipeline* pl, Transport* t, int64_t now_us) noexcept nogil:
    cdef uint8_t out[COMPOUND_BYTES]
    cdef int n = 0
    cdef int i
    if now_us < t.rtcp_due_us or not transport_ready(t):
        return
    t.rtcp_due_us = now_us + RTCP_INTERVAL_US
    if t.producers.count:
        n = _write_receiver_report(pl, t, out, now_us)
    for i in range(t.consumers.count):
        if n + 128 > COMPOUND_BYTES:
            _send_rtcp(pl, t, out, n)
            n = 0
        n += _write_sender_report(pl, <Consumer*>t.consumers.items[i], out + n, COMPOUND_BYTES - n, now_us)
    if n and t.xr_ssrc:
        n += rtcp_write_dlrr(
            out + n, COMPOUND_BYTES - n, t.rtcp_ssrc, t.xr_ssrc, ntp_middle(t.xr_ntp),
            <uint32_t>(((now_us - t.xr_arrival_us) << 16) // 1000000),
        )
    if n:
        _send_rtcp(pl, t, out, n)


cdef int _write_receiver_report(Pipeline* pl, Transport* t, uint8_t* out, int64_t now_us) noexcept nogil:
    cdef ReportBlock blocks[REPORTS_IN_RR_MAX]
    cdef Producer* producer
    cdef RecvStream* s
    cdef ReportBlock* b
    cdef int count = 0
    cdef int i, j, n
    for i in range(t.producers.count):
        producer = <Producer*>t.producers.items[i]
        for j in range(producer.encoding_count):
            s = producer.streams[j]
            if s.reception.base_seq < 0:
                continue
            if count == REPORTS_IN_RR_MAX:
                n = rtcp_write_rr(out, COMPOUND_BYTES, t.rtcp_ssrc, blocks, count)
                n += rtcp_write_sdes(out + n, COMPOUND_BYTES - n, t.rtcp_ssrc, b"vpaas", 5)
                _send_rtcp(pl, t, out, n)
                count = 0
            b = &blocks[count]
            count += 1
            reception_report(&s.reception)
            if not producer.paused:
                _score_stream(s)
            b.ssrc = s.ssrc
            b.fraction_lost = s.reception.fraction_lost
            b.cumulative_lost = <int>max(min(reception_lost(&s.reception), 0x7FFFFF), -0x800000)
            b.extended_seq = <uint32_t>s.reception.max_seq
            b.jitter = s.reception.jitter_q4 >> 4
            b.lsr = ntp_middle(s.sr_ntp)
            b.dlsr = <uint32_t>(((now_us - s.sr_arrival_us) << 16) // 1000000) if s.sr_ntp else 0
    n = rtcp_write_rr(out, COMPOUND_BYTES, t.rtcp_ssrc, blocks, count)
    n += rtcp_write_sdes(out + n, COMPOUND_BYTES - n, t.rtcp_ssrc, b"vpaas", 5)
    return n + rtcp_write_rrtr(out + n, COMPOUND_BYTES - n, t.rtcp_ssrc, ntp_time(pl, now_us))


cdef void _score_stream(RecvStream* s) noexcept nogil:
    cdef Score* score = &s.score
    cdef int64_t expected = s.reception.max_seq - s.reception.base_seq + 1
    cdef int64_t lost = reception_lost(&s.reception)
    cdef int64_t repaired = <int64_t>s.nacks.recovered
    score_interval(score, expected - score.packets_prior, lost - score.lost_prior, repaired - score.repaired_prior)
    score.packets_prior = expected
    score.lost_prior = lost
    score.repaired_prior = repaired


cdef void _score_consumer(Consumer* c, int64_t now_us) noexcept nogil:
    """From the viewer's reports, each of the packets since the one before."""
    cdef int64_t sent = <int64_t>c.sent.packets
    cdef int64_t resent = <int64_t>c.resent.packets
    c.lost_q8 += (sent - c.sent_reported) * c.report.fraction_lost
    c.sent_reported = sent
    if now_us - c.score_us < SCORE_INTERVAL_US or sent == c.score.packets_prior:
        return
    score_interval(&c.score, sent - c.score.packets_prior, c.lost_q8 >> 8, resent - c.score.repaired_prior)
    c.score.packets_prior = sent
    c.score.repaired_prior = resent
    c.lost_q8 = 0
    c.score_us = now_us


cdef int _write_sender_report(Pipeline* pl, Consumer* c, uint8_t* out, int room, int64_t now_us) noexcept nogil:
    """The publisher's own line of NTP time and timestamp, moved to now, so that its streams stay in step (RFC 3550 §6.4.1)."""
    cdef SenderReport sr
    cdef SentReport* sent
    cdef RecvStream* s
    cdef int64_t passed_us
    cdef int n
    if c.producer == NULL or c.current < 0 or c.sent.packets == 0 or c.paused:
        return 0
    s = c.producer.streams[c.current]
    sr.ssrc = c.ssrc
    sr.packet_count = <uint32_t>c.sent.packets
    sr.octet_count = <uint32_t>c.payload_bytes
    if s.sr_ntp:
        passed_us = now_us - s.sr_arrival_us
        sr.ntp = s.sr_ntp + ((<uint64_t>passed_us << 32) // 1000000)
        sr.rtp_timestamp = s.sr_timestamp
    elif c.producer.transport.kind == TRANSPORT_PLAIN:  # may never send reports; its packets' arrival must do
        passed_us = now_us - s.last_packet_us
        sr.ntp = ntp_time(pl, now_us)
        sr.rtp_timestamp = s.last_timestamp
    else:  # until its first report, soon: two clocks in one call would part sound and picture
        return 0
    sr.rtp_timestamp += <uint32_t>(passed_us * s.clock_rate // 1000000) + c.numbers.timestamp_offset
    n = rtcp_write_sr(out, room, &sr, NULL, 0)
    if n == 0:
        return 0
    n += rtcp_write_sdes(out + n, room - n, c.ssrc, c.producer.cname, c.producer.cname_len)
    sent = &c.reports_sent[c.next_report]
    sent.ntp_middle = ntp_middle(sr.ntp)
    sent.at_us = now_us
    c.next_report = (c.next_report + 1) % SENT_REPORTS
    return n


cdef void feedback_bye(Pipeline* pl, Transport* t, Consumer* c, int64_t now_us) noexcept nogil:
    cdef uint8_t out[64]
    cdef int n
    if not transport_ready(t) or c.sent.packets == 0:
        return
    n = rtcp_write_bye(out, sizeof(out), c.ssrc)
    if n:
        _send_rtcp(pl, t, out, n)
