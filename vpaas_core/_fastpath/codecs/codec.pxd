"""What forwarding asks of a codec, whichever it is."""

from libc.stdint cimport uint8_t


cpdef enum Codec:
    CODEC_OTHER
    CODEC_OPUS
    CODEC_RED               # audio within audio (RFC 2198)
    CODEC_VP8
    CODEC_VP9
    CODEC_H264
    CODEC_AV1
    CODEC_H265


cdef inline bint has_key_frames(int codec) noexcept nogil:
    """False where every packet can be decoded on its own, or nothing is known of the format."""
    return codec >= CODEC_VP8


# True on the first packet of a decodable start; always False for a codec without key frames. In H.264 and
# H.265 parameter sets and picture may come in separate packets, all True: the first of a timestamp counts.
cdef bint is_key_frame(int codec, const uint8_t* payload, int len) noexcept nogil
