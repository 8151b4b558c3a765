"""The two clocks the API shows: whole seconds since the epoch (nbf, exp) and RFC 3339 text (…At)."""

import time
from datetime import UTC, datetime


def now_s() -> int:
    """Wall clock, for what is stored and signed; timeouts use the event loop's monotonic time."""
    return int(time.time())


def rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
