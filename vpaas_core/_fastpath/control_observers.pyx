"""See control_observers.pxd."""

from libc.stdint cimport int64_t, uint32_t

from vpaas_core._fastpath.observers cimport (
    OBSERVER_LEVELS,
    OBSERVER_SPEAKERS,
    observer_add,
    observer_find,
    observer_free,
    observer_new,
    observer_pause,
    observer_remove,
    observers_forget,
)
from vpaas_core._fastpath.router cimport Producer


cdef class ObserverControl(MediaControl):
    """Audio observers."""

    cdef Observer* observer(self, uint32_t id) except NULL:
        cdef Observer* o = observer_find(self.pl, id)
        if o == NULL:
            raise KeyError(f"no observer {id}")
        return o

    cdef Observer* _new_observer(self, int kind, int64_t interval_us, int entries) except NULL:
        cdef Observer* o = observer_new(self.pl, self.new_id(), kind, interval_us, entries)
        if o == NULL:
            raise MemoryError
        return o

    cdef int free_producer(self, Producer* p) except -1:
        observers_forget(self.pl, p)
        return MediaControl.free_producer(self, p)

    def add_level_observer(self, *, interval_us: int, threshold: int, entries: int) -> int:
        """threshold: dBov; entries: at most so many (128) are told, each interval."""
        cdef Observer* o
        self.begin()
        try:
            o = self._new_observer(OBSERVER_LEVELS, interval_us, entries)
            o.threshold = threshold
            return o.id
        finally:
            self.end()

    def add_speaker_observer(self, *, interval_us: int, entries: int) -> int:
        """interval_us: at least, between two changes of the dominant speaker; entries: places of the ranking (32)."""
        self.begin()
        try:
            return self._new_observer(OBSERVER_SPEAKERS, interval_us, entries).id
        finally:
            self.end()

    def observer_add_producer(self, id: int, producer: int) -> None:
        self.begin()
        try:
            if observer_add(self.observer(id), self.producer(producer)) < 0:
                raise MemoryError
        finally:
            self.end()

    def observer_remove_producer(self, id: int, producer: int) -> None:
        self.begin()
        try:
            observer_remove(self.observer(id), self.producer(producer))
        finally:
            self.end()

    def pause_observer(self, id: int, paused: bool) -> None:
        self.begin()
        try:
            observer_pause(self.observer(id), paused)
        finally:
            self.end()

    def close_observer(self, id: int) -> None:
        self.begin()
        try:
            observer_free(self.pl, self.observer(id))
        finally:
            self.end()
