"""SDP: grammar -> reader -> session (types), and negotiate: offers in, answers out."""

from .negotiate import NegotiatedSection, Negotiation, PlayNegotiation, PublishNegotiation
from .reader import parse
from .session import SessionDescription

__all__ = [
    "NegotiatedSection",
    "Negotiation",
    "PlayNegotiation",
    "PublishNegotiation",
    "SessionDescription",
    "parse",
]
