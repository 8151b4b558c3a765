"""See speakers.pxd."""

from libc.math cimport lgamma, log
from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove

cdef extern from *:
    int popcount "__builtin_popcountll"(uint64_t bits) noexcept nogil

cdef enum:
    # The three time scales of the paper. Immediate: steps of loudness in the last frame. Medium: frames with speech in
    # the last block. Long: blocks of speech in the last second.
    IMMEDIATE_STEP_DB = 4
    IMMEDIATE_MAX = 13
    BLOCK_FRAMES = 5
    BLOCK_SPEECH_FRAMES = 3     # from which a block counts as speech
    LONG_BLOCKS = 10

    # Ranking
    ENTRY_FRAMES = 6            # with speech, of the last ENTRY_SPAN_FRAMES, before anybody enters: clicks never do
    ENTRY_SPAN_FRAMES = 10
    PAUSE_FRAMES = 25           # without speech, after which a place is free: most pauses within a sentence are shorter
    CLEARLY = 32                # points ahead: 16 dB, or 0.6 s of speech in the last 1.3

cdef double C1 = 1.0            # how far ahead a challenger must be at each scale; differences of the scores below
cdef double C2 = 0.5
cdef double C3 = 0.0
cdef double[IMMEDIATE_MAX + 1] immediate_score
cdef double[BLOCK_FRAMES + 1] medium_score
cdef double[LONG_BLOCKS + 1] long_score


cdef void fill_scores(double* score, int n, double rate) noexcept:
    """By how many of `n` units are active: ln of the log-likelihood ratio of speech, where each is as often as not,
    to noise, where the number falls off exponentially with `rate`.
    """
    cdef double phi
    cdef int v
    for v in range(n + 1):
        phi = lgamma(n + 1) - lgamma(v + 1) - lgamma(n - v + 1) - n * log(2) - log(rate) + rate * v
        score[v] = log(max(phi, 1e-10))


fill_scores(immediate_score, IMMEDIATE_MAX, 2.6)
fill_scores(medium_score, BLOCK_FRAMES, 4)
fill_scores(long_score, LONG_BLOCKS, 5)


cdef struct Activity:
    double immediate
    double medium
    double long_term


cdef void speaker_init(SpeakerState* s) noexcept nogil:
    cdef int i
    s.frame = s.active_frame = -(1 << 40)
    s.active = 0
    s.loudness_q4 = 0
    s.excess = 0
    s.noise = NOISE_ASSUMED
    for i in range(NOISE_SPANS):
        s.spans[i] = NOISE_ASSUMED
    s.span_frames = 0
    s.level_sum = s.level_packets = 0


cdef inline void hear_noise(SpeakerState* s, uint8_t loudness, int frames) noexcept nogil:
    """Only time that was heard counts: nobody's voice becomes noise by a pause before it."""
    s.span_frames += frames
    if s.span_frames >= NOISE_SPAN_FRAMES:
        s.span_frames = 0
        memmove(&s.spans[1], &s.spans[0], NOISE_SPANS - 1)
        s.spans[0] = loudness
        s.noise = min(min(s.spans[0], s.spans[1]), min(s.spans[2], s.spans[3]))
    elif loudness < s.spans[0]:
        s.spans[0] = loudness
        s.noise = min(s.noise, loudness)


cdef void speaker_frame(SpeakerState* s, uint8_t loudness, int64_t frame) noexcept nogil:
    cdef int64_t passed = frame - s.frame
    cdef int frames = <int>passed if 0 <= passed <= SPEAKER_HOLD_FRAMES else 1
    cdef uint8_t noise, excess
    hear_noise(s, loudness, frames)
    noise = min(max(s.noise, <uint8_t>NOISE_MIN), <uint8_t>NOISE_MAX)
    excess = loudness - noise if loudness > noise else 0
    if passed > 0:
        s.frame = frame
        s.active = s.active << passed if passed < 64 else 0
        s.excess = excess
    else:  # several packets in a frame: the loudest
        frames = 1
        s.excess = max(s.excess, excess)
    if excess >= SPEAKER_EXCESS_DB:
        s.active |= (1 << frames) - 1
        s.active_frame = s.frame
        s.loudness_q4 += ((excess << 4) - s.loudness_q4) >> LOUDNESS_SHIFT


cdef inline uint64_t activity_bits(const SpeakerState* s, int64_t frame) noexcept nogil:
    """As they are at `frame`: until the next packet is overdue the last one goes on, then silence has been since it."""
    cdef int64_t passed = frame - s.frame
    if passed <= SPEAKER_HOLD_FRAMES:
        return s.active
    return s.active << passed if passed < 64 else 0


cdef int speaker_take_average(const SpeakerState* s, LevelMark* mark, uint32_t packets_min) noexcept nogil:
    cdef uint32_t packets = s.level_packets - mark.level_packets
    cdef uint32_t sum = s.level_sum - mark.level_sum
    mark.level_packets = s.level_packets
    mark.level_sum = s.level_sum
    if packets == 0 or packets < packets_min:
        return NO_LEVEL
    return -<int>((sum + packets // 2) // packets)


cdef Activity activity_of(const SpeakerState* s, uint64_t active, int64_t frame) noexcept nogil:
    cdef Activity a
    cdef int immediate = 0
    cdef int blocks = 0
    cdef int i
    if frame - s.frame <= SPEAKER_HOLD_FRAMES:
        immediate = min(s.excess // IMMEDIATE_STEP_DB, <int>IMMEDIATE_MAX)
    for i in range(LONG_BLOCKS):
        blocks += popcount((active >> (i * BLOCK_FRAMES)) & ((1 << BLOCK_FRAMES) - 1)) >= BLOCK_SPEECH_FRAMES
    a.immediate = immediate_score[immediate]
    a.medium = medium_score[popcount(active & ((1 << BLOCK_FRAMES) - 1))]
    a.long_term = long_score[blocks]
    return a


cdef int speakers_evaluate(SpeakerState** members, int n, int64_t now_us, int current) noexcept nogil:
    cdef int64_t frame = now_us // SPEAKER_FRAME_US
    cdef Activity dominant, a
    cdef uint64_t active
    cdef double ahead, most = 0
    cdef int best = current
    cdef int i
    dominant.immediate = immediate_score[0]
    dominant.medium = medium_score[0]
    dominant.long_term = long_score[0]
    if current >= 0:
        dominant = activity_of(members[current], activity_bits(members[current], frame), frame)
    for i in range(n):
        active = activity_bits(members[i], frame)
        if active == 0 or i == current:
            continue
        a = activity_of(members[i], active, frame)
        ahead = a.medium - dominant.medium
        if a.immediate - dominant.immediate <= C1 or ahead <= C2 or a.long_term - dominant.long_term <= C3:
            continue
        ahead += a.long_term - dominant.long_term  # several: the one most ahead
        if ahead > most:
            most = ahead
            best = i
    return best


cdef inline int points(const SpeakerState* s, uint64_t active) noexcept nogil:
    """For ranking: how much was said in the last 1.3 s, and how loudly; 0 from a pause on."""
    if active & (((<uint64_t>1) << PAUSE_FRAMES) - 1) == 0:
        return 0
    return popcount(active) + (s.loudness_q4 >> 3)


cdef inline bint clearly_more(int p, int other) noexcept nogil:
    return p > 0 if other == 0 else p >= other + CLEARLY


cdef int strongest_outside(
    SpeakerState** members, int n, int64_t frame, const int32_t* ranking, int count, int* best_points
) noexcept nogil:
    cdef uint64_t active
    cdef int best = -1
    cdef int i, j, p
    best_points[0] = 0
    for i in range(n):
        active = activity_bits(members[i], frame)
        if popcount(active & ((1 << ENTRY_SPAN_FRAMES) - 1)) < ENTRY_FRAMES:
            continue
        p = points(members[i], active)
        if p <= best_points[0]:
            continue
        for j in range(count):
            if ranking[j] == i:
                break
        else:
            best_points[0] = p
            best = i
    return best


cdef int weakest_inside(
    SpeakerState** members, int64_t frame, const int32_t* ranking, int count, int* least_points
) noexcept nogil:
    """Position in the ranking; of those long silent, whoever is so longest."""
    cdef const SpeakerState* s
    cdef int64_t since = INT64_MIN
    cdef int weakest = -1
    cdef int j, p
    for j in range(count):
        s = members[ranking[j]]
        p = points(s, activity_bits(s, frame))
        if weakest < 0 or p < least_points[0] or (p == least_points[0] and s.active_frame < since):
            weakest = j
            least_points[0] = p
            since = s.active_frame
    return weakest


cdef int speakers_rank(
    SpeakerState** members, int n, int64_t now_us, int32_t* ranking, int count, int k
) noexcept nogil:
    cdef int64_t frame = now_us // SPEAKER_FRAME_US
    cdef SpeakerState* s
    cdef int newcomer, newcomer_points, weakest, least_points, j, p, before
    count = min(count, k)
    for _ in range(k):
        newcomer = strongest_outside(members, n, frame, ranking, count, &newcomer_points)
        if newcomer < 0:
            break
        if count < k:
            count += 1
        else:
            weakest = weakest_inside(members, frame, ranking, count, &least_points)
            if not clearly_more(newcomer_points, least_points):
                break
            memmove(&ranking[weakest], &ranking[weakest + 1], (count - 1 - weakest) * sizeof(int32_t))
        ranking[count - 1] = newcomer
    for j in range(1, count):  # each rises past those who are clearly less active
        newcomer = ranking[j]
        s = members[newcomer]
        p = points(s, activity_bits(s, frame))
        while j > 0:
            s = members[ranking[j - 1]]
            before = points(s, activity_bits(s, frame))
            if not clearly_more(p, before):
                break
            ranking[j] = ranking[j - 1]
            j -= 1
        ranking[j] = newcomer
    return count


cdef class Speakers:
    """The microphones of one room, for tests."""

    cdef SpeakerState* states
    cdef SpeakerState** members
    cdef LevelMark* marks
    cdef int n

    def __cinit__(self, int n):
        cdef int i
        self.n = n
        self.states = <SpeakerState*>calloc(max(n, 1), sizeof(SpeakerState))
        self.members = <SpeakerState**>calloc(max(n, 1), sizeof(SpeakerState*))
        self.marks = <LevelMark*>calloc(max(n, 1), sizeof(LevelMark))
        if self.states == NULL or self.members == NULL or self.marks == NULL:
            raise MemoryError
        for i in range(n):
            self.members[i] = &self.states[i]
            speaker_init(&self.states[i])

    def __dealloc__(self):
        free(self.states)
        free(self.members)
        free(self.marks)

    cdef SpeakerState* member(self, int i) except NULL:
        if not 0 <= i < self.n:
            raise IndexError(i)
        return self.members[i]

    def packet(self, int i, uint8_t level, int64_t now_us):
        speaker_packet(self.member(i), level, now_us)

    def packets(self, int i, const uint8_t[::1] levels, int64_t now_us, int64_t interval_us=SPEAKER_FRAME_US):
        cdef SpeakerState* s = self.member(i)
        cdef Py_ssize_t j
        for j in range(levels.shape[0]):
            speaker_packet(s, levels[j], now_us + j * interval_us)

    def average(self, int i, uint32_t packets_min=1):
        cdef int average = speaker_take_average(self.member(i), &self.marks[i], packets_min)
        return None if average == NO_LEVEL else average

    def dominant(self, int64_t now_us, int current=-1):
        if not -1 <= current < self.n:
            raise IndexError(current)
        return speakers_evaluate(self.members, self.n, now_us, current)

    def rank(self, int64_t now_us, ranking, int k):
        cdef int32_t indices[64]
        cdef int count = len(ranking)
        if not 0 <= k <= 64 or count > 64:
            raise ValueError("a ranking has at most 64 places")
        for i in range(count):
            self.member(ranking[i])
            indices[i] = ranking[i]
        count = speakers_rank(self.members, self.n, now_us, indices, count, k)
        return [indices[i] for i in range(count)]

    def noise(self, int i):
        """dBov; as it is estimated."""
        return self.member(i).noise - 127

    @property
    def state_bytes(self):
        return sizeof(SpeakerState)
