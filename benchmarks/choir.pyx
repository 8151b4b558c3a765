"""Many microphones, a packet of each in turn: what taking them in costs."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from benchmarks.clock cimport counter_get, cpu_ns, reached
from vpaas_core._fastpath.control cimport Core
from vpaas_core._fastpath.control_base cimport Lock, lock_acquire, lock_release
from vpaas_core._fastpath.loop cimport Loop
from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.pipeline cimport pipeline_finish, pipeline_receive, pipeline_tick
from vpaas_core._fastpath.router cimport TRANSPORT_PLAIN, Transport
from vpaas_core._fastpath.srtp cimport (
    SrtpEngine,
    SrtpKeys,
    srtp_engine_free,
    srtp_engine_new,
    srtp_flush,
    srtp_keys_free,
    srtp_keys_new,
    srtp_protect,
)
from vpaas_core._fastpath.stun cimport addr_from_python
from vpaas_core._fastpath.table cimport u64map_get
from vpaas_core._fastpath.wire cimport store16, store32

from vpaas_core._fastpath.srtp import srtp_backends

cdef extern from "<sys/socket.h>" nogil:
    Py_ssize_t send(int fd, const void* data, size_t length, int flags)

cdef enum:
    HEADER_BYTES = 20           # with one extension: the level
    PAYLOAD_BYTES = 80          # 20 ms of 32 kbit/s
    ROOM_BYTES = 128
    AUDIO_LEVEL_ID = 3
    ROUND_US = 20000
    TICK_US = 10000
    CLOCK_STEP = 960


cdef struct Voice:
    Transport* transport
    Addr source
    uint32_t ssrc
    int fd
    int size
    uint8_t packet[ROOM_BYTES]


cdef class Choir:
    """Microphones of `core`. `voices`: (transport, source address, ssrc, descriptor of a connected socket or -1) each.

    `profile` and `key` are those of all transports; None for plain RTP.
    """

    cdef Core core
    cdef SrtpEngine* srtp
    cdef SrtpKeys* keys
    cdef Voice* voices
    cdef int n
    cdef int64_t index
    cdef int64_t now_us

    def __cinit__(self, core: Core, voices: list[tuple[int, tuple[str, int], int, int]], profile: int | None,
                  key: tuple[bytes, bytes] | None) -> None:
        cdef Voice* voice
        self.core, self.n, self.now_us = core, len(voices), 10000000
        self.srtp = srtp_engine_new(max(srtp_backends()))
        self.voices = <Voice*>calloc(self.n, sizeof(Voice))
        if self.srtp == NULL or self.voices == NULL:
            raise MemoryError
        if profile is not None:
            self.keys = srtp_keys_new(self.srtp, profile, key[0], key[1])
        for i, (transport, source, ssrc, fd) in enumerate(voices):
            voice = &self.voices[i]
            voice.transport = core.transport(transport)
            voice.ssrc, voice.fd = ssrc, fd
            addr_from_python(source, &voice.source)

    def __dealloc__(self) -> None:
        srtp_keys_free(self.keys)
        srtp_engine_free(self.srtp)
        free(self.voices)

    def drive(self, rounds: int, burst: int) -> int:
        """Without threads and sockets. CPU time of it all, timers included, in ns."""
        cdef int64_t spent_ns = 0
        cdef int64_t start_ns
        cdef Voice* voice
        cdef Transport* owner
        cdef int step = burst
        cdef int i
        for _ in range(rounds):
            self._sing()
            start_ns = cpu_ns()
            for i in range(self.n):
                voice = &self.voices[i]
                owner = voice.transport if voice.transport.kind == TRANSPORT_PLAIN else NULL
                pipeline_receive(
                    self.core.pl, owner, voice.packet, voice.size, &voice.source, self.now_us + i * ROUND_US // self.n
                )
                if (i + 1) % step == 0:
                    pipeline_finish(self.core.pl, self.now_us)
                if (i + 1) * ROUND_US // self.n % TICK_US == 0:
                    pipeline_tick(self.core.pl, self.now_us + (i + 1) * ROUND_US // self.n)
            spent_ns += cpu_ns() - start_ns
            self.now_us += ROUND_US
        return spent_ns

    def feed(self, loop: Loop, rounds: int, burst: int) -> None:
        """To a worker: `burst` packets are queued at a time, the next when these have been taken in.

        Raises TimeoutError when one was lost.
        """
        cdef Lock* lock = &loop.lock
        cdef int step = burst
        cdef int i, first
        cdef bint done = True
        for _ in range(rounds):
            self._sing()
            with nogil:
                for i in range((self.n + step - 1) // step):
                    first = i * step
                    done = done and _queue(lock, &self.voices[first], min(step, self.n - first))
            if not done:
                raise TimeoutError("a packet was not taken in")

    cdef int _sing(self) except -1:
        """The next packet of each, ready to be sent."""
        cdef Voice* voice
        cdef uint8_t payload[PAYLOAD_BYTES]
        cdef int i
        memset(payload, 0xFC, PAYLOAD_BYTES)
        self.index += 1
        for i in range(self.n):
            voice = &self.voices[i]
            voice.packet[0], voice.packet[1] = 0x90, 111
            store16(voice.packet + 2, <uint16_t>self.index)
            store32(voice.packet + 4, <uint32_t>(self.index * CLOCK_STEP))
            store32(voice.packet + 8, voice.ssrc)
            store32(voice.packet + 12, 0xBEDE0001u)     # RFC 8285 §4.2
            store32(voice.packet + 16, (AUDIO_LEVEL_ID << 28) | (<uint32_t>_level(i, self.index) << 16))
            voice.size = HEADER_BYTES + PAYLOAD_BYTES
            if self.keys != NULL:
                voice.size = srtp_protect(
                    self.srtp, self.keys, voice.packet, HEADER_BYTES, payload, PAYLOAD_BYTES, self.index
                )
            else:
                memcpy(voice.packet + HEADER_BYTES, payload, PAYLOAD_BYTES)
        srtp_flush(self.srtp)
        return 0


cdef bint _queue(Lock* lock, Voice* voices, int n) noexcept nogil:
    """The worker waits for its lock, and so finds them all at once. Whether it took in the last."""
    cdef uint64_t* taken = &voices[n - 1].transport.received.packets
    cdef uint64_t expected
    cdef int i
    lock_acquire(lock)
    expected = counter_get(taken)
    for i in range(n):
        send(voices[i].fd, voices[i].packet, voices[i].size, 0)
        expected += voices[i].transport == voices[n - 1].transport
    lock_release(lock)
    return reached(taken, expected)


cdef inline int _level(int voice, int64_t index) noexcept nogil:
    """-dBov: one in a hundred speaks, in words; all others hum."""
    if voice % 100 == 7 and index % 16 < 11:
        return 25 + <int>(index % 7)
    return 60 + <int>((index * 7 + voice) % 5)
