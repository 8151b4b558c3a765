"""RTCP: a cursor over a compound packet, typed views of what it finds, and builders that append to a buffer.

RFC 3550 (SR, RR, SDES, BYE), RFC 4585 (NACK, PLI), RFC 5104 (FIR), RFC 3611 (RRTR, DLRR). Reduced-size
compounds (RFC 5506) are ordinary: nothing here asks which packet comes first.

Readers return 1 and fill their argument, or return 0 and leave it alone; the i-th item is 0 behind the last.
Writers return the bytes written, or 0 when the packet does not fit into `room`.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t


cpdef enum RtcpKind:
    RTCP_SR = 200
    RTCP_RR = 201
    RTCP_SDES = 202
    RTCP_BYE = 203
    RTCP_APP = 204
    RTCP_RTPFB = 205
    RTCP_PSFB = 206
    RTCP_XR = 207


cdef enum RtcpFormat:       # the FMT of RTPFB and PSFB, in `RtcpPacket.count`
    RTPFB_NACK = 1          # RFC 4585 §6.2.1
    RTPFB_TWCC = 15         # draft-holmer-rmcat-transport-wide-cc-extensions-01
    PSFB_PLI = 1            # RFC 4585 §6.3.1
    PSFB_FIR = 4            # RFC 5104 §4.3.1
    PSFB_AFB = 15           # RFC 4585 §6.4; REMB


cdef enum:
    RTCP_REPORTS_MAX = 31   # report blocks of one SR or RR: the count has five bits


cdef struct RtcpPacket:
    uint8_t kind            # RtcpKind, or any other packet type: skip it
    uint8_t count           # the low five bits of the first byte: RC, SC or FMT
    uint32_t ssrc           # the first SSRC, 0 if there is none
    const uint8_t* body     # what follows the four-byte header
    int body_len            # bytes, padding removed


cdef struct SenderReport:
    uint32_t ssrc
    uint64_t ntp            # 32.32 seconds since 1900
    uint32_t rtp_timestamp
    uint32_t packet_count
    uint32_t octet_count    # payload bytes


cdef struct ReportBlock:
    uint32_t ssrc
    uint8_t fraction_lost   # 1/256
    int32_t cumulative_lost # 24 bits, signed: duplicates make it negative
    uint32_t extended_seq   # cycles and highest sequence number
    uint32_t jitter         # timestamp units
    uint32_t lsr            # middle 32 bits of the last SR's NTP time, 0: none yet
    uint32_t dlsr           # 1/65536 s since that SR


cdef inline uint32_t ntp_middle(uint64_t ntp) noexcept nogil:
    """The short NTP format, 16.16 seconds, of LSR and LRR (RFC 3550 §6.4.1)."""
    return <uint32_t>(ntp >> 16)


# The next packet of a compound: 1, and `offset` moves behind it; 0 at the end; -1 malformed: stop there.
cdef int rtcp_next(const uint8_t* data, int len, int* offset, RtcpPacket* out) noexcept nogil

cdef int rtcp_read_sr(const RtcpPacket* packet, SenderReport* out) noexcept nogil
cdef int rtcp_report_count(const RtcpPacket* packet) noexcept nogil     # of an SR or RR; 0 for the others
cdef int rtcp_read_report(const RtcpPacket* packet, int i, ReportBlock* out) noexcept nogil
cdef int rtcp_read_bye(const RtcpPacket* packet, int i, uint32_t* ssrc) noexcept nogil
cdef uint32_t rtcp_media_ssrc(const RtcpPacket* packet) noexcept nogil  # of RTPFB and PSFB; 0 for the others
cdef int rtcp_read_nack(const RtcpPacket* packet, int i, uint16_t* pid, uint16_t* blp) noexcept nogil
cdef bint rtcp_is_pli(const RtcpPacket* packet) noexcept nogil
cdef int rtcp_read_fir(const RtcpPacket* packet, int i, uint32_t* ssrc, uint8_t* seq) noexcept nogil
cdef int rtcp_read_rrtr(const RtcpPacket* packet, uint64_t* ntp) noexcept nogil
# What a sender answers the RRTR of `receiver`.
cdef int rtcp_read_dlrr(const RtcpPacket* packet, uint32_t receiver, uint32_t* lrr, uint32_t* dlrr) noexcept nogil

cdef int rtcp_write_sr(
    uint8_t* out, int room, const SenderReport* report, const ReportBlock* blocks, int n
) noexcept nogil
cdef int rtcp_write_rr(
    uint8_t* out, int room, uint32_t sender, const ReportBlock* blocks, int n
) noexcept nogil
cdef int rtcp_write_sdes(uint8_t* out, int room, uint32_t ssrc, const char* cname, int n) noexcept nogil
cdef int rtcp_write_bye(uint8_t* out, int room, uint32_t ssrc) noexcept nogil
cdef int rtcp_write_nack(
    uint8_t* out, int room, uint32_t sender, uint32_t media, const uint16_t* seqs, int n
) noexcept nogil    # `seqs` ascend, across the wrap as well
cdef int rtcp_write_pli(uint8_t* out, int room, uint32_t sender, uint32_t media) noexcept nogil
cdef int rtcp_write_fir(uint8_t* out, int room, uint32_t sender, uint32_t media, uint8_t seq) noexcept nogil
cdef int rtcp_write_rrtr(uint8_t* out, int room, uint32_t sender, uint64_t ntp) noexcept nogil
cdef int rtcp_write_dlrr(
    uint8_t* out, int room, uint32_t sender, uint32_t receiver, uint32_t lrr, uint32_t dlrr
) noexcept nogil    # `lrr`: ntp_middle of the receiver's RRTR; `dlrr`: 1/65536 s since it came
