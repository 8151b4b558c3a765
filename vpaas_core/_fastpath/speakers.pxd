"""Who is speaking: from the levels that packets carry (RFC 6464), without decoding anything.

Dominant speaker identification after I. Volfin and I. Cohen, "Dominant speaker identification for multipoint
videoconferencing" (Computer Speech & Language, 2013): activity is judged over an immediate, a medium and a long time,
and a challenger takes over when it is ahead in all three. Time is cut into frames; a bit says whether there was speech
in one. Where no packets come, nothing was said. What levels rise above is each microphone's own noise.

Plain data: no pointers, no clock. Only packets change a SpeakerState; to evaluate it again changes nothing.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef enum:
    SPEAKER_FRAME_US = 20000    # us; what one packet usually lasts
    SPEAKER_HOLD_FRAMES = 4     # that one packet may stand for: 60 ms of audio and some jitter
    SPEAKER_EXCESS_DB = 12      # dB above the noise from which a frame counts as speech
    LOUDNESS_SHIFT = 3          # of the average over frames with speech: 160 ms

    # Loudness is counted upwards here: 0 dBov is 127.
    NOISE_ASSUMED = 67          # -60 dBov; before anything is known of a microphone
    NOISE_MIN = 62              # -65 dBov; where noise is suppressed, breath still is no speech
    NOISE_MAX = 92              # -35 dBov; what is steady but louder yet is not a room's noise
    NOISE_SPANS = 4
    NOISE_SPAN_FRAMES = 25      # 4 of 0.5 s: speech falls back to the noise more often, a fan never does

    NO_LEVEL = 1                # instead of an average, which is never above 0 dBov


cdef struct SpeakerState:       # of one microphone
    int64_t frame               # the last heard of
    int64_t active_frame        # the last with speech
    uint64_t active             # bit i: speech in `frame` - i
    uint16_t loudness_q4        # dB above the noise, average over frames with speech
    uint8_t excess              # dB above the noise in `frame`
    uint8_t noise               # the lowest of `spans`
    uint8_t spans[NOISE_SPANS]  # lowest loudness of each, newest first
    uint8_t span_frames         # heard in the newest
    uint32_t level_sum          # of -dBov, modulo 2^32; it and the next for averages over any interval
    uint32_t level_packets


cdef struct LevelMark:          # where an average begins
    uint32_t level_sum
    uint32_t level_packets


cdef void speaker_init(SpeakerState* s) noexcept nogil
cdef void speaker_frame(SpeakerState* s, uint8_t loudness, int64_t frame) noexcept nogil


# A packet's level in -dBov, 0 to 127. The voice bit beside it is not asked: some senders always set it, others never.
cdef inline void speaker_packet(SpeakerState* s, uint8_t level, int64_t now_us) noexcept nogil:
    level &= 0x7F
    s.level_sum += level
    s.level_packets += 1
    speaker_frame(s, 127 - level, now_us // SPEAKER_FRAME_US)


# Average level since `mark` in dBov, -127 to 0, or NO_LEVEL when fewer than `packets_min` came. Moves the mark.
cdef int speaker_take_average(const SpeakerState* s, LevelMark* mark, uint32_t packets_min) noexcept nogil

# The dominant speaker's index: `current` (-1: nobody yet) unless somebody is ahead of it.
cdef int speakers_evaluate(SpeakerState** members, int n, int64_t now_us, int current) noexcept nogil

# Brings `ranking`, `count` indices of whom it was before, up to date: at most `k`, most active first. Returns the new count.
# Who is in it stays until somebody outside is clearly more active, also in silence.
cdef int speakers_rank(
    SpeakerState** members, int n, int64_t now_us, int32_t* ranking, int count, int k
) noexcept nogil
