"""See svc.pxd. How it is done stands in svc_pictures.pyx and svc_frames.pyx."""

from libc.stdint cimport int8_t, uint8_t
from libc.string cimport memset

from vpaas_core._fastpath.codecs.dependency cimport NO_TARGET
from vpaas_core._fastpath.codecs.descriptor cimport (
    BY_DEPENDENCY,
    BY_NOTHING,
    BY_VP9,
    DESCRIBED,
    Describer,
    LAYERS_KEY,
    describe,
    spatial_layers,
)
from vpaas_core._fastpath.codecs.descriptor import Described
from vpaas_core._fastpath.codecs.svc_frames cimport svc_decide_frame, svc_ideal_target
from vpaas_core._fastpath.codecs.svc_pictures cimport svc_decide_picture, svc_whole


cdef void svc_init(SvcFilter* f, int target_spatial, int target_temporal) noexcept nogil:
    memset(f, 0, sizeof(SvcFilter))
    f.target_spatial = <int8_t>target_spatial
    f.target_temporal = <int8_t>target_temporal
    svc_restart(f)


cdef int svc_decide(SvcFilter* f, const Layers* layers, const DescriptorState* state) noexcept nogil:
    if layers.by == BY_NOTHING:
        return SVC_FORWARD
    if layers.by != f.by:
        if not layers.flags & LAYERS_KEY:
            return SVC_DROP
        svc_restart(f)
    if layers.by == BY_DEPENDENCY:
        return svc_decide_frame(f, layers, state)
    return svc_decide_picture(f, layers)


cdef bint svc_wants_key_frame(const SvcFilter* f, const DescriptorState* state) noexcept nogil:
    cdef int layers = spatial_layers(state)
    cdef int target = f.target_spatial
    cdef uint8_t best
    if f.spatial < 0:
        return True
    if f.by == BY_DEPENDENCY:
        best = svc_ideal_target(state, f.target_spatial, f.target_temporal)
        return best != NO_TARGET and state.dd.structure.target_spatial[best] != f.spatial and not f.whole_targets >> best & 1
    if layers and target > layers - 1:
        target = layers - 1
    if not layers and target > f.top_spatial:
        target = f.top_spatial
    return f.by == BY_VP9 and target != f.spatial and not svc_whole(f, target) & 1


cdef class Svc:
    """SvcFilter for its tests."""

    cdef SvcFilter _f
    cdef Describer _describer

    def __cinit__(self, describer: Describer, target_spatial: int, target_temporal: int):
        self._describer = describer
        svc_init(&self._f, target_spatial, target_temporal)

    @property
    def spatial(self) -> int:
        return self._f.spatial

    @property
    def temporal(self) -> int:
        return self._f.temporal

    def target(self, spatial: int, temporal: int) -> None:
        self._f.target_spatial = spatial
        self._f.target_temporal = temporal

    def restart(self) -> None:
        svc_restart(&self._f)

    def wants_key_frame(self) -> bool:
        return svc_wants_key_frame(&self._f, &self._describer.state)

    def decide(self, codec: int, const uint8_t[::1] payload not None, const uint8_t[::1] dd not None = b""):
        cdef Layers layers
        cdef int result = describe(
            codec,
            &payload[0] if payload.shape[0] else NULL, <int>payload.shape[0],
            &dd[0] if dd.shape[0] else NULL, <int>dd.shape[0],
            &self._describer.state, &layers,
        )
        if result != DESCRIBED:
            return Described(result)
        return SvcDecision(svc_decide(&self._f, &layers, &self._describer.state))

    def time(self, codec: int, payloads: list[bytes], descriptors: list[bytes], long rounds) -> int:
        cdef Layers layers[512]
        cdef DescriptorState* state = &self._describer.state
        cdef int n = 0
        cdef int forwarded = 0
        cdef int k
        cdef long i
        for payload, dd in zip(payloads[:512], descriptors, strict=False):
            if describe(codec, payload, len(payload), dd, len(dd), state, &layers[n]) == DESCRIBED:
                n += 1
        with nogil:
            for i in range(rounds):
                svc_restart(&self._f)
                for k in range(n):
                    forwarded += svc_decide(&self._f, &layers[k], state) != SVC_DROP
        return forwarded
