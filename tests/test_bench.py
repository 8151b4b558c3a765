"""Forwarding keeps to its price. The benchmark itself checks that viewers receive what was sent."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

RATIO_MAX = 2.0
BYTES_PER_CONSUMER_MAX = 64 * 1024


def test_forwarding_costs_at_most_twice_the_floor() -> None:
    command = [sys.executable, "-m", "benchmarks", "forward", "--quick", "--json"]
    finished = subprocess.run(
        [*command, "--consumers=10,100", "--burst=10"], cwd=ROOT, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    rows = json.loads(finished.stdout)
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
