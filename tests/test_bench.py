"""Forwarding and taking in keep to their price. The benchmarks themselves check that nothing was lost."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

RATIO_MAX = 2.0
BYTES_PER_CONSUMER_MAX = 64 * 1024
INGRESS_NS_MAX = 1000


def bench(*arguments: str) -> Any:
    command = [sys.executable, "-m", "benchmarks", *arguments, "--quick", "--json"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return json.loads(finished.stdout)


def test_forwarding_costs_at_most_twice_the_floor() -> None:
    rows = bench("forward", "--consumers=10,100", "--burst=10")
    assert [(row["consumers"], row["burst"], row["profile"]) for row in rows] == [
        (consumers, 10, profile)
        for profile in ("AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80")
        for consumers in (10, 100)
    ]
    for row in rows:
        assert row["ns_per_packet"] > 0
        assert row["floor_ns_per_packet"] > 0
        assert row["bytes_per_consumer"] <= BYTES_PER_CONSUMER_MAX
        if row["consumers"] >= 100:
            assert row["ratio"] <= RATIO_MAX


def test_a_packet_of_a_thousand_microphones_is_taken_in_within_a_microsecond() -> None:
    rows = bench("audio")
    assert {(row["publishers"], row["observed"]) for row in rows} == {(1000, False), (1000, True)}
    assert all(0 < row["ns_per_packet"] <= INGRESS_NS_MAX for row in rows), rows
