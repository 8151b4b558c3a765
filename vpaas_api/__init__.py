"""The platform service: rooms, tokens, signalling, WHIP and WHEP on top of the `vpaas_core` engine."""

__version__ = "0.1.0"
