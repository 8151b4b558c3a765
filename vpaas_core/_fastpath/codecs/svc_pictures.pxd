"""The filter for VP8 and VP9, whose packets tell their picture and layer (see svc.pxd)."""

from vpaas_core._fastpath.codecs.descriptor cimport Layers
from vpaas_core._fastpath.codecs.svc cimport SvcFilter

cdef int svc_decide_picture(SvcFilter* f, const Layers* layers) noexcept nogil     # SvcDecision
