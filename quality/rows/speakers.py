"""A thousand open microphones, three streams to each viewer. Over the simulated network."""

from __future__ import annotations

import asyncio

from benchmarks import suite
from quality.figures import Result
from tests.scenarios.test_active_speakers import LATENCY_S, converse
from tests.sim.network import Network

MICROPHONES, STREAMS = 1000, 3
LONG, QUICK = (24.0, 8), (8.0, 3)
"""Seconds, and how many of them speak in turn."""
RIGHT_SHARE = 0.95
COST_US = 1.0
SEED = 2


async def run(quick: bool) -> Result:
    result = Result(f"audio of {MICROPHONES} publishers, the {STREAMS} who speak")
    seconds, speakers = QUICK if quick else LONG
    heard, heard_later, dominant = await asyncio.to_thread(
        converse, Network(SEED), MICROPHONES, seconds, speakers
    )
    found = await asyncio.to_thread(suite.run, "test_audio.py", ["-k", "test_pipeline"])
    cost_ns = max(each["ns_per_packet"] for each in found if each["observed"])
    # `converse` itself fails unless a viewer has three streams, each of one microphone at a time.
    result.at_most(STREAMS, "streams to a viewer", STREAMS)
    result.at_least(round(heard, 3), "of what was said reached a viewer", RIGHT_SHARE)
    result.at_least(round(dominant, 3), "of the time the right dominant speaker", RIGHT_SHARE)
    result.at_most(cost_ns / 1000, "us of processor time a packet coming in", COST_US)
    result.notes.append(
        f"{speakers} of them take turns for {seconds:g} s (seed {SEED}); from {LATENCY_S:g} s after each"
        f" beginning on, {heard_later:.1%} was heard."
        " A packet's cost is that of scripts/bench audio, speakers followed."
    )
    return result
