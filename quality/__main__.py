"""`scripts/quality`: what viewers see when links are bad, layers change and others come and go."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
import traceback
from pathlib import Path

import uvloop

from quality import report
from quality.figures import Figure, Result
from quality.machine import Machine
from quality.rows import ROWS, Row

ATTEMPTS_MAX = 3
REPORT = Path("build/quality/report.html")


def main() -> None:
    options = _options()
    chosen = {
        name: row
        for name, row in ROWS.items()
        if not options.only or any(name.startswith(each) for each in options.only)
    }
    if not chosen:
        raise SystemExit(f"no such row; there are {', '.join(ROWS)}")
    results = [_run(name, row, quick=options.quick) for name, row in chosen.items()]
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(report.html(results))
    figures = [figure for result in results for figure in result.figures]
    if options.json:
        print(json.dumps([each.as_json() for each in figures], indent=1))
    else:
        print(_table(figures))
    print(REPORT, file=sys.stderr)
    raise SystemExit(not all(each.ok for each in figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/quality", description=__doc__)
    parser.add_argument("--json", action="store_true", help="a list of {row, figure, unit, limit, ok}")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; no record")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help=f"rows whose name starts so; may be repeated. There are {', '.join(ROWS)}",
    )
    return parser.parse_args()


def _run(name: str, row: Row, *, quick: bool) -> Result:
    """A row that fails is a row missed: the others go on."""
    print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
    started_s = time.monotonic()
    try:
        with (
            contextlib.redirect_stdout(sys.stderr),  # what rows say belongs to nobody's JSON
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            result = runner.run(_measure(row, quick=quick))
    except (Exception, SystemExit):  # whatever it is, it belongs into the report
        told = traceback.format_exc()
        result = Result(name, [Figure(name, None, "measured", 0)], notes=told.splitlines())
        print(told, file=sys.stderr)
    print(f"{_misses(result) or 'met'} ({time.monotonic() - started_s:.0f} s)", file=sys.stderr)
    return result


async def _measure(row: Row, *, quick: bool) -> Result:
    """Again when the machine was too busy to tell whose fault a miss is."""
    for attempt in range(1, ATTEMPTS_MAX + 1):  # noqa: B007 - told below
        async with Machine.watched() as machine:
            result = await row(quick)
        if all(each.ok for each in result.figures) or not machine.overloaded:
            break
        print(f"overloaded ({_misses(result)}) ...", end=" ", file=sys.stderr, flush=True)
    if machine.overloaded:
        result.notes.append("The machine was overloaded: see the last plot.")
    if attempt > 1:
        result.notes.append(f"Attempt {attempt}: those before missed on an overloaded machine.")
    result.charts.append(machine.chart())
    return result


def _misses(result: Result) -> str:
    return "; ".join(f"{each.figure} {each.unit}" for each in result.figures if not each.ok)


def _table(figures: list[Figure]) -> str:
    lines = ["| row | figure | limit | |", "|---|---:|---:|---|"]
    for each in figures:
        figure = "none" if each.figure is None else f"{each.figure:g}"
        verdict = "met" if each.ok else "MISSED"
        lines.append(f"| {each.row} | {figure} {each.unit} | {each.sense} {each.limit:g} | {verdict} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
