"""The paths by which media reaches and leaves a router."""

from .base import Transport
from .plain import PlainTransport
from .webrtc import WebRtcTransport

__all__ = ["PlainTransport", "Transport", "WebRtcTransport"]
