"""See adapt.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint16_t

from vpaas_core._fastpath.codecs.descriptor cimport BY_NOTHING, spatial_layers
from vpaas_core._fastpath.codecs.svc cimport svc_wants_key_frame
from vpaas_core._fastpath.events cimport (
    EVENT_CONSUMER_LAYERS,
    EVENT_CONSUMER_SCORE,
    EVENT_PRODUCER_SCORE,
    EVENT_WANTED_LAYERS,
    events_put,
)
from vpaas_core._fastpath.drop cimport DROP_NONE
from vpaas_core._fastpath.feedback cimport feedback_consumer_start, feedback_want_key_frame
from vpaas_core._fastpath.limits cimport ENCODINGS_MAX, WANTED_HOLD_US
from vpaas_core._fastpath.router cimport NO_LAYERS, SPATIAL_LAYERS_MAX, Consumer, RecvStream
from vpaas_core._fastpath.select cimport select_target

cdef enum:
    LAYER_IDLE_US = 1000000     # us without a packet of a spatial layer after which it counts as stopped


cdef void adapt_tick(Pipeline* pl, Producer* producer, int64_t now_us) noexcept nogil:
    cdef Consumer* c
    cdef uint8_t wanted = 0
    cdef int i
    _tell_scores(pl, producer)
    for i in range(producer.consumers.count):
        c = <Consumer*>producer.consumers.items[i]
        if c.score.value != c.score.told:
            if events_put(&pl.events, EVENT_CONSUMER_SCORE, c.id, c.score.value, NULL, 0) == DROP_NONE:
                c.score.told = c.score.value
        if not producer.video:
            continue
        if not c.paused and not producer.paused:
            wanted |= _wish(c)
            adapt_consumer(pl, c, now_us)
        adapt_tell_layers(pl, c)
    if producer.video:
        _tell_wanted(pl, producer, wanted, now_us)


cdef void _tell_scores(Pipeline* pl, Producer* producer) noexcept nogil:
    cdef uint8_t scores[ENCODINGS_MAX]
    cdef bint changed = False
    cdef int i
    for i in range(producer.encoding_count):
        scores[i] = producer.streams[i].score.value
        changed |= scores[i] != producer.streams[i].score.told
    if changed and events_put(
        &pl.events, EVENT_PRODUCER_SCORE, producer.id, 0, scores, producer.encoding_count
    ) == DROP_NONE:
        for i in range(producer.encoding_count):
            producer.streams[i].score.told = scores[i]


cdef void adapt_consumer(Pipeline* pl, Consumer* c, int64_t now_us) noexcept nogil:
    select_target(c)
    _ask(pl, c, now_us)


cdef inline int _layer_count(const Producer* producer) noexcept nogil:
    cdef int announced
    if producer.encoding_count > 1:
        return producer.encoding_count
    announced = spatial_layers(producer.streams[0].descriptor)
    return min(max(announced, 1), SPATIAL_LAYERS_MAX)


cdef inline uint8_t _wish(const Consumer* c) noexcept nogil:
    """The encoding, or the spatial layers, for which it would need the source."""
    cdef int top = min(c.preferred_spatial, _layer_count(c.producer) - 1)
    return <uint8_t>(1 << top if c.producer.encoding_count > 1 else (2 << top) - 1)


cdef inline bint _starves(const Consumer* c, const RecvStream* s, int64_t now_us) noexcept nogil:
    """Something comes, but nothing that it could decode: the structure was lost for good; or in K-SVC the spatial layer that it
    follows has stopped, and those below lean on pictures that it has not got."""
    cdef int spatial = c.layering.filter.spatial
    if s.unknown_us and now_us - s.unknown_us >= LAYER_IDLE_US:
        return True
    return (
        0 < spatial < SPATIAL_LAYERS_MAX
        and s.spatial_us[0] - s.spatial_us[spatial] >= LAYER_IDLE_US
        and s.spatial_us[0] - c.numbers.last_us >= LAYER_IDLE_US
    )


cdef void _ask(Pipeline* pl, Consumer* c, int64_t now_us) noexcept nogil:
    """A key frame, where it needs one to start, to switch, or to enter a higher spatial layer that arrives."""
    cdef RecvStream* s
    cdef int above
    if c.catching_up or not c.keyed:
        return
    if not c.synced or c.current != c.target:
        feedback_consumer_start(pl, c, now_us)
        return
    s = c.producer.streams[c.current]
    if _starves(c, s, now_us):
        feedback_want_key_frame(pl, s, now_us)
    if c.layering.filter.by == BY_NOTHING or not svc_wants_key_frame(&c.layering.filter, s.descriptor):
        return
    above = c.layering.filter.spatial + 1
    if above > c.preferred_spatial or (above < SPATIAL_LAYERS_MAX and now_us - s.spatial_us[above] < LAYER_IDLE_US):
        feedback_want_key_frame(pl, s, now_us)


cdef void adapt_tell_layers(Pipeline* pl, Consumer* c) noexcept nogil:
    cdef uint16_t layers = NO_LAYERS
    cdef int spatial, temporal
    if c.producer != NULL and c.synced and c.keyed and not c.paused and c.sent.packets:
        spatial = c.current if c.producer.encoding_count > 1 else max(0, c.layering.filter.spatial)
        temporal = min(max(0, c.layering.filter.temporal), c.producer.streams[c.current].temporal_top)
        layers = <uint16_t>(spatial << 8 | temporal)
    if layers != c.layers_told and events_put(&pl.events, EVENT_CONSUMER_LAYERS, c.id, layers, NULL, 0) == DROP_NONE:
        c.layers_told = layers


cdef void _tell_wanted(Pipeline* pl, Producer* producer, uint8_t wanted, int64_t now_us) noexcept nogil:
    """More at once; less only when it has not been wanted for a while."""
    if producer.wanted & ~wanted == 0:
        producer.wanted_us = now_us
    if now_us - producer.wanted_us < WANTED_HOLD_US:
        wanted |= producer.wanted
    if wanted != producer.wanted and events_put(&pl.events, EVENT_WANTED_LAYERS, producer.id, wanted, NULL, 0) == DROP_NONE:
        producer.wanted = wanted
        producer.wanted_us = now_us
