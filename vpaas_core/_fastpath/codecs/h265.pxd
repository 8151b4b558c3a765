"""H.265 payloads (RFC 7798), without decoding order numbers (sprop-max-don-diff = 0), as WebRTC uses them."""

from libc.stdint cimport uint8_t

cdef bint h265_is_key_frame(const uint8_t* payload, int len) noexcept nogil
