"""`scripts/bench srtp`: protecting and unprotecting one packet, by profile and backend."""

import argparse
import json

from benchmarks import suite


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench srtp", description=__doc__)
    parser.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    options = parser.parse_args(arguments)
    rows = suite.run("test_srtp_speed.py", [])
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        head = ["work", "profile", "backend", "ns_per_packet"]
        print(suite.markdown(head, [[str(row[key]) for key in head] for row in rows]))
