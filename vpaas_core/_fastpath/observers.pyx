"""See observers.pxd."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy

from vpaas_core._fastpath.drop cimport DROP_NONE
from vpaas_core._fastpath.events cimport (
    EVENT_DOMINANT,
    EVENT_RANKING,
    EVENT_SILENCE,
    EVENT_VOLUMES,
    events_put,
)
from vpaas_core._fastpath.router cimport pointers_add, pointers_remove
from vpaas_core._fastpath.speakers cimport (
    NO_LEVEL,
    speaker_init,
    speaker_take_average,
    speakers_evaluate,
    speakers_rank,
)

cdef enum:
    PACKET_US_MAX = 100000      # us of an interval for each packet that an average needs at least,
    PACKETS_MIN_MAX = 10        # but no more of them: who sends less is as good as silent


cdef struct Volume:             # of EVENT_VOLUMES
    uint32_t producer
    int32_t dbov


cdef Observer* observer_new(Pipeline* pl, uint32_t id, int kind, int64_t interval_us, int entries) noexcept nogil:
    cdef Observer* o = <Observer*>calloc(1, sizeof(Observer))
    if o == NULL:
        return NULL
    o.id = id
    o.kind = <uint8_t>kind
    o.interval_us = interval_us
    o.entries = entries
    o.silent = True
    o.dominant = -1
    if pointers_add(&pl.observers, o) < 0:
        free(o)
        return NULL
    return o


cdef void observer_free(Pipeline* pl, Observer* o) noexcept nogil:
    pointers_remove(&pl.observers, o)
    free(o.members)
    free(o.speakers)
    free(o.marks)
    free(o)


cdef Observer* observer_find(const Pipeline* pl, uint32_t id) noexcept nogil:
    cdef int i
    for i in range(pl.observers.count):
        if (<Observer*>pl.observers.items[i]).id == id:
            return <Observer*>pl.observers.items[i]
    return NULL


cdef inline int _index(const Observer* o, const Producer* p) noexcept nogil:
    cdef int i
    for i in range(o.count):
        if o.members[i] == p:
            return i
    return -1


cdef int _grow(Observer* o) noexcept nogil:
    cdef int capacity = o.capacity * 2 + 4
    cdef void* members = realloc(o.members, capacity * sizeof(Producer*))
    cdef void* speakers
    cdef void* marks
    if members != NULL:
        o.members = <Producer**>members
    speakers = realloc(o.speakers, capacity * sizeof(SpeakerState*))
    if speakers != NULL:
        o.speakers = <SpeakerState**>speakers
    marks = realloc(o.marks, capacity * sizeof(LevelMark))
    if marks != NULL:
        o.marks = <LevelMark*>marks
    if members == NULL or speakers == NULL or marks == NULL:
        return -1
    o.capacity = capacity
    return 0


cdef int observer_add(Observer* o, Producer* p) noexcept nogil:
    if _index(o, p) >= 0:
        return 0
    if o.count == o.capacity and _grow(o) < 0:
        return -1
    if p.speaker == NULL:
        p.speaker = <SpeakerState*>malloc(sizeof(SpeakerState))
        if p.speaker == NULL:
            return -1
        speaker_init(p.speaker)
    o.members[o.count] = p
    o.speakers[o.count] = p.speaker
    speaker_take_average(p.speaker, &o.marks[o.count], 0)
    o.count += 1
    return 0


cdef void observer_remove(Observer* o, const Producer* p) noexcept nogil:
    """The last member takes its place."""
    cdef int i = _index(o, p)
    cdef int kept = 0
    cdef int last = o.count - 1
    cdef int j
    if i < 0:
        return
    o.members[i] = o.members[last]
    o.speakers[i] = o.speakers[last]
    o.marks[i] = o.marks[last]
    o.count = last
    for j in range(o.ranked):
        if o.ranking[j] != i:
            o.ranking[kept] = i if o.ranking[j] == last else o.ranking[j]
            kept += 1
    if kept < o.ranked:
        o.ranked = kept
        o.ranking_untold = True
    if o.dominant == i:
        o.dominant = -1
        o.dominant_untold = False
        o.due_us = 0
    elif o.dominant == last:
        o.dominant = i


cdef void observer_pause(Observer* o, bint paused) noexcept nogil:
    o.paused = paused
    o.due_us = 0


cdef void observers_forget(Pipeline* pl, const Producer* p) noexcept nogil:
    cdef int i
    if p.speaker != NULL:
        for i in range(pl.observers.count):
            observer_remove(<Observer*>pl.observers.items[i], p)


cdef void observers_tick(Pipeline* pl, int64_t now_us) noexcept nogil:
    cdef Observer* o
    cdef int i
    for i in range(pl.observers.count):
        o = <Observer*>pl.observers.items[i]
        if o.paused:
            continue
        if o.kind == OBSERVER_LEVELS:
            _listen(pl, o, now_us)
        else:
            _follow(pl, o, now_us)


cdef void _listen(Pipeline* pl, Observer* o, int64_t now_us) noexcept nogil:
    cdef Volume volumes[VOLUMES_MAX]
    cdef int i, n
    if o.due_us == 0:
        o.due_us = now_us + o.interval_us
        for i in range(o.count):
            speaker_take_average(o.speakers[i], &o.marks[i], 0)
        return
    if now_us < o.due_us:
        return
    o.due_us += o.interval_us
    n = _loudest(o, volumes)
    if n:
        o.silent = False
        events_put(&pl.events, EVENT_VOLUMES, o.id, 0, <const uint8_t*>volumes, n * sizeof(Volume))
    elif not o.silent and events_put(&pl.events, EVENT_SILENCE, o.id, 0, NULL, 0) == DROP_NONE:
        o.silent = True


cdef int _loudest(Observer* o, Volume* volumes) noexcept nogil:
    """The entries to tell, loudest first; takes everybody's average."""
    cdef uint32_t packets_min = <uint32_t>min(max(o.interval_us // PACKET_US_MAX, 1), PACKETS_MIN_MAX)
    cdef int room = min(o.entries, VOLUMES_MAX)
    cdef int n = 0
    cdef int i, j, dbov
    for i in range(o.count):
        dbov = speaker_take_average(o.speakers[i], &o.marks[i], packets_min)
        if dbov == NO_LEVEL or dbov < o.threshold or (n == room and dbov <= volumes[n - 1].dbov):
            continue
        j = n if n < room else n - 1
        n = j + 1
        while j > 0 and volumes[j - 1].dbov < dbov:
            volumes[j] = volumes[j - 1]
            j -= 1
        volumes[j].producer = o.members[i].id
        volumes[j].dbov = dbov
    return n


cdef void _follow(Pipeline* pl, Observer* o, int64_t now_us) noexcept nogil:
    cdef int32_t before[RANKED_MAX]
    cdef uint32_t ids[RANKED_MAX]
    cdef int ranked = o.ranked
    cdef int i
    memcpy(before, o.ranking, sizeof(before))
    o.ranked = speakers_rank(o.speakers, o.count, now_us, o.ranking, o.ranked, min(o.entries, RANKED_MAX))
    if o.ranked != ranked or memcmp(before, o.ranking, ranked * sizeof(int32_t)) != 0:
        o.ranking_untold = True
    if now_us >= o.due_us:
        i = speakers_evaluate(o.speakers, o.count, now_us, o.dominant)
        if i != o.dominant:
            o.dominant = i
            o.dominant_untold = True
            o.due_us = now_us + o.interval_us
    if o.ranking_untold:
        for i in range(o.ranked):
            ids[i] = o.members[o.ranking[i]].id
        o.ranking_untold = events_put(
            &pl.events, EVENT_RANKING, o.id, 0, <const uint8_t*>ids, o.ranked * sizeof(uint32_t)
        ) != DROP_NONE
    if o.dominant_untold:
        ids[0] = o.members[o.dominant].id
        o.dominant_untold = events_put(
            &pl.events, EVENT_DOMINANT, o.id, 0, <const uint8_t*>ids, sizeof(uint32_t)
        ) != DROP_NONE
