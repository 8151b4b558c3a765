"""Callbacks by event name, as every object of the engine offers them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

Callback = Callable[..., None]

log = logging.getLogger("vpaas_core")


class Emitter:
    """`on(event, callback)`; callbacks run on the event loop, in the order they were added."""

    EVENTS: tuple[str, ...] = ()
    """The events of this class; `on` refuses any other, so that a misspelt one is found at once."""

    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callback]] = {}

    def on(self, event: str, callback: Callback) -> None:
        """Call `callback` whenever `event` happens. Raises ValueError for an event that never does."""
        if event not in self.EVENTS:
            raise ValueError(f"{type(self).__name__} has no event {event!r}, only: {', '.join(self.EVENTS)}")
        self._callbacks.setdefault(event, []).append(callback)

    def _emit(self, event: str, *arguments: Any) -> None:
        for callback in list(self._callbacks.get(event, ())):
            try:
                callback(*arguments)
            except Exception:
                # One listener's mistake must not keep the others, or the object's own closing, from going on.
                log.exception("callback of %s on %r failed", type(self).__name__, event)
