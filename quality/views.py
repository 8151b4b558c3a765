"""The plots that most rows show of a viewer."""

from __future__ import annotations

from collections.abc import Sequence

from quality.plot import Chart, Point, Series, Span
from quality.timeline import Timeline


def pictures(timeline: Timeline, start: float, end: float, asked: list[Point]) -> Chart:
    """Heights asked for and shown."""
    shown = [(each.at, float(each.height)) for each in timeline.frames]
    series = [Series("shown", shown, "step"), Series("asked for", asked, "step")]
    return Chart("Height of the picture", "pixels", series[: 1 + bool(asked)], start, end)


def frames(start: float, end: float, **timelines: Timeline) -> Chart:
    series = [Series(name, each.frames_per_second()) for name, each in timelines.items()]
    return Chart("Frames shown", "a second", series, start, end)


def gaps(timeline: Timeline, start: float, end: float, limit_s: float, spans: Sequence[Span] = ()) -> Chart:
    """Time between pictures; Chromium's freezes are marked."""
    points = [(each.at, each.length_s * 1000) for each in timeline.gaps()]
    marks = [
        Span(f.at - f.length_s, f.at, f"freeze of {f.length_s * 1000:.0f} ms") for f in timeline.freezes()
    ]
    series = [Series("gap", points, "dots")]
    return Chart("Time since the picture before", "ms", series, start, end, [*spans, *marks], limit_s * 1000)


def bitrate(start: float, end: float, **timelines: Timeline) -> Chart:
    series = [Series(name, each.rate("bytesReceived", 8 / 1000)) for name, each in timelines.items()]
    return Chart("Received", "kbit/s", series, start, end)


def sent(publisher: Timeline, start: float, end: float) -> Chart:
    """What its encoders make: a viewer cannot see more."""
    rids = sorted({each["rid"] for each in publisher.samples})
    series = [Series(rid or "stream", publisher.encoding(rid).rate("framesEncoded")) for rid in rids]
    return Chart("Frames encoded by the publisher", "a second", series, start, end)


def repairs(timeline: Timeline, start: float, end: float, spans: Sequence[Span] = ()) -> Chart:
    """What was asked for again, and how."""
    counters = {
        "NACKed": "nackCount",
        "retransmitted": "retransmittedPacketsReceived",
        "key frames": "keyFramesDecoded",
        "PLI": "pliCount",
    }
    series = [Series(label, _from_zero(timeline.values(name)), "step") for label, name in counters.items()]
    return Chart("Repairs", "packets or frames so far", series, start, end, list(spans))


def _from_zero(points: list[Point]) -> list[Point]:
    return [(at, value - points[0][1]) for at, value in points]
