"""Which layers of one stream a consumer gets, packet by packet: spatial and temporal layers of VP9 and of all that carries a
dependency descriptor, temporal layers of VP8.

What is let through can always be decoded, given that what was let through before arrived. For that the filter remembers which layers
(or decode targets) are whole, that is, lack no frame that a later one may refer to: what is dropped breaks a layer, what the
descriptor calls a point of switching mends it, and only whole layers are switched to. What is lost on the way in breaks no layer that
is being followed: the viewer sees the gap and asks for it. It does break all others, for nobody knows what it was.

Late packets are treated as they would have been in their time. No clock, no I/O.
"""

from libc.stdint cimport int8_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from vpaas_core._fastpath.codecs.dependency cimport NO_TARGET
from vpaas_core._fastpath.codecs.descriptor cimport BY_NOTHING, DescriptorState, Layers
from vpaas_core._fastpath.codecs.vp9 cimport VP9_SPATIAL_MAX

cdef enum:
    SVC_PICTURES = 64       # pictures remembered: 2 s of 30 a second, and all that 7 bits of picture id can tell apart
    SVC_FRAMES = 256        # frames remembered: 64 pictures of four layers, and all that a custom chain difference can reach
    SVC_TOP = 7             # target that asks for all there is


cpdef enum SvcDecision:
    SVC_DROP
    SVC_FORWARD
    SVC_FORWARD_LAST        # the picture ends here for this consumer: the marker must be set


cdef struct SvcPicture:     # what became of a picture's layers
    uint8_t seen            # bit s: spatial layer s
    uint8_t dropped
    uint8_t followed        # let through as a whole: the highest and, in full SVC, all below
    int8_t spatial          # highest let through; -1: none
    uint8_t temporal_key    # highest temporal layer let through; bit 7: it is a key picture


cdef union SvcHistory:
    SvcPicture pictures[SVC_PICTURES]
    uint8_t frames[SVC_FRAMES]  # decode target in force, SVC_FRAME_* bits


cdef struct SvcFilter:      # of one consumer
    int8_t target_spatial   # wished for, 0 to SVC_TOP; may be set at any time
    int8_t target_temporal
    int8_t spatial          # being forwarded; -1: nothing yet, a key frame must come
    int8_t temporal
    int8_t aim_spatial      # the wish as it was when the newest picture began: a picture is not changed half-way
    int8_t aim_temporal
    uint8_t by              # LayersBy of the stream; BY_NOTHING: not started
    uint8_t top_spatial     # highest layer seen since the key picture
    uint8_t leaning         # bit s: spatial layer s was last seen to lean on the one below (full SVC, not K-SVC)
    uint8_t dropped_since_base  # bit t: VP8, a frame of temporal layer t
    uint16_t newest         # picture id or frame number
    uint8_t whole[VP9_SPATIAL_MAX]  # bit t: temporal layer t of the spatial layer
    uint32_t whole_targets  # bit d: decode target d
    uint8_t decode_target   # in force; NO_TARGET: none yet
    uint8_t generation      # of the structure that decode targets are counted by
    uint8_t last_spatial    # of the newest frame
    SvcHistory history


cdef void svc_init(SvcFilter* f, int target_spatial, int target_temporal) noexcept nogil
cdef int svc_decide(SvcFilter* f, const Layers* layers, const DescriptorState* state) noexcept nogil    # SvcDecision
# True when the wish asks for another spatial layer than flows and only a key frame leads there, as far as the source makes such layers.
cdef bint svc_wants_key_frame(const SvcFilter* f, const DescriptorState* state) noexcept nogil


cdef inline void svc_restart(SvcFilter* f) noexcept nogil:
    """Forgets the past (pause, change of source); the wish stays. All is dropped until a key frame starts."""
    f.by = BY_NOTHING
    f.spatial = f.temporal = -1
    f.top_spatial = 0
    f.leaning = 0xFF
    f.dropped_since_base = 0
    memset(f.whole, 0, sizeof(f.whole))
    f.whole_targets = 0
    f.decode_target = NO_TARGET
