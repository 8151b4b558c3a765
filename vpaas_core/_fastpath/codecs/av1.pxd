"""AV1 payloads (RTP Payload Format For AV1, v1.0)."""

from libc.stdint cimport uint8_t

cdef bint av1_is_key_frame(const uint8_t* payload, int len) noexcept nogil
