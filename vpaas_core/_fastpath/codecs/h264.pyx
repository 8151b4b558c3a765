"""See h264.pxd."""

from libc.stdint cimport uint8_t

from vpaas_core._fastpath.wire cimport load16

cdef enum:              # nal_unit_type; 24 and above are RFC 6184's (§5.2, table 1)
    NAL_IDR = 5
    NAL_SPS = 7
    NAL_STAP_A = 24
    NAL_FU_A = 28


cdef inline bint starts(uint8_t header, const uint8_t* unit, int unit_len) noexcept nogil:
    """`unit` is what follows the NAL unit's header byte."""
    if header & 0x1F == NAL_SPS:
        return True
    # Of an IDR picture only the first slice: first_mb_in_slice is 0, as ue(v) the single bit 1 (§7.3.3)
    return header & 0x1F == NAL_IDR and unit_len > 0 and unit[0] & 0x80 != 0


cdef bint h264_is_key_frame(const uint8_t* payload, int len) noexcept nogil:
    cdef int kind, size
    cdef int at = 1
    if len < 2:
        return False
    kind = payload[0] & 0x1F
    if kind == NAL_STAP_A:
        # §5.7.1: a 16-bit size before each NAL unit
        while at + 2 < len:
            size = load16(payload + at)
            at += 2
            if size == 0 or at + size > len:
                return False
            if starts(payload[at], payload + at + 1, size - 1):
                return True
            at += size
        return False
    if kind == NAL_FU_A:
        # §5.8: |S|E|R| type | in the second byte
        return payload[1] & 0x80 and starts(payload[1], payload + 2, len - 2)
    return starts(payload[0], payload + 1, len - 1)
