from enum import IntFlag

class EventKind(IntFlag):
    EVENT_DTLS = 1
    EVENT_ICE_STATE = 2
    EVENT_ICE_TUPLE = 3
    EVENT_TUPLE = 4
