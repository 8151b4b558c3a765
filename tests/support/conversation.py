"""Conversations by script: who speaks when, and the levels (-dBov, one each 20 ms) of their microphones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

FRAME_S = 0.02
SILENCE = 127


@dataclass(frozen=True)
class Turn:
    speaker: int
    start_s: float
    end_s: float


def frames(seconds: float) -> int:
    return round(seconds / FRAME_S)


def noise(rng: Random, dbov: float, count: int, spread_db: float = 1.5) -> bytes:
    """A room's noise, a fan: steady but for the spread of short measurements."""
    return bytes(round(min(max(rng.gauss(-dbov, spread_db), 0), 127)) for _ in range(count))


def speech(rng: Random, dbov: float, count: int) -> bytes:
    """Words of syllables, short gaps between most, a breath each few; `SILENCE` where nothing is said."""
    levels = bytearray()
    words = rng.randint(4, 9)
    while len(levels) < count:
        for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
            length = frames(rng.uniform(0.12, 0.26))
            peak = dbov + rng.gauss(0, 3)
            dip = rng.uniform(8, 18)
            for i in range(length):
                height = math.sin(math.pi * (i + 0.5) / length) ** 0.5
                levels.append(round(min(max(dip * (1 - height) - peak + rng.gauss(0, 1.5), 0), 127)))
        words -= 1
        if words == 0:
            words = rng.randint(4, 9)
            levels += bytes([SILENCE]) * frames(rng.uniform(0.25, 0.7))
        elif rng.random() < 0.6:
            levels += bytes([SILENCE]) * frames(rng.uniform(0.02, 0.16))
    return bytes(levels[:count])


def mix(into: bytearray, levels: bytes, at_s: float) -> None:
    """The louder of both, from `at_s` on."""
    first = frames(at_s)
    for i, level in enumerate(levels[: max(len(into) - first, 0)], first):
        into[i] = min(into[i], level)


def turns(
    rng: Random, speakers: int, seconds: float, *, shortest_s: float = 2, longest_s: float = 10
) -> list[Turn]:
    """One after another: with a pause between them, or starting while the one before still speaks."""
    script: list[Turn] = []
    start_s, speaker = 0.5, -1
    while start_s + shortest_s < seconds:
        speaker = rng.choice([i for i in range(speakers) if i != speaker])
        end_s = min(start_s + rng.uniform(shortest_s, longest_s), seconds)
        script.append(Turn(speaker, start_s, end_s))
        start_s = end_s + rng.uniform(-0.3, 0.8)
    return script


def microphones(rng: Random, participants: int, seconds: float, script: list[Turn]) -> list[bytearray]:
    """Each with a loudness of its own (-34 to -20 dBov) and noise of its own (-70 to -50)."""
    levels = [bytearray(noise(rng, rng.uniform(-70, -50), frames(seconds))) for _ in range(participants)]
    loudness = [rng.uniform(-34, -20) for _ in range(participants)]
    for turn in script:
        mix(
            levels[turn.speaker],
            speech(rng, loudness[turn.speaker], frames(turn.end_s - turn.start_s)),
            turn.start_s,
        )
    return levels
