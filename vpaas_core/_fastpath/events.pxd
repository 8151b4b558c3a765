"""What a worker has to tell Python: a bounded ring of small records, written under the worker's lock."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t


cpdef enum EventKind:
    EVENT_DTLS = 1          # a DTLS datagram arrived: id = transport, payload = datagram
    EVENT_ICE_STATE         # id = transport, value = IceState
    EVENT_ICE_TUPLE         # id = transport: another tuple is selected
    EVENT_TUPLE             # id = plain transport that learned its peer's address (comedia)
    EVENT_PRODUCER_SCORE    # id = producer, payload = a byte 0-10 an encoding
    EVENT_CONSUMER_SCORE    # id = consumer, value = 0-10
    EVENT_CONSUMER_LAYERS   # id = consumer, value = spatial << 8 | temporal being forwarded; 0xFFFF: none
    EVENT_WANTED_LAYERS     # id = producer, value: bit i: somebody wants spatial layer, or encoding, i
    EVENT_ORIENTATION       # id = producer, value = the byte of 3GPP TS 26.114 §7.4.5
    EVENT_VOLUMES           # id = observer, payload = Volume each of the loudest, loudest first
    EVENT_SILENCE           # id = observer
    EVENT_RANKING           # id = observer, payload = uint32 each of the producers that speak most
    EVENT_DOMINANT          # id = observer, payload = uint32: the producer that became dominant


cdef struct EventHeader:
    uint32_t size           # payload bytes
    uint32_t id
    uint16_t kind
    uint16_t value


cdef struct EventRing:
    uint8_t* data
    uint32_t head           # bytes ever written and read, modulo 2^32
    uint32_t tail


cdef int events_init(EventRing* ring) noexcept nogil
cdef void events_free(EventRing* ring) noexcept nogil
# DROP_NONE, or DROP_EVENT_RING_FULL
cdef int events_put(EventRing* ring, int kind, uint32_t id, int value, const uint8_t* payload, uint32_t size) noexcept nogil
# Payload bytes copied to `out` (EVENT_BYTES_MAX of room), or -1 when the ring is empty.
cdef int events_take(EventRing* ring, EventHeader* header, uint8_t* out) noexcept nogil
