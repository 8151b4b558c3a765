"""A consumer's own VP8 picture ids, TL0PICIDX and KEYIDX (RFC 7741 §4.2): continuous over dropped layers and other encodings.

Picture ids close up over pictures that were dropped, and keep their gaps where pictures were lost, so that the viewer's decoder waits
for what may still come and for nothing else. TL0PICIDX and KEYIDX count frames that are never dropped: they only shift with the source.
The width of the picture id stays that of the source. Which bytes are to be changed is said by Layers.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from vpaas_core._fastpath.codecs.descriptor cimport Layers

cdef enum:
    VP8_PICTURES = 64       # pictures to which late packets are placed: 2 s of 30 a second


cdef struct Vp8Munger:
    bint started
    bint switching          # the next packet begins another source, or this one after a pause
    int64_t first           # extended incoming picture ids: the one at which the source was entered,
    int64_t newest          # and the newest placed or dropped
    int64_t offset          # outgoing = incoming - offset, behind `newest`
    uint64_t dropped        # bit i: newest - i
    int64_t out_newest      # highest sent
    uint8_t tl0_offset
    uint8_t key_offset
    uint8_t tl0_newest      # as sent
    uint8_t key_newest


cdef struct Vp8Ids:         # what was sent in a packet, to send it again the same
    uint16_t picture
    uint8_t tl0_picture
    uint8_t key_index


cdef void vp8_munger_init(Vp8Munger* m) noexcept nogil
# The next packet given, the first of a key frame, follows what was sent last without a gap.
cdef void vp8_munger_switch(Vp8Munger* m) noexcept nogil
# For each packet that is not forwarded because its layer is not, from the start on.
cdef void vp8_munger_drop(Vp8Munger* m, const Layers* layers, const uint8_t* payload) noexcept nogil
# False: from before the start or the last switch, or of a picture that was dropped: it must not be sent.
cdef bint vp8_munger_map(Vp8Munger* m, const Layers* layers, const uint8_t* payload, Vp8Ids* out) noexcept nogil
# Whether they are other than those of the payload
cdef bint vp8_munger_changes(const Layers* layers, const Vp8Ids* ids, const uint8_t* payload) noexcept nogil
# Into a copy of the payload, or of as much of it as holds the descriptor.
cdef void vp8_munger_write(const Layers* layers, const Vp8Ids* ids, uint8_t* payload) noexcept nogil
