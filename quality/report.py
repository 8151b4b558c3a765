"""One HTML file with everything in it."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path

from quality.figures import Figure, Result

STYLE = Path(__file__).with_name("report.css")


def html(results: list[Result]) -> str:
    return "\n".join(_page(results)) + "\n"


def _page(results: list[Result]) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><meta charset="utf-8"><title>What viewers see</title>'
    yield f"<style>{STYLE.read_text()}</style><h1>What viewers see</h1>"
    yield from _table([figure for result in results for figure in result.figures], with_row=True)
    for result in results:
        yield f"<h2>{escape(result.title)}</h2>"
        yield from _table(result.figures, with_row=False)
        yield from (f'<p class="note">{escape(note)}</p>' for note in result.notes)
        yield from (chart.svg() for chart in result.charts)
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    yield f"<footer>{when}, {platform.machine()}, Python {platform.python_version()}</footer></html>"


def _table(figures: list[Figure], *, with_row: bool) -> Iterator[str]:
    yield "<table><tr>" + ("<th>row" if with_row else "") + "<th>figure<th>unit<th>limit<th></tr>"
    shown = ""
    for each in figures:
        row = f"<td>{escape(each.row) if each.row != shown else ''}" if with_row else ""
        shown = each.row
        figure = "none" if each.figure is None else f"{each.figure:g}"
        verdict = '<td class="good">met' if each.ok else '<td class="bad">missed'
        yield (
            f'<tr>{row}<td class="number">{figure}<td>{escape(each.unit)}'
            f'<td class="number">{each.sense} {each.limit:g}{verdict}</tr>'
        )
    yield "</table>"
