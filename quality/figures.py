"""What a row of the table says: figures with their limits, and the plots to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from quality.plot import Chart


@dataclass(frozen=True)
class Figure:
    row: str
    figure: float | None
    """None: it could not be measured."""
    unit: str
    limit: float
    sense: Literal["at most", "at least"] = "at most"

    @property
    def ok(self) -> bool:
        if self.figure is None:
            return False
        return self.figure <= self.limit if self.sense == "at most" else self.figure >= self.limit

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "figure": self.figure,
            "unit": self.unit,
            "limit": self.limit,
            "ok": self.ok,
        }


@dataclass
class Result:
    """Of one row."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What a reader of the plots should know."""

    def at_most(self, figure: float | None, unit: str, limit: float) -> None:
        self.figures.append(Figure(self.title, figure, unit, limit))

    def at_least(self, figure: float | None, unit: str, limit: float) -> None:
        self.figures.append(Figure(self.title, figure, unit, limit, "at least"))
