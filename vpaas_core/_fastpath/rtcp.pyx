"""See rtcp.pxd. The functions at the end are thin Python faces of the ones above, for tests and tools."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from vpaas_core._fastpath.wire cimport load16, load24, load32, load64, store16, store24, store32, store64

cdef enum:
    HEADER_BYTES = 4
    SENDER_INFO_BYTES = 24      # with the sender's SSRC
    REPORT_BLOCK_BYTES = 24
    FEEDBACK_BYTES = 8          # sender and media SSRC (RFC 4585 §6.1)
    NACK_BYTES = 4
    FIR_BYTES = 8
    SDES_CNAME = 1
    XR_RRTR = 4                 # RFC 3611 §4.4
    XR_DLRR = 5                 # RFC 3611 §4.5


#     0                   1                   2                   3
#     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |V=2|P|  count  |      kind     |   length in 32-bit words - 1  |
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
cdef int rtcp_next(const uint8_t* data, int len, int* offset, RtcpPacket* out) noexcept nogil:
    cdef const uint8_t* p = data + offset[0]
    cdef int left = len - offset[0]
    cdef int size, least
    if left == 0:
        return 0
    if left < HEADER_BYTES or p[0] >> 6 != 2:
        return -1
    size = HEADER_BYTES + 4 * load16(p + 2)
    if size > left:
        return -1
    out.count = p[0] & 0x1F
    out.kind = p[1]
    out.body = p + HEADER_BYTES
    out.body_len = size - HEADER_BYTES
    if p[0] & 0x20:
        # RFC 3550 §6.4.1 wants padding on the last packet only, in whole words. libwebrtc pads each transport
        # feedback (transport-cc) of a compound by one to three bytes, so neither is asked for.
        if out.body_len == 0 or p[size - 1] == 0 or p[size - 1] > out.body_len:
            return -1
        out.body_len -= p[size - 1]
    least = least_body(out.kind, out.count)
    if out.body_len < least:
        return -1
    out.ssrc = load32(out.body) if least >= 4 else 0
    offset[0] += size
    return 1


cdef int least_body(int kind, int count) noexcept nogil:
    """Bytes that a body must have for what its header claims."""
    if kind == RTCP_SR:
        return SENDER_INFO_BYTES + REPORT_BLOCK_BYTES * count
    if kind == RTCP_RR:
        return 4 + REPORT_BLOCK_BYTES * count
    if kind == RTCP_SDES or kind == RTCP_BYE:
        return 4 * count
    if kind == RTCP_RTPFB or kind == RTCP_PSFB:
        return FEEDBACK_BYTES
    if kind == RTCP_APP:
        return 8    # SSRC and name (RFC 3550 §6.7)
    if kind == RTCP_XR:
        return 4
    return 0


# Readers


#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |                         SSRC of sender                        |  RFC 3550 §6.4.1
#    |              NTP timestamp, most significant word             |
#    |             NTP timestamp, least significant word             |
#    |                         RTP timestamp                         |
#    |                     sender's packet count                     |
#    |                      sender's octet count                     |
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
cdef int rtcp_read_sr(const RtcpPacket* packet, SenderReport* out) noexcept nogil:
    cdef const uint8_t* p = packet.body
    if packet.kind != RTCP_SR or packet.body_len < SENDER_INFO_BYTES:
        return 0
    out.ssrc = load32(p)
    out.ntp = load64(p + 4)
    out.rtp_timestamp = load32(p + 12)
    out.packet_count = load32(p + 16)
    out.octet_count = load32(p + 20)
    return 1


cdef int rtcp_report_count(const RtcpPacket* packet) noexcept nogil:
    return packet.count if packet.kind == RTCP_SR or packet.kind == RTCP_RR else 0


#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |                             SSRC_n                            |  RFC 3550 §6.4.1
#    | fraction lost |       cumulative number of packets lost       |
#    |           extended highest sequence number received           |
#    |                      interarrival jitter                      |
#    |                         last SR (LSR)                         |
#    |                   delay since last SR (DLSR)                  |
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
cdef int rtcp_read_report(const RtcpPacket* packet, int i, ReportBlock* out) noexcept nogil:
    cdef int at = (SENDER_INFO_BYTES if packet.kind == RTCP_SR else 4) + REPORT_BLOCK_BYTES * i
    cdef const uint8_t* p = packet.body + at
    if i < 0 or i >= rtcp_report_count(packet) or at + REPORT_BLOCK_BYTES > packet.body_len:
        return 0
    out.ssrc = load32(p)
    out.fraction_lost = p[4]
    out.cumulative_lost = <int32_t>(load24(p + 5) << 8) >> 8
    out.extended_seq = load32(p + 8)
    out.jitter = load32(p + 12)
    out.lsr = load32(p + 16)
    out.dlsr = load32(p + 20)
    return 1


cdef int rtcp_read_bye(const RtcpPacket* packet, int i, uint32_t* ssrc) noexcept nogil:
    if packet.kind != RTCP_BYE or i < 0 or i >= packet.count or 4 * (i + 1) > packet.body_len:
        return 0
    ssrc[0] = load32(packet.body + 4 * i)
    return 1


cdef uint32_t rtcp_media_ssrc(const RtcpPacket* packet) noexcept nogil:
    if (packet.kind != RTCP_RTPFB and packet.kind != RTCP_PSFB) or packet.body_len < FEEDBACK_BYTES:
        return 0
    return load32(packet.body + 4)


#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |              PID              |              BLP              |  RFC 4585 §6.2.1
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
cdef int rtcp_read_nack(const RtcpPacket* packet, int i, uint16_t* pid, uint16_t* blp) noexcept nogil:
    cdef int at = FEEDBACK_BYTES + NACK_BYTES * i
    if packet.kind != RTCP_RTPFB or packet.count != RTPFB_NACK or i < 0 or at + NACK_BYTES > packet.body_len:
        return 0
    pid[0] = load16(packet.body + at)
    blp[0] = load16(packet.body + at + 2)
    return 1


cdef bint rtcp_is_pli(const RtcpPacket* packet) noexcept nogil:
    return packet.kind == RTCP_PSFB and packet.count == PSFB_PLI


#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |                              SSRC                             |  RFC 5104 §4.3.1.1
#    | Seq nr.       |    Reserved                                   |
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
cdef int rtcp_read_fir(const RtcpPacket* packet, int i, uint32_t* ssrc, uint8_t* seq) noexcept nogil:
    cdef int at = FEEDBACK_BYTES + FIR_BYTES * i
    if packet.kind != RTCP_PSFB or packet.count != PSFB_FIR or i < 0 or at + FIR_BYTES > packet.body_len:
        return 0
    ssrc[0] = load32(packet.body + at)
    seq[0] = packet.body[at + 4]
    return 1


#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |     BT=4      |   reserved    |       block length = 2        |  RFC 3611 §4.4
#    |              NTP timestamp, most significant word             |
#    |             NTP timestamp, least significant word             |
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
cdef int rtcp_read_rrtr(const RtcpPacket* packet, uint64_t* ntp) noexcept nogil:
    cdef int at = 4
    cdef int size = xr_block(packet, XR_RRTR, &at)
    if size != 12:
        return 0
    ntp[0] = load64(packet.body + at + 4)
    return 1


cdef int rtcp_read_dlrr(const RtcpPacket* packet, uint32_t receiver, uint32_t* lrr, uint32_t* dlrr) noexcept nogil:
    cdef int at = 4
    cdef int size = xr_block(packet, XR_DLRR, &at)
    cdef const uint8_t* item
    cdef int i
    while size:
        for i in range((size - 4) // 12):
            item = packet.body + at + 4 + 12 * i
            if load32(item) == receiver:
                lrr[0] = load32(item + 4)
                dlrr[0] = load32(item + 8)
                return 1
        at += size
        size = xr_block(packet, XR_DLRR, &at)
    return 0


cdef int xr_block(const RtcpPacket* packet, int kind, int* at) noexcept nogil:
    """Size of the first block of a kind from `at` on, which becomes its place; 0: there is none. RFC 3611 §3."""
    cdef int size
    if packet.kind != RTCP_XR:
        return 0
    while at[0] + 4 <= packet.body_len:
        size = 4 + 4 * load16(packet.body + at[0] + 2)
        if at[0] + size > packet.body_len:
            return 0
        if packet.body[at[0]] == kind:
            return size
        at[0] += size
    return 0


# Writers


cdef int begin(uint8_t* out, int room, int size, int kind, int count) noexcept nogil:
    """The header of a packet of `size` bytes, a multiple of four. Returns `size`, or 0 if it does not fit."""
    if size > room:
        return 0
    out[0] = <uint8_t>(0x80 | count)
    out[1] = <uint8_t>kind
    store16(out + 2, <uint16_t>(size // 4 - 1))
    return size


cdef void store_reports(uint8_t* p, const ReportBlock* blocks, int n) noexcept nogil:
    cdef int i, lost
    for i in range(n):
        # RFC 3550 A.3: the 24-bit field saturates
        lost = max(-0x800000, min(0x7FFFFF, blocks[i].cumulative_lost))
        store32(p, blocks[i].ssrc)
        p[4] = blocks[i].fraction_lost
        store24(p + 5, <uint32_t>lost)
        store32(p + 8, blocks[i].extended_seq)
        store32(p + 12, blocks[i].jitter)
        store32(p + 16, blocks[i].lsr)
        store32(p + 20, blocks[i].dlsr)
        p += REPORT_BLOCK_BYTES


cdef int rtcp_write_sr(
    uint8_t* out, int room, const SenderReport* report, const ReportBlock* blocks, int n
) noexcept nogil:
    cdef int size = HEADER_BYTES + SENDER_INFO_BYTES + REPORT_BLOCK_BYTES * n
    if n > RTCP_REPORTS_MAX or not begin(out, room, size, RTCP_SR, n):
        return 0
    store32(out + 4, report.ssrc)
    store64(out + 8, report.ntp)
    store32(out + 16, report.rtp_timestamp)
    store32(out + 20, report.packet_count)
    store32(out + 24, report.octet_count)
    store_reports(out + 28, blocks, n)
    return size


cdef int rtcp_write_rr(
    uint8_t* out, int room, uint32_t sender, const ReportBlock* blocks, int n
) noexcept nogil:
    cdef int size = HEADER_BYTES + 4 + REPORT_BLOCK_BYTES * n
    if n > RTCP_REPORTS_MAX or not begin(out, room, size, RTCP_RR, n):
        return 0
    store32(out + 4, sender)
    store_reports(out + 8, blocks, n)
    return size


cdef int rtcp_write_sdes(uint8_t* out, int room, uint32_t ssrc, const char* cname, int n) noexcept nogil:
    # RFC 3550 §6.5: the item list ends with at least one null octet, and then at a word boundary
    cdef int size = HEADER_BYTES + 4 + ((2 + n + 1 + 3) & ~3)
    if n > 255 or not begin(out, room, size, RTCP_SDES, 1):
        return 0
    memset(out + 8, 0, size - 8)
    store32(out + 4, ssrc)
    out[8] = SDES_CNAME
    out[9] = <uint8_t>n
    memcpy(out + 10, cname, n)
    return size


cdef int rtcp_write_bye(uint8_t* out, int room, uint32_t ssrc) noexcept nogil:
    if not begin(out, room, HEADER_BYTES + 4, RTCP_BYE, 1):
        return 0
    store32(out + 4, ssrc)
    return HEADER_BYTES + 4


cdef int feedback(
    uint8_t* out, int room, int fci_bytes, int kind, int format, uint32_t sender, uint32_t media
) noexcept nogil:
    """The common part of feedback messages (RFC 4585 §6.1). Returns the size of the whole, or 0."""
    cdef int size = begin(out, room, HEADER_BYTES + FEEDBACK_BYTES + fci_bytes, kind, format)
    if size:
        store32(out + 4, sender)
        store32(out + 8, media)
    return size


cdef int rtcp_write_nack(
    uint8_t* out, int room, uint32_t sender, uint32_t media, const uint16_t* seqs, int n
) noexcept nogil:
    cdef int size = HEADER_BYTES + FEEDBACK_BYTES
    cdef int i = 0
    cdef uint16_t pid, blp, ahead
    if n <= 0:
        return 0
    while i < n:
        if size + NACK_BYTES > room:
            return 0
        pid = seqs[i]
        blp = 0
        i += 1
        while i < n:
            ahead = <uint16_t>(seqs[i] - pid)
            if ahead > 16:
                break
            if ahead:   # 0: given twice
                blp |= <uint16_t>(1 << (ahead - 1))
            i += 1
        store16(out + size, pid)
        store16(out + size + 2, blp)
        size += NACK_BYTES
    return feedback(out, room, size - HEADER_BYTES - FEEDBACK_BYTES, RTCP_RTPFB, RTPFB_NACK, sender, media)


cdef int rtcp_write_pli(uint8_t* out, int room, uint32_t sender, uint32_t media) noexcept nogil:
    return feedback(out, room, 0, RTCP_PSFB, PSFB_PLI, sender, media)


cdef int rtcp_write_fir(uint8_t* out, int room, uint32_t sender, uint32_t media, uint8_t seq) noexcept nogil:
    # RFC 5104 §4.3.1.2: the media SSRC of the header is 0, the entry names the stream
    cdef int size = feedback(out, room, FIR_BYTES, RTCP_PSFB, PSFB_FIR, sender, 0)
    if size:
        store32(out + 12, media)
        store32(out + 16, <uint32_t>seq << 24)
    return size


cdef int rtcp_write_rrtr(uint8_t* out, int room, uint32_t sender, uint64_t ntp) noexcept nogil:
    cdef int size = begin(out, room, HEADER_BYTES + 4 + 12, RTCP_XR, 0)
    if size:
        store32(out + 4, sender)
        store32(out + 8, XR_RRTR << 24 | 2)
        store64(out + 12, ntp)
    return size


#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |     BT=5      |   reserved    |       block length = 3        |  RFC 3611 §4.5
#    |                 SSRC_1 (SSRC of first receiver)               |
#    |                         last RR (LRR)                         |
#    |                   delay since last RR (DLRR)                  |
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
cdef int rtcp_write_dlrr(
    uint8_t* out, int room, uint32_t sender, uint32_t receiver, uint32_t lrr, uint32_t dlrr
) noexcept nogil:
    cdef int size = begin(out, room, HEADER_BYTES + 4 + 16, RTCP_XR, 0)
    if size:
        store32(out + 4, sender)
        store32(out + 8, XR_DLRR << 24 | 3)
        store32(out + 12, receiver)
        store32(out + 16, lrr)
        store32(out + 20, dlrr)
    return size


# Python faces


cdef dict view(const RtcpPacket* packet, uint32_t receiver):
    cdef SenderReport sr
    cdef ReportBlock block
    cdef uint64_t ntp
    cdef uint32_t ssrc, lrr, dlrr
    cdef uint16_t pid, blp
    cdef uint8_t seq
    cdef int i = 0
    seen = {"kind": packet.kind, "count": packet.count, "ssrc": packet.ssrc}
    seen["body"] = packet.body[:packet.body_len]
    if rtcp_read_sr(packet, &sr):
        seen["sender"] = sr
    if packet.kind == RTCP_SR or packet.kind == RTCP_RR:
        seen["reports"] = reports = []
        while rtcp_read_report(packet, i, &block):
            reports.append(block)
            i += 1
    elif packet.kind == RTCP_BYE:
        seen["bye"] = left = []
        while rtcp_read_bye(packet, i, &ssrc):
            left.append(ssrc)
            i += 1
    elif packet.kind == RTCP_RTPFB:
        seen["media_ssrc"] = rtcp_media_ssrc(packet)
        seen["nack"] = items = []
        while rtcp_read_nack(packet, i, &pid, &blp):
            items.append((pid, blp))
            i += 1
    elif packet.kind == RTCP_PSFB:
        seen["media_ssrc"] = rtcp_media_ssrc(packet)
        seen["pli"] = rtcp_is_pli(packet)
        seen["fir"] = items = []
        while rtcp_read_fir(packet, i, &ssrc, &seq):
            items.append((ssrc, seq))
            i += 1
    elif packet.kind == RTCP_XR:
        if rtcp_read_rrtr(packet, &ntp):
            seen["rrtr"] = ntp
        if rtcp_read_dlrr(packet, receiver, &lrr, &dlrr):
            seen["dlrr"] = (lrr, dlrr)
    return seen


def parse(const uint8_t[::1] data not None, uint32_t receiver=0):
    """`receiver`: whose DLRR to look for."""
    cdef const uint8_t* p = &data[0] if data.shape[0] else NULL
    cdef int offset = 0
    cdef RtcpPacket packet
    cdef int status = rtcp_next(p, <int>data.shape[0], &offset, &packet)
    packets = []
    while status == 1:
        packets.append(view(&packet, receiver))
        status = rtcp_next(p, <int>data.shape[0], &offset, &packet)
    return packets, status == 0


cdef int fill_reports(ReportBlock* blocks, reports) except -1:
    cdef int n = 0
    for report in reports[:RTCP_REPORTS_MAX + 1]:
        blocks[n] = report
        n += 1
    return n


def build_sr(sender, reports=(), int room=1200):
    cdef ReportBlock blocks[RTCP_REPORTS_MAX + 1]
    cdef SenderReport sr = sender
    cdef int n = fill_reports(blocks, reports)
    out = bytearray(room)
    return bytes(out[:rtcp_write_sr(out, room, &sr, blocks, n)])


def build_rr(uint32_t sender, reports=(), int room=1200):
    cdef ReportBlock blocks[RTCP_REPORTS_MAX + 1]
    cdef int n = fill_reports(blocks, reports)
    out = bytearray(room)
    return bytes(out[:rtcp_write_rr(out, room, sender, blocks, n)])


def build_sdes(uint32_t ssrc, bytes cname, int room=1200):
    out = bytearray(room)
    return bytes(out[:rtcp_write_sdes(out, room, ssrc, cname, <int>len(cname))])


def build_bye(uint32_t ssrc, int room=1200):
    out = bytearray(room)
    return bytes(out[:rtcp_write_bye(out, room, ssrc)])


def build_nack(uint32_t sender, uint32_t media, seqs, int room=1200):
    cdef uint16_t lost[1024]
    cdef int n = 0
    for seq in seqs[:1024]:
        lost[n] = seq
        n += 1
    out = bytearray(room)
    return bytes(out[:rtcp_write_nack(out, room, sender, media, lost, n)])


def build_pli(uint32_t sender, uint32_t media, int room=1200):
    out = bytearray(room)
    return bytes(out[:rtcp_write_pli(out, room, sender, media)])


def build_fir(uint32_t sender, uint32_t media, uint8_t seq, int room=1200):
    out = bytearray(room)
    return bytes(out[:rtcp_write_fir(out, room, sender, media, seq)])


def build_rrtr(uint32_t sender, uint64_t ntp, int room=1200):
    out = bytearray(room)
    return bytes(out[:rtcp_write_rrtr(out, room, sender, ntp)])


def build_dlrr(uint32_t sender, uint32_t receiver, uint32_t lrr, uint32_t dlrr, int room=1200):
    out = bytearray(room)
    return bytes(out[:rtcp_write_dlrr(out, room, sender, receiver, lrr, dlrr)])
