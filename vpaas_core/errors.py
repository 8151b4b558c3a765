"""What a caller of vpaas_core can get wrong, or run out of. No packet from a peer raises any of these."""

# ruff: noqa: N818 - the names say what happened; the base class says that it is an error

from __future__ import annotations


class VpaasError(Exception):
    """Base of every error raised by vpaas_core."""


class InvalidParameters(VpaasError):
    """A value is malformed. `field` names it in the JSON spelling ("codecs[0].clockRate", "sdp")."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Unsupported(VpaasError):
    """The request is well formed, but asks for what this router or engine does not do."""


class NotFound(VpaasError):
    """No object has this id."""


class InvalidState(VpaasError):
    """The object exists, but not in a state that allows this: closed, or already connected."""


class ResourceLimit(VpaasError):
    """A documented bound (ports, transports, streams, memory) is reached."""
