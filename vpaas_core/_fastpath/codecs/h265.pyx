"""See h265.pxd."""

from libc.stdint cimport uint8_t

from vpaas_core._fastpath.wire cimport load16

cdef enum:              # nal_unit_type; 48 and above are RFC 7798's (§4.4)
    NAL_IRAP_FIRST = 16 # IRAP pictures: BLA, IDR, CRA (ITU-T H.265 §7.4.2.2)
    NAL_IRAP_LAST = 23
    NAL_VPS = 32
    NAL_SPS = 33
    NAL_AP = 48
    NAL_FU = 49


cdef inline bint starts(int kind, const uint8_t* unit, int unit_len) noexcept nogil:
    """`unit` is what follows the NAL unit's two-byte header."""
    if kind == NAL_VPS or kind == NAL_SPS:
        return True
    # Of an IRAP picture only the first slice: first_slice_segment_in_pic_flag (§7.3.6.1)
    return NAL_IRAP_FIRST <= kind <= NAL_IRAP_LAST and unit_len > 0 and unit[0] & 0x80 != 0


#    +---------------+---------------+
#    |0|1|2|3|4|5|6|7|0|1|2|3|4|5|6|7|
#    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
#    |F|   Type    |  LayerId  | TID |  RFC 7798 §1.1.4
#    +-------------+-----------------+
cdef bint h265_is_key_frame(const uint8_t* payload, int len) noexcept nogil:
    cdef int kind, size
    cdef int at = 2
    if len < 3:
        return False
    kind = payload[0] >> 1 & 0x3F
    if kind == NAL_AP:
        # §4.4.2: a 16-bit size before each NAL unit
        while at + 2 < len:
            size = load16(payload + at)
            at += 2
            if size == 0 or at + size > len:
                return False
            if starts(payload[at] >> 1 & 0x3F, payload + at + 2, size - 2):
                return True
            at += size
        return False
    if kind == NAL_FU:
        # §4.4.3: |S|E| type | in the third byte
        return payload[2] & 0x80 and starts(payload[2] & 0x3F, payload + 3, len - 3)
    return starts(kind, payload + 2, len - 2)
