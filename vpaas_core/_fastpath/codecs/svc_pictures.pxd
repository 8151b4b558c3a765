"""The filter for VP8 and VP9, whose packets tell their picture and layer (see svc.pxd)."""

from libc.stdint cimport uint8_t

from vpaas_core._fastpath.codecs.descriptor cimport Layers
from vpaas_core._fastpath.codecs.svc cimport SvcFilter

cdef int svc_decide_picture(SvcFilter* f, const Layers* layers) noexcept nogil     # SvcDecision
# Temporal layers of which the spatial layer and all that it leans on lack nothing: bit t
cdef uint8_t svc_whole(const SvcFilter* f, int spatial) noexcept nogil
