"""Signalling: protoo framing, one session a socket, and the rooms participants meet in."""
