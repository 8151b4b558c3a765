"""See vp9.pxd."""

from libc.stdint cimport uint8_t
from libc.string cimport memset

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


cdef int vp9_read_structure(
    const uint8_t* payload, int len, const Vp9Descriptor* descriptor, Vp9Structure* out
) noexcept nogil:
    cdef Vp9Structure fresh
    cdef int i
    cdef int at = 1
    cdef uint8_t flags
    if not payload[0] & 0x02:                       # V
        return VP9_NO_STRUCTURE
    if payload[0] & 0x80:
        at += 2 if payload[1] & 0x80 else 1         # vp9_read has seen that they are there
    if payload[0] & 0x20:
        at += 1 if descriptor.flexible else 2
    if descriptor.flexible and descriptor.inter_predicted:
        for i in range(3):                          # N: another P_DIFF follows, three at most
            if at >= len:
                return VP9_STRUCTURE_MALFORMED
            at += 1
            if not payload[at - 1] & 0x01:
                break
    if at >= len:
        return VP9_STRUCTURE_MALFORMED
    memset(&fresh, 0, sizeof(fresh))
    flags = payload[at]
    at += 1
    fresh.spatial_layers = (flags >> 5) + 1
    if flags & 0x10:                                # Y
        if at + 4 * fresh.spatial_layers > len:
            return VP9_STRUCTURE_MALFORMED
        for i in range(fresh.spatial_layers):
            fresh.width[i] = load16(payload + at)
            fresh.height[i] = load16(payload + at + 2)
            at += 4
    if flags & 0x08:                                # G
        if at >= len:
            return VP9_STRUCTURE_MALFORMED
        fresh.group_pictures = payload[at]
        at += 1
        for i in range(fresh.group_pictures):
            if at >= len or at + 1 + (payload[at] >> 2 & 0x03) > len:
                return VP9_STRUCTURE_MALFORMED
            at += 1 + (payload[at] >> 2 & 0x03)
    out[0] = fresh
    return VP9_STRUCTURE


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
