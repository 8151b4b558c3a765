"""The rows of the table, a file each. A row's name is what `scripts/quality --only` takes."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from quality.figures import Result

from . import bursts, joins, late_joiner, layers, loss, slots, speakers

Row = Callable[[bool], Coroutine[Any, Any, Result]]
"""Called with whether it shall be quick."""

ROWS: dict[str, Row] = {
    **{f"layers-{each.name.lower().replace(' ', '-')}": partial(layers.run, each) for each in layers.FORMATS},
    "loss": loss.run,
    "bursts": bursts.run,
    **{f"late-joiner-{each.lower()}": partial(late_joiner.run, each) for each in late_joiner.CODECS},
    "joins": joins.run,
    "slots": slots.run,
    "speakers": speakers.run,
}
