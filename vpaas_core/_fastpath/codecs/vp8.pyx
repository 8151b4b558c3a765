"""See vp8.pxd."""

from libc.stdint cimport uint8_t

from vpaas_core._fastpath.wire cimport load16


cdef bint vp8_read(const uint8_t* payload, int len, Vp8Descriptor* out) noexcept nogil:
    cdef int at = 1
    cdef uint8_t extension = 0
    if len < 1:
        return False
    out.non_reference = payload[0] & 0x20 != 0
    out.starts_partition = payload[0] & 0x10 != 0
    out.partition = payload[0] & 0x07
    out.picture_id = out.tl0_picture = out.temporal = out.key_index = -1
    out.layer_sync = False
    if payload[0] & 0x80:       # X
        if len < 2:
            return False
        extension = payload[1]
        at = 2
    if extension & 0x80:        # I
        if at >= len:
            return False
        if payload[at] & 0x80:  # M
            if at + 2 > len:
                return False
            out.picture_id = load16(payload + at) & 0x7FFF
            at += 2
        else:
            out.picture_id = payload[at]
            at += 1
    if extension & 0x40:        # L
        if at >= len:
            return False
        out.tl0_picture = payload[at]
        at += 1
    if extension & 0x30:        # T or K: one byte for both
        if at >= len:
            return False
        if extension & 0x20:
            out.temporal = payload[at] >> 6
            out.layer_sync = payload[at] & 0x20 != 0
        if extension & 0x10:
            out.key_index = payload[at] & 0x1F
        at += 1
    out.size = at
    return True


cdef bint vp8_is_key_frame(const uint8_t* payload, int len) noexcept nogil:
    cdef Vp8Descriptor descriptor
    if not vp8_read(payload, len, &descriptor) or descriptor.size >= len:
        return False
    # RFC 7741 §4.3: the frame's first byte ends in P, 0 in a key frame (RFC 6386 §9.1)
    return descriptor.starts_partition and descriptor.partition == 0 and not payload[descriptor.size] & 0x01


def describe(const uint8_t[::1] payload not None):
    cdef Vp8Descriptor descriptor
    cdef const uint8_t* p = &payload[0] if payload.shape[0] else NULL
    return descriptor if vp8_read(p, <int>payload.shape[0], &descriptor) else None
