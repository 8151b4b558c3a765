"""See codec.pxd."""

from libc.stdint cimport uint8_t

from vpaas_core._fastpath.codecs.av1 cimport av1_is_key_frame
from vpaas_core._fastpath.codecs.h264 cimport h264_is_key_frame
from vpaas_core._fastpath.codecs.h265 cimport h265_is_key_frame
from vpaas_core._fastpath.codecs.vp8 cimport vp8_is_key_frame
from vpaas_core._fastpath.codecs.vp9 cimport vp9_is_key_frame


cdef bint is_key_frame(int codec, const uint8_t* payload, int len) noexcept nogil:
    if codec == CODEC_VP8:
        return vp8_is_key_frame(payload, len)
    if codec == CODEC_H264:
        return h264_is_key_frame(payload, len)
    if codec == CODEC_VP9:
        return vp9_is_key_frame(payload, len)
    if codec == CODEC_AV1:
        return av1_is_key_frame(payload, len)
    if codec == CODEC_H265:
        return h265_is_key_frame(payload, len)
    return False


def starts_key_frame(int codec, const uint8_t[::1] payload not None):
    return is_key_frame(codec, &payload[0] if payload.shape[0] else NULL, <int>payload.shape[0])
