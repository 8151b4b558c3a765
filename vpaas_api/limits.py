"""Bounds of what a client may ask for, with unit and reason. What an operator tunes is in settings.py."""

ROOM_NAME_CHARS = 500
EXTERNAL_ID_CHARS = 100
DISPLAY_NAME_CHARS = 100
METADATA_KEYS = 50
METADATA_KEY_CHARS = 40
METADATA_VALUE_CHARS = 500

ROOM_LIFE_S_DEFAULT = 3 * 3600
ROOM_LIFE_S_MAX = 72 * 3600  # from nbf to exp: a forgotten room does not stay for ever
ROOM_AHEAD_S_MAX = 366 * 86400  # how far ahead a room may be planned
PARTICIPANTS_MAX = 100_000
PAGE_SIZE_DEFAULT = 10
PAGE_SIZE_MAX = 100

TRANSPORTS_PER_CONNECTION = 8  # one to send and one to receive is usual; the rest is for replacing them
PRODUCERS_PER_PARTICIPANT = 32  # several cameras and screens
CONSUMERS_PER_CONNECTION = 2048  # two for each of 1000 participants
AUDIO_SLOTS_MAX = 8  # more voices at once nobody can tell apart
VIDEO_SLOTS_MAX = 25  # a screen of five by five
SPATIAL_LAYERS_MAX = 8  # of any codec (AV1 specification §6.2.3: 3 bits), and encodings of simulcast
TEMPORAL_LAYERS_MAX = 8
SPEAKER_INTERVAL_S = 0.3  # between two words on who speaks; eyes do not follow faster
HTTP_SESSIONS_PER_PARTICIPANT = 8  # WHIP and WHEP together; an encoder that restarts must not pile them up
APP_DATA_BYTES = 4096

assert ROOM_LIFE_S_DEFAULT <= ROOM_LIFE_S_MAX
assert PAGE_SIZE_DEFAULT <= PAGE_SIZE_MAX
