"""`scripts/bench forward`: CPU time per forwarded packet against the floor, and memory per consumer."""

import argparse
import json
from typing import Any

from benchmarks import suite

Row = dict[str, Any]

KEYS = (
    "consumers",
    "burst",
    "profile",
    "ns_per_packet",
    "floor_ns_per_packet",
    "ratio",
    "bytes_per_consumer",
)
SHORT_NAMES = {"AEAD_AES_128_GCM": "GCM", "AES_CM_128_HMAC_SHA1_80": "CM-80"}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench forward", description=__doc__)
    parser.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds: enough for a bound, not for a record"
    )
    parser.add_argument(
        "--consumers", default="1,10,100,500", help="numbers of viewers (default: %(default)s)"
    )
    parser.add_argument(
        "--burst", default="1,10,30", help="packets that arrive together (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    rows, memory = measure(options.consumers, options.burst, quick=options.quick)
    print(json.dumps(rows, indent=1) if options.json else table(rows, memory))


def measure(consumers: str, burst: str, *, quick: bool) -> tuple[list[Row], dict[str, Row]]:
    """One row a case, and what test_memory has found by profile."""
    found = suite.run(
        "test_forward.py", [f"--consumers={consumers}", f"--burst={burst}", *(["--quick"] if quick else [])]
    )
    memory = {each["profile"]: each for each in found if "bytes_per_consumer" in each}
    rows = [{**memory[each["profile"]], **each} for each in found if "ratio" in each]
    return [{key: row[key] for key in KEYS} for row in rows], memory


def table(rows: list[Row], memory: dict[str, Row]) -> str:
    """A line for each number of consumers and burst, a group of columns for each profile."""
    cases: dict[tuple[int, int], dict[str, Row]] = {(row["consumers"], row["burst"]): {} for row in rows}
    for row in rows:
        cases[row["consumers"], row["burst"]][row["profile"]] = row
    head = ["consumers, burst"]
    for profile in memory:
        head += [f"{SHORT_NAMES[profile]} ns", "floor", "ratio"]
    lines = []
    for (consumers, burst), by_profile in cases.items():
        line = [f"{consumers}, {burst}"]
        for profile in memory:
            row = by_profile[profile]
            line += [str(row["ns_per_packet"]), str(row["floor_ns_per_packet"]), f"{row['ratio']:.2f}"]
        lines.append(line)
    return "\n".join(
        [
            "Median CPU time per forwarded packet of 1200 bytes (before SRTP), loopback, full receivers:",
            "",
            suite.markdown(head, lines),
            "",
            "Memory per consumer, with its transport, SRTP keys and Python objects: "
            + _each(memory, "bytes_per_consumer")
            + ".",
            "OpenSSL's DTLS association, one a transport, comes on top: "
            + _each(memory, "bytes_per_association")
            + ".",
        ]
    )


def _each(memory: dict[str, Row], key: str) -> str:
    return ", ".join(f"{row[key] / 1024:.1f} KB ({SHORT_NAMES[profile]})" for profile, row in memory.items())
