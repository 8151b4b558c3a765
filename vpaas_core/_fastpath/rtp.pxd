"""RTP packets: the fixed header, header extensions, and what the ring remembers of a packet (RFC 3550 §5.1, RFC 8285).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |V=2|P|X|  CC   |M|     PT      |       sequence number         |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                           timestamp                           |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |           synchronization source (SSRC) identifier            |
    +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
    |      contributing sources, then the header extension if X     |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from vpaas_core._fastpath.codecs.descriptor cimport Layers
from vpaas_core._fastpath.limits cimport HEADER_EXTENSIONS_MAX


cpdef enum ExtensionKind:
    EXT_NONE = 0
    EXT_MID                     # RFC 9143
    EXT_RID                     # RFC 8852
    EXT_REPAIRED_RID            # RFC 8852
    EXT_ABS_SEND_TIME
    EXT_TOFFSET                 # RFC 5450
    EXT_AUDIO_LEVEL             # RFC 6464
    EXT_VIDEO_ORIENTATION       # 3GPP TS 26.114
    EXT_ABS_CAPTURE_TIME
    EXT_PLAYOUT_DELAY
    EXT_DEPENDENCY_DESCRIPTOR   # AV1 RTP payload specification, appendix A
    EXT_TRANSPORT_CC            # draft-holmer-rmcat-transport-wide-cc-extensions-01
    EXT_KIND_COUNT


cdef struct Extension:
    uint8_t kind        # ExtensionKind
    uint8_t length      # bytes of data
    uint16_t offset     # of the data, from the packet's first byte


cdef struct Packet:
    int64_t ext_seq     # RTP sequence number with its roll-over counter; -1: no packet
    int64_t arrival_us
    uint8_t* data       # plaintext, DATAGRAM_BYTES_MAX of room
    uint32_t timestamp
    uint16_t length     # bytes, padding included
    uint16_t header_len # fixed header, contributing sources, header extension
    uint16_t payload_len  # bytes without padding
    uint8_t payload_type
    uint8_t marker
    uint8_t key_frame   # first packet of a decodable start
    uint8_t encoding    # index of the producer's encoding it belongs to
    uint8_t described   # Described: what `layers` says, if anything
    uint8_t extension_count
    Layers layers
    Extension extensions[HEADER_EXTENSIONS_MAX]


cdef int rtp_header_length(const uint8_t* data, int length) noexcept nogil  # bytes, or -DROP_RTP_MALFORMED
# Reads a plaintext packet into the fields above; `kinds` maps the 256 extension ids to ExtensionKind.
cdef int rtp_read(Packet* p, int length, const uint8_t* kinds) noexcept nogil  # DROP_NONE or a DropReason
cdef const Extension* rtp_extension(const Packet* p, int kind) noexcept nogil  # NULL when absent
