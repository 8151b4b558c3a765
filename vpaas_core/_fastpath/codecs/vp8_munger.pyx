"""See vp8_munger.pxd."""

from libc.stdint cimport int8_t, int16_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy, memset

from vpaas_core._fastpath.codecs.codec cimport CODEC_VP8
from vpaas_core._fastpath.codecs.descriptor cimport (
    DESCRIBED,
    DescriptorState,
    LAYERS_KEY,
    LAYERS_PICTURE_15,
    describe,
)
from vpaas_core._fastpath.wire cimport load16, store16

cdef extern from *:
    int popcount "__builtin_popcountll"(unsigned long long v) noexcept nogil


cdef void vp8_munger_init(Vp8Munger* m) noexcept nogil:
    memset(m, 0, sizeof(Vp8Munger))


cdef void vp8_munger_switch(Vp8Munger* m) noexcept nogil:
    m.switching = m.started


cdef inline int64_t _extended(const Vp8Munger* m, const Layers* layers, const uint8_t* payload) noexcept nogil:
    """The incoming picture id, next to the newest; widths wrap by themselves."""
    cdef const uint8_t* p = payload + layers.picture_at
    if not m.started or m.switching:
        return load16(p) & 0x7FFF if layers.flags & LAYERS_PICTURE_15 else p[0]
    if layers.flags & LAYERS_PICTURE_15:
        return m.newest + <int16_t>(2 * (load16(p) - <uint16_t>m.newest)) // 2
    return m.newest + <int8_t>(2 * (p[0] - <uint8_t>m.newest)) // 2


cdef inline void _advance(Vp8Munger* m, int64_t picture) noexcept nogil:
    cdef int64_t ahead = picture - m.newest
    m.dropped = m.dropped << ahead if ahead < VP8_PICTURES else 0
    m.newest = picture


cdef void _enter(Vp8Munger* m, const Layers* layers, const uint8_t* payload, int64_t picture) noexcept nogil:
    m.first = m.newest = picture
    m.dropped = 0
    if m.switching:
        m.offset = picture - (m.out_newest + 1)
        m.tl0_offset = layers.tl0_picture - <uint8_t>(m.tl0_newest + 1)
        m.key_offset = payload[layers.key_index_at] - <uint8_t>(m.key_newest + 1)
    m.started = True
    m.switching = False


cdef void vp8_munger_drop(Vp8Munger* m, const Layers* layers, const uint8_t* payload) noexcept nogil:
    cdef int64_t picture
    if not m.started or m.switching or layers.picture_at == 0:
        return
    picture = _extended(m, layers, payload)
    if picture <= m.newest:     # known already; or late, and its gap is there to stay
        return
    _advance(m, picture)
    m.dropped |= 1
    m.offset += 1


cdef bint vp8_munger_map(Vp8Munger* m, const Layers* layers, const uint8_t* payload, Vp8Ids* out) noexcept nogil:
    cdef int64_t picture = _extended(m, layers, payload) if layers.picture_at else m.newest
    cdef int64_t behind, out_picture
    if m.newest - picture >= VP8_PICTURES and layers.flags & LAYERS_KEY:
        vp8_munger_switch(m)    # the source counts anew
    if not m.started or m.switching:
        _enter(m, layers, payload, picture)
    if picture > m.newest:
        _advance(m, picture)
    behind = m.newest - picture
    if picture < m.first or behind >= VP8_PICTURES or m.dropped >> behind & 1:
        return False
    out_picture = picture - m.offset + popcount(m.dropped & (<uint64_t>1 << behind) - 1)
    out.picture = <uint16_t>out_picture
    out.tl0_picture = layers.tl0_picture - m.tl0_offset
    out.key_index = payload[layers.key_index_at] - m.key_offset
    if out_picture >= m.out_newest:
        m.out_newest = out_picture
        m.tl0_newest = out.tl0_picture
        m.key_newest = out.key_index
    return True


cdef void vp8_munger_write(const Layers* layers, const Vp8Ids* ids, uint8_t* payload) noexcept nogil:
    cdef uint8_t* p = payload + layers.key_index_at
    if layers.key_index_at:
        p[0] = p[0] & 0xE0 | ids.key_index & 0x1F       # TID and Y share the byte
    if layers.tl0_at:
        payload[layers.tl0_at] = ids.tl0_picture
    if layers.picture_at == 0:
        return
    if layers.flags & LAYERS_PICTURE_15:
        store16(payload + layers.picture_at, 0x8000 | ids.picture)
    else:
        payload[layers.picture_at] = ids.picture & 0x7F


cdef bint vp8_munger_changes(const Layers* layers, const Vp8Ids* ids, const uint8_t* payload) noexcept nogil:
    if layers.key_index_at and (payload[layers.key_index_at] ^ ids.key_index) & 0x1F:
        return True
    if layers.tl0_at and payload[layers.tl0_at] != ids.tl0_picture:
        return True
    if layers.picture_at == 0:
        return False
    if layers.flags & LAYERS_PICTURE_15:
        return (load16(payload + layers.picture_at) ^ ids.picture) & 0x7FFF != 0
    return (payload[layers.picture_at] ^ ids.picture) & 0x7F != 0


cdef class Munger:
    """Vp8Munger for its tests."""

    cdef Vp8Munger _m
    cdef DescriptorState _state
    cdef Layers _layers

    def __cinit__(self):
        vp8_munger_init(&self._m)
        memset(&self._state, 0, sizeof(DescriptorState))

    cdef int _describe(self, const uint8_t[::1] payload) except -1:
        if payload.shape[0] == 0 or describe(
            CODEC_VP8, &payload[0], <int>payload.shape[0], NULL, 0, &self._state, &self._layers
        ) != DESCRIBED:
            raise ValueError("not VP8")
        return 0

    def switch(self) -> None:
        vp8_munger_switch(&self._m)

    def drop(self, const uint8_t[::1] payload not None) -> None:
        self._describe(payload)
        vp8_munger_drop(&self._m, &self._layers, &payload[0])

    def packet(self, const uint8_t[::1] payload not None) -> bytes | None:
        cdef Vp8Ids ids
        self._describe(payload)
        if not vp8_munger_map(&self._m, &self._layers, &payload[0], &ids):
            return None
        copy = bytearray(payload)
        vp8_munger_write(&self._layers, &ids, <uint8_t*>copy)
        assert vp8_munger_changes(&self._layers, &ids, &payload[0]) == (bytes(copy) != bytes(payload))
        return bytes(copy)

    def time(self, const uint8_t[::1] payload not None, long rounds) -> None:
        cdef Vp8Ids ids
        cdef uint8_t copy[16]
        cdef long i
        self._describe(payload)
        memcpy(copy, &payload[0], min(<int>payload.shape[0], 16))
        with nogil:
            for i in range(rounds):
                if vp8_munger_map(&self._m, &self._layers, &payload[0], &ids):
                    vp8_munger_write(&self._layers, &ids, copy)
