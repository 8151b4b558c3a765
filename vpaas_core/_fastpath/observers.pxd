"""Audio observers: over the microphones of a room, how loud each is, or who speaks. Looked at ten times a second.

A producer gets its SpeakerState with its first observer and keeps it; packets change only that. What has changed is told
by events: EVENT_VOLUMES, EVENT_SILENCE, EVENT_RANKING and EVENT_DOMINANT.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from vpaas_core._fastpath.router cimport Producer
from vpaas_core._fastpath.speakers cimport LevelMark, SpeakerState
from vpaas_core._fastpath.state cimport Pipeline


cdef enum:
    RANKED_MAX = 32         # places of a ranking: as many as a viewer may have slots, and some
    VOLUMES_MAX = 128       # entries of one EVENT_VOLUMES


cdef enum ObserverKind:
    OBSERVER_LEVELS
    OBSERVER_SPEAKERS


cdef struct Observer:
    uint32_t id
    uint8_t kind
    bint paused
    int64_t interval_us     # levels: between two events; speakers: at least, between two changes of the dominant one
    int64_t due_us          # 0: begins with the next look
    int entries             # levels or ranking: at most so many are told
    int count               # of members
    int capacity
    Producer** members
    SpeakerState** speakers     # theirs
    LevelMark* marks            # where their averages begin
    int threshold           # dBov; levels below are silence
    bint silent             # and that has been told
    int32_t ranking[RANKED_MAX]     # indices of members
    int ranked
    int dominant            # index of a member; -1: none yet
    bint ranking_untold
    bint dominant_untold


cdef Observer* observer_new(Pipeline* pl, uint32_t id, int kind, int64_t interval_us, int entries) noexcept nogil   # NULL: no memory
cdef void observer_free(Pipeline* pl, Observer* o) noexcept nogil
cdef Observer* observer_find(const Pipeline* pl, uint32_t id) noexcept nogil
cdef int observer_add(Observer* o, Producer* p) noexcept nogil          # 0, also when it was one already; -1 without memory
cdef void observer_remove(Observer* o, const Producer* p) noexcept nogil
cdef void observer_pause(Observer* o, bint paused) noexcept nogil
cdef void observers_forget(Pipeline* pl, const Producer* p) noexcept nogil    # it closes
cdef void observers_tick(Pipeline* pl, int64_t now_us) noexcept nogil
