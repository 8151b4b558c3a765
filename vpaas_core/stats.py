"""Statistics as JSON-ready entries, in the shape of W3C's webrtc-stats."""

from __future__ import annotations

import re
from typing import Any

Stats = dict[str, Any]


def entry(kind: str, object_id: str, values: dict[str, Any]) -> Stats:
    """One entry of type `kind`; snake_case names become camelCase."""
    return {"type": kind, "id": object_id, **{_camel(name): value for name, value in values.items()}}


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
