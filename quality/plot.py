"""Charts over time as inline SVG: no script, no network, readable in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

Point = tuple[float, float]

WIDTH, HEIGHT = 860, 190
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 26, 24
TICKS = 5
SPAN_S_MIN = 0.001


@dataclass(frozen=True)
class Series:
    label: str
    points: Sequence[Point]
    """(seconds, value)."""
    kind: Literal["line", "step", "dots"] = "line"


@dataclass(frozen=True)
class Span:
    """A stretch of time to be seen in a chart: a freeze, a burst of loss."""

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class Chart:
    title: str
    unit: str
    series: list[Series]
    start: float
    end: float
    """The times at the chart's edges; labels count from `start`."""
    spans: list[Span] = field(default_factory=list)
    limit: float | None = None
    """A line that values should stay below, or above."""

    def svg(self) -> str:
        return "\n".join(_Drawing(self).lines())


class _Drawing:
    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        values = [value for series in chart.series for _, value in series.points]
        highest = max([*values, chart.limit or 0]) or 1.0
        self.step = _round_step(highest / TICKS)
        self.top = self.step * math.ceil(highest / self.step)

    def x(self, at: float) -> float:
        chart = self.chart
        share = (at - chart.start) / max(chart.end - chart.start, SPAN_S_MIN)
        return round(LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM), 1)

    def lines(self) -> Iterator[str]:
        chart = self.chart
        yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(chart.title)}">'
        yield f'<text class="title" x="{LEFT}" y="16">{escape(f"{chart.title}, {chart.unit}")}</text>'
        yield from self.legend()
        yield from self.axes()
        for span in chart.spans:
            left, right = self.x(span.start), self.x(span.end)
            yield (
                f'<rect class="span" x="{left}" y="{TOP}" width="{max(right - left, 1.5):.1f}"'
                f' height="{HEIGHT - TOP - BOTTOM}"><title>{escape(span.label)}</title></rect>'
            )
        if chart.limit is not None:
            y = self.y(chart.limit)
            yield f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        for number, series in enumerate(chart.series):
            yield from self.drawn(number, series)
        yield "</svg>"

    def legend(self) -> Iterator[str]:
        x = WIDTH - RIGHT
        for number, series in reversed(list(enumerate(self.chart.series))):
            yield f'<text class="s{number} legend" x="{x}" y="16">{escape(series.label)}</text>'
            x -= 7 * len(series.label) + 16

    def axes(self) -> Iterator[str]:
        chart = self.chart
        for value in _ticks(self.top, self.step):
            y = self.y(value)
            yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
            yield f'<text class="tick" x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{value:g}</text>'
        span_s = max(chart.end - chart.start, SPAN_S_MIN)
        for at in _ticks(span_s, _round_step(span_s / 10)):
            x = self.x(chart.start + at)
            yield f'<text class="tick" x="{x}" y="{HEIGHT - 6}" text-anchor="middle">{at:g} s</text>'

    def drawn(self, number: int, series: Series) -> Iterator[str]:
        points = [(self.x(at), self.y(value)) for at, value in series.points]
        if series.kind == "dots":
            for x, y in points:
                yield f'<circle class="s{number}" cx="{x}" cy="{y}" r="1.6"/>'
            return
        path, last = [], None
        for x, y in points:
            if series.kind == "step" and last is not None:
                path.append(f"{x},{last}")
            path.append(f"{x},{y}")
            last = y
        if series.kind == "step" and last is not None:
            path.append(f"{WIDTH - RIGHT},{last}")
        yield f'<polyline class="s{number}" points="{" ".join(path)}"/>'


def _ticks(top: float, step: float) -> list[float]:
    return [number * step for number in range(int(top / step * 1.001) + 1)]


def _round_step(step: float) -> float:
    """The next of 1, 2, 5, 10, 20 ..."""
    power = 10 ** math.floor(math.log10(step))
    return next(float(power * each) for each in (1, 2, 5, 10) if power * each >= step * 0.999)
