"""The filter for what carries a dependency descriptor: frames, and decode targets that they are part of (see svc.pxd)."""

from libc.stdint cimport uint8_t

from vpaas_core._fastpath.codecs.descriptor cimport DescriptorState, Layers
from vpaas_core._fastpath.codecs.svc cimport SvcFilter

cdef int svc_decide_frame(SvcFilter* f, const Layers* layers, const DescriptorState* state) noexcept nogil  # SvcDecision
# The active decode target for a wish; NO_TARGET: none so low.
cdef uint8_t svc_ideal_target(const DescriptorState* state, int spatial, int temporal) noexcept nogil
