"""See svc_pictures.pxd."""

from libc.stdint cimport int8_t, int16_t, uint8_t, uint16_t

from vpaas_core._fastpath.codecs.descriptor cimport (
    BY_NOTHING,
    LAYERS_ENDS,
    LAYERS_INTER_LAYER,
    LAYERS_INTRA,
    LAYERS_KEY,
    LAYERS_NOT_BELOW,
    LAYERS_PICTURE_15,
    LAYERS_SWITCHING_UP,
    LAYERS_SYNC,
    Layers,
    spatial_of,
    temporal_of,
)
from vpaas_core._fastpath.codecs.svc cimport (
    SVC_DROP,
    SVC_FORWARD,
    SVC_FORWARD_LAST,
    SVC_PICTURES,
    SvcFilter,
    SvcPicture,
    svc_restart,
)
from vpaas_core._fastpath.codecs.vp9 cimport VP9_SPATIAL_MAX

cdef enum:              # SvcPicture.temporal_key
    PICTURE_TEMPORAL = 0x7F
    PICTURE_KEY = 0x80


cdef inline int _ahead(const SvcFilter* f, const Layers* layers) noexcept nogil:
    """Pictures from the newest to this one; negative: older."""
    if layers.flags & LAYERS_PICTURE_15:
        return <int16_t>(2 * (layers.picture - f.newest)) // 2
    return <int8_t>(2 * (layers.picture - f.newest)) // 2


cdef inline SvcPicture* _picture(SvcFilter* f, uint16_t picture) noexcept nogil:
    return &f.history.pictures[picture & (SVC_PICTURES - 1)]


cdef int svc_decide_picture(SvcFilter* f, const Layers* layers) noexcept nogil:
    cdef int spatial = spatial_of(layers)
    cdef int ahead = _ahead(f, layers) if f.by != BY_NOTHING else 0
    cdef uint8_t bit = 1 << spatial
    cdef SvcPicture* picture
    cdef bint forward
    if f.by == BY_NOTHING:
        _start(f, layers)
    elif ahead > 0:
        _begin_picture(f, layers, ahead)
    elif ahead <= -SVC_PICTURES:            # of long ago, or of a source that begins anew
        if not layers.flags & LAYERS_KEY:
            return SVC_DROP
        _start(f, layers)
    picture = _picture(f, layers.picture)
    if not picture.seen & bit:
        forward = _decide_late(f, layers, picture) if ahead < 0 else _decide_new(f, layers, picture)
        picture.seen |= bit
        if not forward:
            picture.dropped |= bit
    if picture.dropped & bit:
        return SVC_DROP
    if layers.flags & LAYERS_ENDS and spatial == picture.spatial and _ends_picture(f, spatial, picture):
        return SVC_FORWARD_LAST
    return SVC_FORWARD


cdef bint _ends_picture(const SvcFilter* f, int spatial, const SvcPicture* picture) noexcept nogil:
    """Whether no higher layer of the picture will follow that is let through. If none follows at all, the source set the marker."""
    if spatial >= f.aim_spatial:
        return True
    if picture.temporal_key & PICTURE_KEY:
        return False
    # One that has been seen and is not let through: it waits for its switching point. One that has not been seen yet would begin
    # with such a point. To set the marker too early costs less than never to set it.
    return f.top_spatial > spatial


cdef void _start(SvcFilter* f, const Layers* layers) noexcept nogil:
    cdef int i
    svc_restart(f)
    f.by = layers.by
    f.newest = layers.picture
    f.aim_spatial = f.target_spatial
    f.aim_temporal = f.target_temporal
    f.spatial = 0
    f.temporal = f.aim_temporal
    for i in range(SVC_PICTURES):           # older ones belong to what was before the start
        f.history.pictures[i].seen = f.history.pictures[i].dropped = 0xFF
    _open(f, _picture(f, layers.picture))


cdef inline void _open(const SvcFilter* f, SvcPicture* picture) noexcept nogil:
    cdef int spatial = f.spatial
    picture.seen = picture.dropped = picture.followed = 0
    picture.spatial = f.spatial
    picture.temporal_key = f.temporal
    while spatial >= 0:
        picture.followed |= 1 << spatial
        if not f.leaning >> spatial & 1:
            return
        spatial -= 1


cdef void _begin_picture(SvcFilter* f, const Layers* layers, int ahead) noexcept nogil:
    cdef const SvcPicture* before = _picture(f, f.newest)
    cdef int i
    _miss(f, ~before.seen, before.followed)
    if ahead > 1:
        _choose_layers(f)
        for i in range(1, min(ahead, SVC_PICTURES)):
            _open(f, _picture(f, layers.picture - i))
        _miss(f, 0xFF, _picture(f, layers.picture - 1).followed)
    if layers.flags & LAYERS_SYNC and f.whole[0] & 1:
        f.whole[0] |= ~f.dropped_since_base     # RFC 7741 §4.2, Y: what follows depends on nothing older than the base frame
    f.aim_spatial = f.target_spatial
    f.aim_temporal = f.target_temporal
    _choose_layers(f)
    _open(f, _picture(f, layers.picture))
    f.newest = layers.picture


cdef void _miss(SvcFilter* f, uint8_t missing, uint8_t followed) noexcept nogil:
    """Layers of which nothing came: what the viewer gets of them when it does is whole, what would be dropped is not."""
    cdef uint8_t kept = (2 << f.temporal) - 1
    cdef int i
    for i in range(VP9_SPATIAL_MAX):
        if missing >> i & 1:
            f.whole[i] &= kept if followed >> i & 1 else 0
    if missing & 1:
        f.dropped_since_base |= ~kept


cdef uint8_t svc_whole(const SvcFilter* f, int spatial) noexcept nogil:
    cdef uint8_t whole = f.whole[spatial]
    while spatial > 0 and f.leaning >> spatial & 1:
        spatial -= 1
        whole &= f.whole[spatial]
    return whole


cdef void _choose_layers(SvcFilter* f) noexcept nogil:
    """At the start of a picture: the whole layer nearest to the wish. Higher ones are entered within a picture, at P = 0."""
    cdef int spatial = f.aim_spatial
    cdef int temporal = 0
    cdef uint8_t whole
    while spatial >= 0 and not svc_whole(f, spatial) & 1:
        spatial -= 1
    if spatial < 0:
        spatial = f.aim_spatial + 1
        while spatial < VP9_SPATIAL_MAX and not svc_whole(f, spatial) & 1:
            spatial += 1
    f.spatial = <int8_t>(spatial if spatial < VP9_SPATIAL_MAX else -1)  # -1: nothing before a key picture
    f.temporal = 0
    if f.spatial >= 0:
        whole = svc_whole(f, spatial)
        while temporal < f.aim_temporal and whole >> (temporal + 1) & 1:
            temporal += 1
        f.temporal = <int8_t>temporal


cdef inline void _break(SvcFilter* f, const Layers* layers) noexcept nogil:
    """The frame is dropped: its layer lacks it, and so do all that may be predicted from it."""
    cdef int spatial = spatial_of(layers)
    cdef int top = spatial if layers.flags & LAYERS_NOT_BELOW else VP9_SPATIAL_MAX - 1
    cdef int i
    for i in range(spatial, top + 1):
        f.whole[i] &= (1 << temporal_of(layers)) - 1


cdef bint _decide_new(SvcFilter* f, const Layers* layers, SvcPicture* picture) noexcept nogil:
    """The first packet of a layer's frame in the newest picture."""
    cdef int spatial = spatial_of(layers)
    cdef int temporal = temporal_of(layers)
    cdef bint forward
    if layers.flags & LAYERS_INTRA:
        forward = _decide_intra(f, layers, picture, spatial)
    else:
        forward = _decide_inter(f, layers, picture, spatial, temporal)
        if layers.flags & LAYERS_INTER_LAYER:
            f.leaning |= 1 << spatial
        else:
            f.leaning &= ~(1 << spatial)
    if spatial > f.top_spatial:
        f.top_spatial = <uint8_t>spatial
    if not forward:
        _break(f, layers)
        f.dropped_since_base |= 1 << temporal
    elif layers.flags & LAYERS_SWITCHING_UP:
        f.whole[spatial] |= ~((2 << temporal) - 1)  # RFC 9628 §4.2, U
    if temporal == 0:
        f.dropped_since_base = 0
    return forward


cdef bint _decide_intra(SvcFilter* f, const Layers* layers, SvcPicture* picture, int spatial) noexcept nogil:
    """RFC 9628 §4.2: with P = 0 "up-switching to a current spatial layer's frame is possible from a directly lower" one."""
    cdef int i
    if spatial == 0:                        # a key picture: nothing after it refers to anything before
        picture.temporal_key |= PICTURE_KEY
        f.top_spatial = 0
        for i in range(1, VP9_SPATIAL_MAX):
            if not picture.seen & ~picture.dropped & (1 << i):
                f.whole[i] = 0
        f.whole[0] = 0xFF
        f.temporal = f.aim_temporal
        picture.temporal_key = PICTURE_KEY | f.temporal
        if picture.seen == 0 or picture.spatial < 0:
            f.spatial = picture.spatial = 0
        return True
    if spatial > f.aim_spatial and (spatial > picture.spatial or picture.temporal_key & PICTURE_KEY):
        return False
    if layers.flags & LAYERS_INTER_LAYER and picture.dropped >> (spatial - 1) & 1:
        return False
    if not _lower_will_come(f, layers, picture, spatial, 0x01):
        return False
    f.whole[spatial] = 0xFF if picture.temporal_key & PICTURE_KEY else 0x01
    picture.followed |= (2 << spatial) - 1 if layers.flags & LAYERS_INTER_LAYER else 1 << spatial
    if spatial > picture.spatial:
        f.spatial = picture.spatial = <int8_t>spatial
    return True


cdef inline bint _lower_will_come(
    SvcFilter* f, const Layers* layers, const SvcPicture* picture, int spatial, uint8_t needed
) noexcept nogil:
    """Of layers below of which nothing has come yet: whether they will be let through when they do."""
    if not layers.flags & LAYERS_INTER_LAYER:
        return True
    if layers.flags & LAYERS_INTRA and not f.leaning >> spatial & 1:
        return True                         # K-SVC: it leans at key pictures only, and so this is one
    spatial -= 1
    while spatial >= 0 and not picture.seen >> spatial & 1:
        if picture.temporal_key & PICTURE_KEY:
            f.whole[spatial] = 0xFF         # it will be P = 0 as well
        elif f.whole[spatial] & needed != needed:
            return False
        if not f.leaning >> spatial & 1:
            return True
        spatial -= 1
    return True


cdef inline bint _within(const Layers* layers, const SvcPicture* picture) noexcept nogil:
    cdef int spatial = spatial_of(layers)
    if spatial > picture.spatial or temporal_of(layers) > picture.temporal_key & PICTURE_TEMPORAL:
        return False
    return not (layers.flags & LAYERS_INTER_LAYER and spatial > 0 and picture.dropped >> (spatial - 1) & 1)


cdef inline bint _decide_inter(
    SvcFilter* f, const Layers* layers, const SvcPicture* picture, int spatial, int temporal
) noexcept nogil:
    cdef uint8_t needed = (2 << temporal) - 1
    if f.whole[spatial] & needed != needed or not _within(layers, picture):
        return False
    if layers.flags & LAYERS_NOT_BELOW and not picture.followed >> spatial & 1:
        return False                        # K-SVC: between key pictures nothing above leans on it
    return _lower_will_come(f, layers, picture, spatial, needed)


cdef bint _decide_late(SvcFilter* f, const Layers* layers, const SvcPicture* picture) noexcept nogil:
    """The first packet of a frame of a picture that others have followed. That it could be dropped, they reckoned with (_miss)."""
    if not layers.flags & LAYERS_INTRA and not picture.followed >> spatial_of(layers) & 1:
        return False
    if _within(layers, picture):
        return True
    if temporal_of(layers) <= picture.temporal_key & PICTURE_TEMPORAL:
        _break(f, layers)                   # for the frame that it leans on was dropped
    return False
