"""Any STUN message, well made or not, put together in slow Python for the tests."""

import binascii
import hashlib
import hmac
import struct

COOKIE = 0x2112A442
TRANSACTION = bytes(range(12))

USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028
ICE_CONTROLLED = 0x8029
ICE_CONTROLLING = 0x802A


def attribute(kind: int, value: bytes = b"") -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def with_length(message: bytes, length: int) -> bytes:
    return message[:2] + struct.pack("!H", length) + message[4:]


def with_integrity(message: bytes, password: bytes) -> bytes:
    message = with_length(message, len(message) + 4)  # + 24 of the attribute - 20 of the header
    return message + attribute(MESSAGE_INTEGRITY, hmac.digest(password, message, hashlib.sha1))


def with_fingerprint(message: bytes) -> bytes:
    message = with_length(message, len(message) - 12)  # + 8 - 20
    return message + attribute(FINGERPRINT, struct.pack("!I", binascii.crc32(message) ^ 0x5354554E))


def message(body: bytes, *, kind: int = 0x0001, password: bytes | None = None) -> bytes:
    """Header and `body`, then MESSAGE-INTEGRITY when there is a password; no FINGERPRINT."""
    head = struct.pack("!HHI", kind, len(body), COOKIE) + TRANSACTION
    return head + body if password is None else with_integrity(head + body, password)


def repaired(data: bytes) -> bytes:
    """`data` with a FINGERPRINT that matches again, as a forger would send it."""
    return with_fingerprint(data[:-8])
