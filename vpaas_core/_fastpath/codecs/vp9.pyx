"""See vp9.pxd."""

from libc.stdint cimport uint8_t

from vpaas_core._fastpath.wire cimport load16


cdef bint vp9_read(const uint8_t* payload, int len, Vp9Descriptor* out) noexcept nogil:
    cdef int at = 1
    if len < 1:
        return False
    out.inter_predicted = payload[0] & 0x40 != 0
    out.flexible = payload[0] & 0x10 != 0
    out.starts_frame = payload[0] & 0x08 != 0
    out.ends_frame = payload[0] & 0x04 != 0
    out.not_reference = payload[0] & 0x01 != 0
    out.picture_id = out.temporal = out.spatial = out.tl0_picture = -1
    out.switching_up = out.inter_layer = False
    if payload[0] & 0x80:       # I
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
    if payload[0] & 0x20:       # L
        if at >= len:
            return False
        out.temporal = payload[at] >> 5
        out.switching_up = payload[at] & 0x10 != 0
        out.spatial = payload[at] >> 1 & 0x07
        out.inter_layer = payload[at] & 0x01 != 0
        at += 1
        if not out.flexible:
            if at >= len:
                return False
            out.tl0_picture = payload[at]
    return True


cdef bint vp9_is_key_frame(const uint8_t* payload, int len) noexcept nogil:
    cdef Vp9Descriptor descriptor
    if not vp9_read(payload, len, &descriptor):
        return False
    # A higher spatial layer with P = 0 leans on the layer below: only the base layer starts a picture.
    return descriptor.starts_frame and not descriptor.inter_predicted and descriptor.spatial <= 0


def describe(const uint8_t[::1] payload not None):
    cdef Vp9Descriptor descriptor
    cdef const uint8_t* p = &payload[0] if payload.shape[0] else NULL
    return descriptor if vp9_read(p, <int>payload.shape[0], &descriptor) else None
