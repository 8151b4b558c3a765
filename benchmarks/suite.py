"""Runs a file of benchmarks under pytest-benchmark and hands back what each of them has found."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def run(file: str, options: list[str]) -> list[dict[str, Any]]:
    """`extra_info` of every benchmark in benchmarks/`file`, in order; pytest's own report goes to stderr.

    Raises SystemExit when one of them fails.
    """
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            f"benchmarks/{file}",
            f"--benchmark-json={report}",
            "--benchmark-quiet",
            "-q",
            *options,
        ]
        finished = subprocess.run(command, cwd=ROOT, stdout=sys.stderr)
        if finished.returncode:
            raise SystemExit(finished.returncode)
        benchmarks = json.loads(report.read_text())["benchmarks"]
    return [benchmark["extra_info"] for benchmark in benchmarks]


def show(
    arguments: list[str], name: str, description: str | None, file: str, *, quick: str | None = None
) -> None:
    """A suite as it is: every `extra_info` a row. `quick`: the benchmarks that `--quick` leaves."""
    parser = argparse.ArgumentParser(prog=f"scripts/bench {name}", description=description)
    parser.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    if quick is not None:
        parser.add_argument("--quick", action="store_true", help=f"{quick} alone")
    options = parser.parse_args(arguments)
    rows = run(file, ["-k", quick] if quick is not None and options.quick else [])
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print(markdown(list(rows[0]), [[str(value) for value in row.values()] for row in rows]))


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table; columns whose first entry is a number are aligned to the right."""
    numeric = [cell.replace(".", "", 1).isdigit() for cell in rows[0]]
    lines = [head, ["---:" if right else "---" for right in numeric], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
