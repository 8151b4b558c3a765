"""Copies a dependency descriptor for one consumer: with its own frame number, and with the decode targets that it may still get.

The frames that a consumer does not get leave gaps in frame_number, which a receiver would take for losses; and a receiver that is told
which decode targets remain does not wait for frames of the others (§A.4).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from vpaas_core._fastpath.codecs.dependency cimport DdStructure

cdef enum:
    DD_GROWTH_BYTES_MAX = 5     # five flags and 32 decode targets behind the three mandatory bytes


# Copies the descriptor, which dd_read has accepted. With set_active the copy says which targets are active, whether the original did or
# not; `structure` is the one in force, and may be NULL when the descriptor brings its own. Bytes written; 0: no room, or not readable.
cdef int dd_write(
    uint8_t* out, int room, const uint8_t* data, int len, const DdStructure* structure,
    uint16_t frame_number, uint32_t active, bint set_active,
) noexcept nogil
# The decode targets that a wish of (spatial, temporal) leaves: all that ask for no more, or all there are when each asks for more.
cdef uint32_t dd_active_for(const DdStructure* structure, int spatial, int temporal) noexcept nogil
