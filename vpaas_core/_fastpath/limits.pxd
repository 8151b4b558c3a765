"""Every bound of the packet path, with its unit and reason."""

cdef enum:
    # Packets
    PACKET_BYTES_MAX = 1500             # bytes; an Ethernet MTU: no peer sends more in one UDP datagram on the internet
    SRTP_OVERHEAD_BYTES_MAX = 20        # bytes; 16-byte GCM tag + 4-byte SRTCP index
    DATAGRAM_BYTES_MAX = 1600           # bytes; PACKET_BYTES_MAX + SRTP overhead + grown header extensions, rounded up
    HEADER_EXTENSIONS_MAX = 12          # elements read from one packet; the rest are ignored

    # Batches
    RECV_MESSAGES_MAX = 32              # recvmmsg slots of 64 KB (one GRO message each)
    RECV_MESSAGE_BYTES = 65536          # bytes; the largest GRO message
    BATCH_PACKETS_MAX = 128             # RTP packets fanned out together; below HISTORY_PACKETS_AUDIO so that no slot is reused within a batch
    SEND_MESSAGES_MAX = 64              # sendmmsg slots; more gains nothing (limits.md: 64 and 128 cost the same)
    SEND_ARENA_BYTES = 262144           # bytes of datagrams awaiting sendmmsg; stays in L2
    GSO_SEGMENTS_MAX = 64               # segments a message: the kernel's UDP_MAX_SEGMENTS is 64 on older kernels
    GSO_BYTES_MAX = 64000               # bytes a message; IP's total length is 16 bits

    # Streams
    HISTORY_PACKETS_VIDEO = 512         # slots; 1.5 s of 3 Mbit/s
    HISTORY_PACKETS_AUDIO = 256         # slots; 5 s of 20 ms packets
    HISTORY_AGE_US_MAX = 2000000        # us; a retransmission later than this is of no use to a jitter buffer
    KEY_FRAME_CACHE_PACKETS_MAX = 4096  # slots a ring may grow to, to hold all since a key frame: 12 s of 3.5 Mbit/s, 6.5 MB
    OUT_MAP_PACKETS = 512               # sent packets a consumer can be asked for again
    DROPOUT_PACKETS_MAX = 3000          # packets that may be missing before plain RTP counts as begun anew (RFC 3550 §A.1)
    REPLAY_WINDOW_PACKETS = 1024        # packets; Chromium's own, and room for bursts reordered by a bad link
    STREAMS_PER_TRANSPORT_MAX = 256     # receive streams of one peer
    ENCODINGS_MAX = 4                   # simulcast encodings of a producer (features.md: 2-4)
    RTCP_SENDERS_MAX = 64               # SRTCP senders remembered per transport for replay

    # ICE
    ICE_TUPLES_MAX = 8                  # addresses remembered per transport
    ICE_UFRAG_BYTES_MAX = 64            # bytes; ours are 16, RFC 8445 allows 256
    ICE_PWD_BYTES_MAX = 64              # bytes; ours are 32
    ICE_CONSENT_TIMEOUT_US = 30000000   # us without a valid check (RFC 7675 §5.1)

    # Feedback
    NACK_LIST_MAX = 512                 # missing packets followed per stream
    NACK_REORDER_US = 2000              # us a gap may be mere reordering before it is asked for
    NACK_KEY_FRAME_REACH = 8            # packets before a key frame still followed: its parameter sets may be there
    NACK_RETRIES_MAX = 10               # requests for one packet
    RESENDS_MAX = 10                    # answers to one viewer for one packet: its NACKs are small, what they ask for is not
    NACK_INTERVAL_US_MIN = 20000        # us between two requests for one packet, when the round trip is shorter
    NACK_AGE_US_MAX = 2000000           # us after which a missing packet is given up
    RTCP_INTERVAL_US = 1000000          # us between reports (RFC 3550 §6.2 allows less for few members; browsers use 1 s)
    KEY_FRAME_REQUEST_DELAY_US = 500000 # us; default time between two requests to one stream

    RESEND_BPS_MAX = 8000000            # bit/s of retransmissions to one viewer, on the average
    RESEND_BYTES_MAX = 600000           # bytes of them at once: a NACK of 500 packets after an outage
    WANTED_HOLD_US = 3000000            # us a layer that nobody wants any more is still asked for: wishes change back

    # Layers and starts
    ENCODING_IDLE_US = 300000           # us a simulcast encoding may be silent while others of its producer are not, before it counts as stopped
    CATCH_UP_SPEED = 6                  # times the stream's own bitrate at which a viewer is sent what it has missed since the key frame,
    CATCH_UP_BPS_MIN = 4000000          # bit/s and at least so much: a key frame of 60 KB in 120 ms
    SOURCE_IDLE_US = 500000             # us without a packet after which the newest picture of a source is not the present any more
    SCORE_INTERVAL_US = 900000          # us between two scores of a viewer, at least: it may report more often than once a second

    # Control
    TICK_US = 10000                     # us; timers have this resolution
    EVENT_RING_BYTES = 1048576          # bytes of events not yet read by Python
    EVENT_RESERVE_BYTES = 131072        # bytes of it that datagrams may not take: 10000 changes of state
    EVENT_BYTES_MAX = 2048              # bytes of payload in one event: a DTLS datagram
    SOCKETS_MAX = 255                   # sockets of one worker: Addr.socket is a byte
