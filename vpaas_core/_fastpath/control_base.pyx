"""See control_base.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from vpaas_core._fastpath.c.threads cimport (
    atomic_add,
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_unlock,
)
from vpaas_core._fastpath.output cimport OutMessage
from vpaas_core._fastpath.pipeline cimport pipeline_finish, pipeline_free, pipeline_new
from vpaas_core._fastpath.router cimport consumer_free, pointers_remove, producer_free, transport_free
from vpaas_core._fastpath.state cimport ufrag_key
from vpaas_core._fastpath.stun cimport addr_to_python
from vpaas_core._fastpath.table cimport addrmap_get, addrmap_remove, u64map_get, u64map_remove

from vpaas_core._fastpath.drop import drop_names
from vpaas_core._fastpath.srtp import srtp_backends


cdef list DROP_NAMES = drop_names()


cdef void lock_acquire(Lock* lock) noexcept nogil:
    atomic_add(&lock.waiting, 1)
    pthread_mutex_lock(&lock.mutex)
    atomic_add(&lock.waiting, -1)


cdef void lock_release(Lock* lock) noexcept nogil:
    pthread_mutex_unlock(&lock.mutex)


cdef void _no_output(void* context, const uint8_t* arena, const OutMessage* messages, int n) noexcept nogil:
    pass


cdef void _collect(void* context, const uint8_t* arena, const OutMessage* messages, int n) noexcept with gil:
    """Output of a simulated worker: one entry a datagram."""
    cdef Base core = <Base>context
    cdef int i
    cdef uint32_t at, size
    for i in range(n):
        at = 0
        while at < messages[i].length:
            size = min(<uint32_t>messages[i].segment, messages[i].length - at)
            data = (<const char*>arena + messages[i].offset + at)[:size]
            core.outgoing.append((data, addr_to_python(&messages[i].to)))
            at += size


cdef dict drop_counts(const uint64_t* counters):
    return {name: counters[i] for i, name in enumerate(DROP_NAMES) if counters[i]}


cdef bytes text_bytes(object value, int length_max, str what):
    data = value.encode() if isinstance(value, str) else bytes(value)
    if len(data) > length_max:
        raise ValueError(f"{what} is longer than {length_max} bytes")
    return data


cdef class Base:
    """One worker without sockets: datagrams and a time in, datagrams and events out. `Loop` adds thread and sockets.

    Ids are those that the `add_…` methods return; an unknown one raises KeyError.
    """

    def __cinit__(self, srtp_backend: int | None = None, wall_offset_us: int = 0, **_: object) -> None:
        pthread_mutex_init(&self.lock.mutex, NULL)
        self.outgoing = []
        if srtp_backend is None:
            srtp_backend = max(srtp_backends())
        self.pl = pipeline_new(srtp_backend, wall_offset_us, _collect, <void*>self)
        if self.pl == NULL:
            raise MemoryError(f"SRTP backend {srtp_backend} is not available, or no memory")

    def __dealloc__(self) -> None:
        if self.pl != NULL:
            self.pl.output.flush = _no_output
            while self.pl.all_transports.count:
                self.free_transport(<Transport*>self.pl.all_transports.items[0])
            pipeline_free(self.pl)
        pthread_mutex_destroy(&self.lock.mutex)

    cdef int64_t now_us(self) noexcept:
        return self.simulated_us

    cdef int begin(self) except -1:
        with nogil:
            lock_acquire(&self.lock)
        return 0

    cdef int end(self) except -1:
        lock_release(&self.lock)
        return 0

    cdef uint32_t new_id(self):
        self.last_id += 1
        return self.last_id

    cdef Transport* transport(self, uint32_t id) except NULL:
        cdef Transport* t = <Transport*>u64map_get(&self.pl.transports, id)
        if t == NULL:
            raise KeyError(f"no transport {id}")
        return t

    cdef Producer* producer(self, uint32_t id) except NULL:
        cdef Producer* p = <Producer*>u64map_get(&self.pl.producers, id)
        if p == NULL:
            raise KeyError(f"no producer {id}")
        return p

    cdef Consumer* consumer(self, uint32_t id) except NULL:
        cdef Consumer* c = <Consumer*>u64map_get(&self.pl.consumers, id)
        if c == NULL:
            raise KeyError(f"no consumer {id}")
        return c

    cdef int free_transport(self, Transport* t) except -1:
        cdef int i
        while t.consumers.count:
            self.free_consumer(<Consumer*>t.consumers.items[0])
        while t.producers.count:
            self.free_producer(<Producer*>t.producers.items[0])
        for i in range(t.ice.tuple_count):
            if addrmap_get(&self.pl.peers, &t.ice.tuples[i].address) == t:
                addrmap_remove(&self.pl.peers, &t.ice.tuples[i].address)
        self.forget_ufrag(t, t.ice.local.ufrag, t.ice.local.ufrag_len)
        self.forget_ufrag(t, t.ice.previous.ufrag, t.ice.previous.ufrag_len)
        u64map_remove(&self.pl.transports, t.id)
        pointers_remove(&self.pl.all_transports, t)
        transport_free(t)
        return 0

    cdef int forget_ufrag(self, Transport* t, const uint8_t* ufrag, int length) except -1:
        cdef uint64_t key = ufrag_key(ufrag, length)
        if u64map_get(&self.pl.ufrags, key) == t:
            u64map_remove(&self.pl.ufrags, key)
        return 0

    cdef int finish(self) except -1:
        cdef int64_t now_us = self.now_us()
        with nogil:
            pipeline_finish(self.pl, now_us)
        return 0

    cdef int free_producer(self, Producer* p) except -1:
        u64map_remove(&self.pl.producers, p.id)
        producer_free(p)
        return 0

    cdef int free_consumer(self, Consumer* c) except -1:
        u64map_remove(&self.pl.consumers, c.id)
        if c.queued:
            pointers_remove(&self.pl.catching_up, c)
        consumer_free(c)
        return 0
