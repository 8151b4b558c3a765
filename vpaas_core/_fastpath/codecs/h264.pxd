"""H.264 payloads (RFC 6184) in the two modes that WebRTC uses: single NAL unit and non-interleaved."""

from libc.stdint cimport uint8_t

cdef bint h264_is_key_frame(const uint8_t* payload, int len) noexcept nogil
