"""Conversations by script, and how well and how soon their speakers are found. `-s` prints the figures."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.conversation import (
    Turn,
    frames,
    microphones,
    mix,
    noise,
    speech,
    turns,
)
from vpaas_core._fastpath.speakers import Speakers

FRAME_US = 20_000
EVALUATION_FRAMES = 5  # 100 ms
SETTLED_S = 1.0  # after somebody begins, when the dominant speaker must be right
ENTERED_S = 0.3  # and when a viewer must hear them


@dataclass
class Heard:
    """What came of a conversation: who was dominant, and who was in the ranking, after each 100 ms."""

    at_s: list[float] = field(default_factory=list)
    dominant: list[int] = field(default_factory=list)
    ranking: list[list[int]] = field(default_factory=list)

    def right(self, script: list[Turn]) -> float:
        """Share of the time with the right one dominant: of each turn, from SETTLED_S on until the next."""
        judged = [
            dominant == turn.speaker
            for turn, end_s in zip(script, until(script), strict=True)
            for at_s, dominant in zip(self.at_s, self.dominant, strict=True)
            if turn.start_s + SETTLED_S <= at_s < end_s
        ]
        return sum(judged) / len(judged)

    def latencies(self, script: list[Turn], found: Callable[[int, int], bool]) -> list[float]:
        """Of each turn, until `found(moment, speaker)`; ascending."""
        late = []
        for turn in script:
            moments = (i for i, at_s in enumerate(self.at_s) if at_s >= turn.start_s)
            late.append(
                next((self.at_s[i] - turn.start_s for i in moments if found(i, turn.speaker)), float("inf"))
            )
        return sorted(late)

    def switches(self) -> int:
        return sum(a != b for a, b in zip(self.dominant, self.dominant[1:], strict=False))

    def reshuffles(self) -> int:
        return sum(set(a) != set(b) for a, b in zip(self.ranking, self.ranking[1:], strict=False))


def until(script: list[Turn]) -> list[float]:
    return [turn.start_s for turn in script[1:]] + [script[-1].end_s]


def listen(mics: list[bytearray], *, k: int = 3, packet_frames: int = 1, jitter_us: int = 0) -> Heard:
    rng = Random(1)
    speakers, heard = Speakers(len(mics)), Heard()
    dominant, ranking = -1, list[int]()
    for first in range(0, len(mics[0]), EVALUATION_FRAMES):
        last = first + EVALUATION_FRAMES
        for i, levels in enumerate(mics):
            if packet_frames == 1 and not jitter_us:
                speakers.packets(i, bytes(levels[first:last]), first * FRAME_US)
                continue
            for frame in range(first, min(last, len(levels))):
                if frame % packet_frames == 0:
                    speakers.packet(i, levels[frame], frame * FRAME_US + rng.randint(0, jitter_us))
        now_us = last * FRAME_US
        dominant = speakers.dominant(now_us, dominant)
        ranking = speakers.rank(now_us, ranking, k)
        heard.at_s.append(now_us / 1e6)
        heard.dominant.append(dominant)
        heard.ranking.append(ranking)
    return heard


def quantiles(name: str, late: list[float]) -> None:
    at = {p: late[min(int(p * len(late) / 100), len(late) - 1)] for p in (50, 95, 99)}
    print(f"{name}: " + ", ".join(f"p{p} {value * 1000:.0f} ms" for p, value in at.items()))


def disturb(rng: Random, mics: list[bytearray], seconds: float, how: str) -> None:
    def anywhere(levels: bytes) -> None:
        mix(rng.choice(mics), levels, rng.uniform(1, seconds - 1))

    for _ in range(round(seconds / 3)):
        if how == "coughs":
            anywhere(bytes([rng.randint(10, 30)]) * 5)
        elif how == "keyboards":
            for _ in range(15):
                anywhere(bytes([rng.randint(20, 35)]) * rng.randint(1, 2))
        elif how == "assent":
            anywhere(speech(rng, -28, frames(rng.uniform(0.25, 0.4))))


# Conversations


@pytest.mark.parametrize("participants", [2, 4, 8, 25])
@pytest.mark.parametrize("how", ["", "coughs", "keyboards", "assent"])
def test_a_conversation(participants: int, how: str) -> None:
    right, dominant_late, entry_late = list[float](), list[float](), list[float]()
    for seed in range(5):
        rng = Random(seed)
        script = turns(rng, participants, 90)
        mics = microphones(rng, participants, 90, script)
        disturb(rng, mics, 90, how)
        heard = listen(mics)
        right.append(heard.right(script))
        dominant_late += heard.latencies(script, lambda i, who, h=heard: h.dominant[i] == who)  # type: ignore[misc]
        entry_late += heard.latencies(script, lambda i, who, h=heard: who in h.ranking[i])  # type: ignore[misc]
        assert heard.switches() <= len(script) * 1.1 + 2
    dominant_late.sort()
    entry_late.sort()
    print(f"\n{participants} people, {how or 'calm'}: right {min(right):.3f} of the time")
    quantiles("dominant after", dominant_late)
    quantiles("among three after", entry_late)
    assert min(right) >= 0.97
    assert dominant_late[len(dominant_late) // 2] <= 0.5
    assert dominant_late[int(len(dominant_late) * 0.95)] <= SETTLED_S
    assert entry_late[int(len(entry_late) * 0.95)] <= ENTERED_S


@pytest.mark.parametrize(
    ("packet_frames", "jitter_us"), [(3, 0), (1, 40_000)], ids=["60 ms packets", "40 ms of jitter"]
)
def test_packets_of_other_lengths_and_uneven_arrival(packet_frames: int, jitter_us: int) -> None:
    rng = Random(7)
    script = turns(rng, 6, 120)
    heard = listen(microphones(rng, 6, 120, script), packet_frames=packet_frames, jitter_us=jitter_us)
    assert heard.right(script) >= 0.97
    late = heard.latencies(script, lambda i, who: who in heard.ranking[i])
    assert late[int(len(late) * 0.95)] <= 0.4


def test_discontinuous_transmission_is_silence() -> None:
    """Microphones that send only speech, and a second of silence every ten (RFC 7587 §3.1.3 allows it)."""
    rng = Random(3)
    script = turns(rng, 5, 60)
    mics = microphones(rng, 5, 60, script)
    speakers, dominant, right = Speakers(5), -1, list[bool]()
    for frame in range(len(mics[0])):
        for i, levels in enumerate(mics):
            if levels[frame] < 45 or frame % 500 < 50:
                speakers.packet(i, levels[frame], frame * FRAME_US)
        if frame % EVALUATION_FRAMES == 0:
            dominant = speakers.dominant(frame * FRAME_US, dominant)
            right += [
                dominant == turn.speaker
                for turn, end_s in zip(script, until(script), strict=True)
                if turn.start_s + SETTLED_S <= frame * FRAME_US / 1e6 < end_s
            ]
    assert sum(right) / len(right) >= 0.97


def test_a_cough_is_never_dominant_but_speech_after_it_is() -> None:
    speakers = Speakers(2)
    for second in range(20):  # at every offset against the evaluations, of a quiet room
        speakers.packets(0, noise_of(50), second * 1_000_000)
        cough = bytearray(noise_of(50))
        cough[10:15] = bytes([5]) * 5
        speakers.packets(1, bytes(cough), second * 1_000_000)
        for frame in range(50):
            assert speakers.dominant(second * 1_000_000 + frame * FRAME_US, -1) == -1
    speakers.packets(1, speech(Random(1), -25, 50), 20_000_000)
    assert speakers.dominant(21_000_000, -1) == 1


def noise_of(count: int, dbov: float = -65) -> bytes:
    return noise(Random(2), dbov, count)


# Noise


@pytest.mark.parametrize("dbov", [-45, -40, -35, -30])
def test_a_loud_fan_is_no_speaker(dbov: int) -> None:
    rng = Random(4)
    script = turns(rng, 4, 90)
    mics = microphones(rng, 5, 90, script)
    mics[4] = bytearray(noise(rng, dbov, frames(90)))
    heard = listen(mics)
    script = [turn for turn in script if turn.start_s > 3]
    assert heard.right(script) >= 0.97
    assert 4 not in heard.dominant[30:]
    print(f"\nfan of {dbov} dBov: right {heard.right(script):.3f}")


def test_who_sits_beside_the_fan_is_heard_over_it() -> None:
    rng = Random(4)
    script = turns(rng, 3, 90)
    mics = [bytearray(noise(rng, dbov, frames(90))) for dbov in (-42, -60, -60)]
    for turn in script:
        mix(mics[turn.speaker], speech(rng, -20, frames(turn.end_s - turn.start_s)), turn.start_s)
    heard = listen(mics)
    assert heard.right([turn for turn in script if turn.start_s > 3]) >= 0.95


@pytest.mark.parametrize("dbov", [-80, -65, -50, -40])
def test_the_noise_is_learned_in_two_seconds(dbov: int) -> None:
    speakers = Speakers(1)
    speakers.packets(0, noise_of(150, dbov), 0)
    assert dbov - 8 <= speakers.noise(0) <= dbov
    speakers.packets(0, speech(Random(1), -20, 250), 3_000_000)  # with its pauses: as quiet as possible
    speakers.packets(0, noise_of(150, dbov), 8_000_000)
    assert dbov - 8 <= speakers.noise(0) <= dbov


def test_silence_before_it_does_not_make_a_voice_noise() -> None:
    """Muted for an hour, then speaking at once: nothing but speech has been heard since."""
    speakers = Speakers(1)
    speakers.packets(0, noise_of(200), 0)
    hour_us = 3_600_000_000
    speakers.packets(0, speech(Random(1), -30, 15), hour_us)
    assert speakers.rank(hour_us + 15 * FRAME_US, [], 3) == [0]


def test_a_test_tone_is_a_speaker() -> None:
    """Scripts of other people's tests: one level while speaking, another while not."""
    speakers, dominant = Speakers(3), -1
    for second in range(12):
        talking = second // 4
        for i in range(3):
            speakers.packets(i, bytes([20 if i == talking else 90]) * 50, second * 1_000_000)
        dominant = speakers.dominant(second * 1_000_000 + 999_999, dominant)
        assert dominant == talking


# Ranking


def test_silence_keeps_the_last_speakers() -> None:
    speakers, ranking = Speakers(8), list[int]()
    for i in (5, 2, 7):
        speakers.packets(i, speech(Random(i), -25, 50), i * 1_000_000)
        ranking = speakers.rank((i + 1) * 1_000_000, ranking, 3)
    assert sorted(ranking) == [2, 5, 7]
    for second in range(10, 600, 10):
        assert speakers.rank(second * 1_000_000, ranking, 3) == ranking
        assert speakers.dominant(second * 1_000_000, 5) == 5


def test_who_has_been_silent_longest_makes_room() -> None:
    speakers, ranking = Speakers(5), list[int]()
    for turn, (speaker, expected) in enumerate(
        [
            (0, {0}),
            (1, {0, 1}),
            (2, {0, 1, 2}),
            (0, {0, 1, 2}),
            (3, {0, 2, 3}),
            (4, {0, 3, 4}),
            (1, {1, 3, 4}),
        ]
    ):
        speakers.packets(speaker, speech(Random(turn), -25, 50), turn * 2_000_000)
        ranking = speakers.rank(turn * 2_000_000 + 1_000_000, ranking, 3)
        assert ranking[0] == speaker
        assert set(ranking) == expected


@pytest.mark.parametrize(("talking", "per_minute"), [(2, 2), (3, 2), (4, 60), (10, 60)])
def test_places_do_not_flap_when_many_speak_at_once(talking: int, per_minute: int) -> None:
    rng = Random(5)
    mics = [bytearray(noise(rng, -60, frames(60))) for _ in range(12)]
    for i in range(talking):
        mix(mics[i], speech(rng, -20 - 3 * i, frames(60)), 0)
    heard = listen(mics)
    print(f"\n{talking} at once: {heard.reshuffles()} changes of the three heard in 60 s")
    assert heard.reshuffles() <= per_minute
    shares = [sum(i in ranking for ranking in heard.ranking) for i in range(12)]
    if talking > 3:
        assert sum(shares[:4]) > 0.7 * sum(shares)  # the loudest, mostly
    assert sum(shares[talking:]) == 0


def test_fewer_places_than_before() -> None:
    speakers = Speakers(4)
    for i in range(4):
        speakers.packets(i, speech(Random(i), -25, 50), 0)
    ranking = speakers.rank(1_000_000, [], 4)
    assert len(ranking) == 4
    assert speakers.rank(1_000_000, ranking, 2) == ranking[:2]
    assert speakers.rank(1_000_000, ranking, 0) == []


# Averages


def test_the_average_of_an_interval() -> None:
    speakers = Speakers(1)
    assert speakers.average(0) is None
    speakers.packets(0, bytes([20, 30, 41]), 0)
    assert speakers.average(0) == -30
    assert speakers.average(0) is None
    speakers.packets(0, bytes([127] * 9), 100_000)
    assert speakers.average(0, packets_min=10) is None
    speakers.packets(0, bytes([0] * 10), 200_000)
    assert speakers.average(0, packets_min=10) == 0


# Properties

LEVELS = st.integers(0, 127)


@given(
    st.lists(st.tuples(st.integers(0, 5), LEVELS, st.integers(-50_000, 400_000)), max_size=300),
    st.integers(0, 8),
)
@settings(max_examples=60, deadline=None)
def test_whatever_comes(packets: list[tuple[int, int, int]], k: int) -> None:
    speakers, again = Speakers(6), Speakers(6)
    now_us, dominant, ranking = 1_000_000, -1, list[int]()
    heard = set[int]()
    for i, level, step_us in packets:
        now_us += step_us  # backwards too
        speakers.packet(i, level, now_us)
        again.packet(i, level, now_us)
        heard.add(i)
        before = ranking
        dominant, ranking = speakers.dominant(now_us, dominant), speakers.rank(now_us, ranking, k)
        assert dominant in heard | {-1}
        assert len(set(ranking)) == len(ranking) <= k
        assert set(ranking) <= heard
        assert len(ranking) >= len(before)
        # to look changes nothing, and the same packets mean the same
        assert dominant == speakers.dominant(now_us, dominant) == again.dominant(now_us, dominant)
        assert again.rank(now_us, before, k) == ranking
    if packets:
        assert speakers.average(packets[0][0]) is not None


@given(st.lists(LEVELS, min_size=1, max_size=400), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_silence_for_long_is_forgotten(levels: list[int], silence: int) -> None:
    """Whoever has not been heard for 1.3 s is no challenger."""
    speakers = Speakers(2)
    speakers.packets(0, bytes(levels), 0)
    now_us = (len(levels) + 64 + silence) * FRAME_US
    assert speakers.dominant(now_us, 1) == 1
    assert speakers.rank(now_us, [1], 1) == [1]


# Cost


@pytest.mark.parametrize("talking", [3, 50, 1000])
def test_a_thousand_microphones_cost_little(talking: int) -> None:
    """Generous limits: this runs beside other work. Figures are printed."""
    speakers = Speakers(1000)
    rng = Random(6)
    voices = [speech(rng, -25, 100) for _ in range(20)]
    hum = noise_of(100)
    for i in range(1000):
        speakers.packets(i, voices[i % 20] if i < talking else hum, 0)
    now_us = 100 * FRAME_US
    ranking = speakers.rank(now_us, [], 10)

    def fastest(call: Callable[[], object], times: int) -> float:
        best = float("inf")
        for _ in range(5):
            begin = time.perf_counter()
            for _ in range(times):
                call()
            best = min(best, (time.perf_counter() - begin) / times)
        return best

    dominant_s = fastest(lambda: speakers.dominant(now_us, -1), 100)
    rank_s = fastest(lambda: speakers.rank(now_us, ranking, 10), 100)
    levels = voices[0] * 100
    packet_s = fastest(lambda: speakers.packets(0, levels, now_us), 1) / len(levels)
    print(f"\n{talking} of 1000 speak: dominant {dominant_s * 1e6:.1f} us, ranking {rank_s * 1e6:.1f} us")
    print(f"{packet_s * 1e9:.1f} ns a packet, {speakers.state_bytes} bytes a microphone")
    assert max(dominant_s, rank_s) < 200e-6
    assert packet_s < 100e-9
    assert speakers.state_bytes <= 64
