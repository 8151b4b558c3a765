"""Why a datagram or packet went no further. Each reason is a counter; Python reads them by name."""

cpdef enum DropReason:
    DROP_NONE = 0
    DROP_EMPTY              # no byte, or too short to tell a protocol (RFC 7983 §7)
    DROP_UNKNOWN_PROTOCOL   # first byte in no range of RFC 7983 §7
    DROP_UNKNOWN_PEER       # source address belongs to no transport
    DROP_NOT_READY          # media before DTLS has given the keys
    DROP_STUN_MALFORMED
    DROP_STUN_FINGERPRINT
    DROP_STUN_UNKNOWN_UFRAG
    DROP_STUN_INTEGRITY
    DROP_STUN_UNEXPECTED    # not a Binding request
    DROP_DTLS_MALFORMED
    DROP_EVENT_RING_FULL    # Python is too slow; DTLS will retransmit
    DROP_RTP_MALFORMED
    DROP_RTP_TOO_LARGE
    DROP_RTP_UNKNOWN_SSRC   # authenticated, but no producer claims it by ssrc, mid, rid or payload type
    DROP_RTP_UNKNOWN_PAYLOAD_TYPE
    DROP_RTP_DUPLICATE
    DROP_RTP_TOO_OLD
    DROP_RTX_MALFORMED
    DROP_SRTP_AUTH
    DROP_SRTP_REPLAY
    DROP_SRTP_MALFORMED
    DROP_RTCP_MALFORMED
    DROP_RTCP_UNKNOWN_SSRC
    DROP_PRODUCER_PAUSED
    DROP_CONSUMER_PAUSED
    DROP_WAITING_KEY_FRAME
    DROP_NOT_SELECTED       # another encoding than the one this consumer gets
    DROP_DTX                # of silence, which this consumer does not want
    DROP_LAYER              # of a layer that this consumer does not get
    DROP_LAYERS_MALFORMED   # its payload descriptor or dependency descriptor contradicts itself
    DROP_LAYERS_UNKNOWN     # described by a structure that was lost: forwarded later if that comes after all
    DROP_PADDING_ONLY       # no payload: a probe of the sender
    DROP_CONSUMER_OLD       # older than the point at which the consumer started or switched
    DROP_PAYLOAD_TYPE_NOT_CONSUMED
    DROP_NO_DESTINATION     # the consumer's transport has no selected tuple or no keys yet
    DROP_NACK_NOT_FOUND     # asked for a packet that the ring no longer holds
    DROP_NACK_TOO_SOON      # asked for again within a round trip, or too often
    DROP_NACK_RATE          # more retransmissions than one viewer may have
    DROP_SEND_FAILED        # the kernel refused the datagram
    DROP_SEND_BUFFER_FULL   # EAGAIN
    DROP_STREAM_LIMIT       # the peer opens more streams than a transport may have
    DROP_REASON_COUNT
