"""Who sends what to whom: transports, the receive streams of producers, consumers. Plain C structs, changed only under the lock."""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from vpaas_core._fastpath.account cimport Reception
from vpaas_core._fastpath.codecs.descriptor cimport DescriptorState
from vpaas_core._fastpath.codecs.svc cimport SvcFilter
from vpaas_core._fastpath.codecs.vp8_munger cimport Vp8Ids, Vp8Munger
from vpaas_core._fastpath.drop cimport DROP_REASON_COUNT
from vpaas_core._fastpath.history cimport History
from vpaas_core._fastpath.ice cimport IceLite
from vpaas_core._fastpath.limits cimport ENCODINGS_MAX
from vpaas_core._fastpath.nack cimport NackList
from vpaas_core._fastpath.net cimport Addr
from vpaas_core._fastpath.renumber cimport Renumber
from vpaas_core._fastpath.replay cimport ReplayWindow
from vpaas_core._fastpath.rtcp cimport ReportBlock
from vpaas_core._fastpath.rtp cimport EXT_KIND_COUNT, Packet
from vpaas_core._fastpath.score cimport Score
from vpaas_core._fastpath.speakers cimport SpeakerState
from vpaas_core._fastpath.srtp cimport SrtpKeys
from vpaas_core._fastpath.table cimport U64Map


cdef enum:
    ID_TEXT_MAX = 32        # bytes of a mid or rid: a two-byte header extension could carry more, no peer does
    CNAME_MAX = 32
    NO_PAYLOAD_TYPE = 255
    NO_LAYERS = 0xFFFF      # in layers_told
    SENT_REPORTS = 4        # sender reports that a viewer may answer: round trips to 4 s
    SPATIAL_LAYERS_MAX = 8  # SID of VP9 has 3 bits


cdef struct Pointers:
    void** items
    int count
    int capacity


cdef struct RtcpSender:     # SRTCP replay state of one sender (RFC 3711 §3.3.2)
    uint32_t ssrc
    uint32_t index_max
    uint64_t seen           # bit i: index_max - i
    int64_t last_us         # heard of


cdef struct Counters:
    uint64_t packets
    uint64_t bytes


cpdef enum TransportKind:
    TRANSPORT_WEBRTC
    TRANSPORT_PLAIN


cdef struct Transport:
    uint32_t id
    uint8_t kind
    bint secure                 # media is SRTP; nothing is accepted before the keys are there
    bint comedia                # the peer's address is learned from its first packet
    bint rtcp_mux
    Addr destination            # family 0: none yet
    Addr rtcp_destination
    SrtpKeys* srtp_in
    SrtpKeys* srtp_out
    uint32_t srtcp_index        # next to send; one for all our senders, so it grows for each of them
    uint32_t rtcp_ssrc          # sender of our reports and feedback
    uint16_t transport_cc_seq   # next to send, one for all packets of the transport
    int64_t rtcp_due_us
    int64_t rtt_us              # 0: not measured
    U64Map receive_ssrcs        # -> RecvStream, by its ssrc and by its rtx ssrc; one without producer: retired, nothing is accepted
    U64Map send_ssrcs           # -> Consumer, by its ssrc and by its rtx ssrc
    RtcpSender* rtcp_senders
    int rtcp_sender_count
    Pointers producers
    Pointers consumers
    uint8_t extension_kinds[256]
    uint32_t xr_ssrc            # who asked for our view of the round trip (RFC 3611 §4.4); 0: nobody
    uint64_t xr_ntp
    int64_t xr_arrival_us
    Counters received
    Counters sent
    uint64_t drops[DROP_REASON_COUNT]
    IceLite ice


cdef struct RecvStream:         # one encoding of a producer, as it arrives
    Producer* producer
    uint32_t ssrc               # 0: not known before a packet names it by mid, rid or payload type
    uint32_t rtx_ssrc
    uint32_t clock_rate
    uint8_t encoding            # index in its producer
    uint8_t rid_len
    bint bound_late             # ssrc was learned from a packet, and may change
    uint32_t stray_seq          # of plain RTP: 0x10000 | the number that would be the second in a row far from the others; 0: none
    char rid[ID_TEXT_MAX]
    ReplayWindow replay
    ReplayWindow rtx_replay
    Reception reception
    History history
    NackList nacks
    DescriptorState* descriptor # NULL: audio
    uint8_t temporal_top        # highest temporal layer seen
    int64_t unknown_us          # since when what comes refers to a structure that is not here; 0: it does not
    int64_t spatial_us[SPATIAL_LAYERS_MAX]  # last packet of each spatial layer
    int64_t key_seq             # first packet of the newest key frame; -1: none
    uint32_t key_timestamp
    int64_t key_us              # when it came
    uint64_t key_bytes          # since then
    Score score
    int64_t last_packet_us      # and its timestamp
    uint32_t last_timestamp
    uint64_t sr_ntp             # of the last sender report; 0: none yet
    uint32_t sr_timestamp
    int64_t sr_arrival_us
    int64_t key_frame_asked_us  # last request sent; 0: never
    bint key_frame_wanted       # asked for since the last key frame
    uint8_t fir_seq
    uint32_t restarts           # the source changed under the same mid or rid
    uint64_t key_frames
    uint64_t nacks_sent
    uint64_t plis_sent
    uint64_t rtx_packets


cdef struct Producer:
    uint32_t id
    Transport* transport
    bint video
    bint paused
    bint nack
    bint pli
    bint fir
    int64_t key_frame_request_delay_us
    int64_t key_frame_cache_us  # oldest key frame that a viewer may start with; 0: none, it waits for a new one
    uint8_t wanted              # bit i: some viewer wants spatial layer, or encoding, i; as Python was told
    int64_t wanted_us           # last time that all of `wanted` was wanted
    uint8_t orientation         # 0xFF: not told
    int encoding_count
    RecvStream* streams[ENCODINGS_MAX]
    Pointers consumers
    uint8_t mid_len
    uint8_t cname_len
    char mid[ID_TEXT_MAX]
    char cname[CNAME_MAX]
    uint8_t codec_by_pt[128]    # Codec; NO_PAYLOAD_TYPE: not the producer's
    uint8_t rtx_apt[128]        # of an RTX payload type, the one it repairs (RFC 4588 §8.6)
    int batch_first             # in the batch being forwarded; -1: nothing
    int batch_last
    SpeakerState* speaker       # NULL: nobody observes it


cdef struct SentPacket:         # enough to send it again, bit by bit the same; 32 bits of ext_seq, so that no other packet is meant
    uint32_t timestamp
    uint32_t seq                # outgoing
    uint32_t in_seq
    uint16_t sent_again_ms      # low 16 bits; 0: never
    uint8_t encoding
    uint8_t times_sent          # 0: no packet here; SENT_MARKER
    Vp8Ids ids                  # of a picture or, of what has a dependency descriptor, of a frame


cdef enum:
    SENT_MARKER = 0x80          # in times_sent: it left with the marker


cdef struct Layering:           # of a consumer of video
    SvcFilter filter
    Vp8Munger pictures          # VP8 and VP9
    uint16_t frame_offset       # outgoing = incoming - offset: frame numbers of dependency descriptors,
    uint16_t frame_newest       # and the newest sent


cdef struct SentReport:         # when a sender report left; RFC 3550 §6.4.1: a receiver report names it by its LSR
    uint32_t ntp_middle
    int64_t at_us


cdef struct Consumer:
    Transport* transport
    Producer* producer          # NULL: it is gone
    SentPacket* sent_packets    # NULL: audio without NACK
    Layering* layering          # NULL: audio
    uint32_t id
    uint32_t ssrc
    uint32_t rtx_ssrc
    uint32_t clock_rate
    bint paused
    bint ignore_dtx
    bint keyed                  # starts and switches at key frames only
    bint synced                 # its first packet since the start, resume or switch has been found
    bint other_source           # the current encoding began anew, with another clock
    bint mark_next              # the next packet begins a talk spurt of another source (RFC 3551 §4.1)
    bint catching_up            # is sent what it has missed, from the ring; see catch_up
    bint queued                 # among those of the pipeline that catch up
    int8_t current              # encoding being forwarded; -1: none yet
    int8_t target               # encoding to switch to at its next key frame
    int8_t preferred_spatial    # of the viewer, SVC_TOP: all there is
    int8_t preferred_temporal
    uint16_t layers_told        # as in EVENT_CONSUMER_LAYERS
    uint8_t rtx_pt              # NO_PAYLOAD_TYPE: retransmits plainly
    uint8_t mid_id              # header extension id; 0: not negotiated
    uint8_t mid_len
    uint8_t abs_send_time_id    # of what is written on sending; 0 too when retransmissions must be bit by bit the same
    uint8_t transport_cc_id
    uint8_t extension_ids[EXT_KIND_COUNT]   # of all others, by ExtensionKind
    Renumber numbers
    int64_t rtx_seq
    uint8_t payload_types[128]  # incoming -> outgoing; NO_PAYLOAD_TYPE: not consumed
    char mid[ID_TEXT_MAX]
    Counters sent
    Counters resent
    uint64_t payload_bytes
    SentReport reports_sent[SENT_REPORTS]
    uint8_t next_report
    ReportBlock report          # the viewer's last
    int64_t rtt_us
    uint64_t nacks
    uint64_t key_frame_requests
    uint64_t dropped
    int64_t cursor              # next packet to catch up with
    int64_t catch_up_us         # when it was last sent some, and what was left over
    int64_t catch_up_bytes
    int64_t resend_us           # the same of retransmissions
    int64_t resend_bytes
    int64_t sent_reported       # packets, at the viewer's last report,
    int64_t lost_q8             # and what its reports said was lost since the last score, << 8
    int64_t score_us
    Score score


cdef int pointers_add(Pointers* p, void* item) noexcept nogil
cdef void pointers_remove(Pointers* p, void* item) noexcept nogil

cdef Transport* transport_new(uint32_t id, int kind) noexcept nogil
cdef void transport_free(Transport* t) noexcept nogil          # its producers and consumers must be gone
cdef bint transport_ready(const Transport* t) noexcept nogil   # it can send

cdef Producer* producer_new(uint32_t id, Transport* t, bint video) noexcept nogil
cdef RecvStream* producer_add_stream(Producer* p, uint32_t ssrc, uint32_t rtx_ssrc, uint32_t clock_rate) noexcept nogil
cdef void producer_free(Producer* p) noexcept nogil            # its consumers stay, without a producer

# p: NULL for a slot, filled later
cdef Consumer* consumer_new(
    uint32_t id, Transport* t, Producer* p, bint video, uint32_t clock_rate, uint32_t ssrc, uint32_t rtx_ssrc
) noexcept nogil
# Another source under the same numbers, or none. 0, or -1 without memory.
cdef int consumer_bind(Consumer* c, Producer* p) noexcept nogil
# Its source begins anew, with another clock.
cdef void consumer_restart(Consumer* c) noexcept nogil
cdef void consumer_free(Consumer* c) noexcept nogil

# Binds an ssrc seen for the first time, in an authenticated packet, to the stream that claims it by mid, rid or payload type
# (RFC 9143 §9.2). NULL: nobody does.
cdef RecvStream* stream_bind(Transport* t, const Packet* p, uint32_t ssrc) noexcept nogil
# The source begins anew: other numbers, another clock. What was there of the old one is forgotten.
cdef void stream_restart(RecvStream* s) noexcept nogil
