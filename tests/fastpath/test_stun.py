"""RFC 5769 vectors, aioice's codec as the oracle, and messages wrong in every way one can think of."""

import ipaddress
import struct

import pytest
from aioice import stun as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from stun_messages import (
    ICE_CONTROLLING,
    PRIORITY,
    TRANSACTION,
    USE_CANDIDATE,
    USERNAME,
    attribute,
    message,
    repaired,
    with_fingerprint,
    with_integrity,
    with_length,
)

from vpaas_core._fastpath import stun
from vpaas_core._fastpath.stun import StunError, StunKind

RFC5769_PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
RFC5769_TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")

# RFC 5769 §2.1
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
# RFC 5769 §2.2
RESPONSE_IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
# RFC 5769 §2.3
RESPONSE_IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c"
)

PASSWORD = b"0123456789abcdef0123456789abcdef"
CHECK = attribute(USERNAME, b"node:peer") + attribute(PRIORITY, b"\0\0\0\1")

ports = st.integers(0, 65535)
addresses = st.tuples(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str), ports)
ice_chars = st.characters(codec="ascii", categories=("L", "Nd"), include_characters="+/")
fragments = st.text(ice_chars, min_size=4, max_size=64)


def request(**fields: object) -> bytes:
    fields = {"username": b"node:peer", "password": PASSWORD, "priority": 1, "tie_breaker": 2} | fields
    return stun.build_binding_request(**fields)


def test_rfc5769_request() -> None:
    m = stun.parse(REQUEST)
    assert m.kind == StunKind.STUN_BINDING_REQUEST
    assert m.transaction_id == RFC5769_TRANSACTION
    assert (m.username, m.ufrag) == (b"evtj:h6vY", b"evtj")
    assert m.priority == 0x6E0001FF
    assert (m.controlled, m.controlling, m.use_candidate) == (0x932FF9B151263B36, None, False)
    assert m.unknown_attributes == []
    assert m.integrity_ok(RFC5769_PASSWORD)
    assert not m.integrity_ok(RFC5769_PASSWORD[:-1])


@pytest.mark.parametrize(
    ("data", "mapped"),
    [(RESPONSE_IPV4, ("192.0.2.1", 32853)), (RESPONSE_IPV6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853))],
    ids=["ipv4", "ipv6"],
)
def test_rfc5769_response(data: bytes, mapped: tuple[str, int]) -> None:
    m = stun.parse(data)
    assert m.kind == StunKind.STUN_BINDING_SUCCESS
    assert m.transaction_id == RFC5769_TRANSACTION
    assert m.mapped_address == mapped
    assert m.integrity_ok(RFC5769_PASSWORD)


@settings(max_examples=60)
@given(
    fragments,
    fragments,
    fragments,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.booleans(),
    st.booleans(),
)
def test_aioice_reads_our_request_and_we_read_its(
    ours: str, theirs: str, password: str, priority: int, tie_breaker: int, controlling: bool, nominate: bool
) -> None:
    username = f"{ours}:{theirs}"
    key = password.encode()
    built = stun.build_binding_request(
        username.encode(),
        key,
        priority=priority,
        tie_breaker=tie_breaker,
        controlling=controlling,
        use_candidate=nominate,
        transaction_id=TRANSACTION,
    )
    role = "ICE-CONTROLLING" if controlling else "ICE-CONTROLLED"
    attributes = {"USERNAME": username, "PRIORITY": priority, role: tie_breaker}
    if nominate:
        attributes["USE-CANDIDATE"] = None
    foreign = oracle.Message(oracle.Method.BINDING, oracle.Class.REQUEST, TRANSACTION, attributes)
    foreign.add_message_integrity(key)
    assert built == bytes(foreign)

    m = stun.parse(bytes(foreign))
    assert m.username == username.encode()
    assert m.ufrag == ours.encode()
    assert m.priority == priority
    assert (m.controlling, m.controlled) == ((tie_breaker, None) if controlling else (None, tie_breaker))
    assert m.use_candidate == nominate
    assert m.integrity_ok(key)


@settings(max_examples=60)
@given(addresses, st.binary(min_size=12, max_size=12))
def test_aioice_reads_our_success_response_and_we_read_its(
    mapped: tuple[str, int], transaction: bytes
) -> None:
    answer = stun.parse(request(transaction_id=transaction)).build_success(mapped, PASSWORD)
    theirs = oracle.parse_message(answer)
    assert theirs.message_class == oracle.Class.RESPONSE
    assert theirs.transaction_id == transaction
    assert theirs.check_message_integrity(PASSWORD)
    assert theirs.attributes["XOR-MAPPED-ADDRESS"] == mapped

    foreign = oracle.Message(
        oracle.Method.BINDING, oracle.Class.RESPONSE, transaction, {"XOR-MAPPED-ADDRESS": mapped}
    )
    foreign.add_message_integrity(PASSWORD)
    assert bytes(foreign) == answer
    host, port = stun.parse(answer).mapped_address or ("", 0)
    assert (ipaddress.ip_address(host), port) == (ipaddress.ip_address(mapped[0]), mapped[1])


@pytest.mark.parametrize("code", list(StunError))
def test_aioice_reads_our_error_response(code: StunError) -> None:
    answer = stun.parse(request()).build_error(code, PASSWORD)
    theirs = oracle.parse_message(answer)
    assert theirs.message_class == oracle.Class.ERROR
    assert theirs.error_code == code
    assert theirs.attributes["ERROR-CODE"][1]
    assert theirs.check_message_integrity(PASSWORD)
    assert stun.parse(answer).error_code == code


def test_420_lists_the_unknown_attributes_it_has_room_for() -> None:
    unknown = list(range(0x7001, 0x7001 + 11))
    body = CHECK + b"".join(attribute(kind, b"x") for kind in unknown)
    m = stun.parse(with_fingerprint(message(body, password=PASSWORD)))
    assert m.unknown_attributes == unknown[:8]
    answer = m.build_error(420, PASSWORD)
    assert len(answer) <= 256
    assert attribute(0x000A, struct.pack("!8H", *unknown[:8])) in answer


def test_attributes_that_need_no_understanding_are_ignored() -> None:
    in_the_wild = [0xC057, 0xC058, 0xC059, 0xC060, 0xC001, 0x8022, 0x0014, 0x0015, 0x0001]
    body = CHECK + b"".join(attribute(kind, b"abcde") for kind in in_the_wild)
    m = stun.parse(with_fingerprint(message(body, password=PASSWORD)))
    assert m.unknown_attributes == []
    assert m.integrity_ok(PASSWORD)


def test_only_fingerprint_counts_behind_message_integrity() -> None:
    appended = attribute(USE_CANDIDATE) + attribute(0x7001) + attribute(ICE_CONTROLLING, bytes(8))
    data = message(CHECK, password=PASSWORD) + appended
    m = stun.parse(with_fingerprint(data))
    assert m.integrity_ok(PASSWORD)
    assert not m.use_candidate
    assert m.controlling is None
    assert m.unknown_attributes == []


def test_of_a_repeated_attribute_the_first_counts() -> None:
    body = CHECK + attribute(USERNAME, b"evil:peer") + attribute(PRIORITY, b"\0\0\0\2")
    m = stun.parse(with_fingerprint(message(body, password=PASSWORD)))
    assert m.ufrag == b"node"
    assert m.priority == 1


def test_a_second_message_integrity_cannot_stand_in_for_the_first() -> None:
    forged = with_integrity(message(CHECK, password=b"guess"), PASSWORD)
    m = stun.parse(with_fingerprint(forged))
    assert not m.integrity_ok(PASSWORD)


@pytest.mark.parametrize("username", [b"", b"node", b":peer"])
def test_a_username_without_receiver_has_no_ufrag(username: bytes) -> None:
    body = attribute(USERNAME, username) + attribute(PRIORITY, bytes(4))
    m = stun.parse(with_fingerprint(message(body, password=PASSWORD)))
    assert m.ufrag is None
    assert m.username == username


def test_a_message_without_integrity_is_not_authentic() -> None:
    assert not stun.parse(with_fingerprint(message(CHECK))).integrity_ok(PASSWORD)
    assert not stun.parse(with_fingerprint(message(CHECK))).integrity_ok(b"")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(20),
        b"\x80" + request()[1:],
        request() + bytes(4),
        request()[:4] + bytes(4) + request()[8:],
        with_fingerprint(message(attribute(PRIORITY, bytes(3)))),
        with_fingerprint(message(attribute(PRIORITY, bytes(8)))),
        with_fingerprint(message(attribute(USE_CANDIDATE, b"x"))),
        with_fingerprint(message(attribute(ICE_CONTROLLING, bytes(4)))),
        with_fingerprint(message(attribute(0x0008, bytes(16)))),
        message(struct.pack("!HH", USERNAME, 5) + bytes(4)),
        message(struct.pack("!HH", USERNAME, 0xFFFF) + bytes(4)),
        with_length(with_fingerprint(message(CHECK)) + attribute(0x8022), len(CHECK) + 12),
        with_fingerprint(with_fingerprint(message(CHECK))),
        with_fingerprint(message(attribute(0x8022, bytes(1500)))),
    ],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^DROP_STUN_MALFORMED$"):
        stun.parse(data)


def test_a_request_needs_a_fingerprint_that_matches() -> None:
    with pytest.raises(ValueError, match=r"^DROP_STUN_FINGERPRINT$"):
        stun.parse(message(CHECK, password=PASSWORD))
    with pytest.raises(ValueError, match=r"^DROP_STUN_FINGERPRINT$"):
        stun.parse(request()[:-1] + bytes([request()[-1] ^ 1]))
    bare_response = message(b"", kind=StunKind.STUN_BINDING_SUCCESS, password=PASSWORD)
    assert stun.parse(bare_response).integrity_ok(PASSWORD)


vectors = pytest.mark.parametrize(
    "data", [REQUEST, RESPONSE_IPV4, RESPONSE_IPV6], ids=["request", "ipv4", "ipv6"]
)


@vectors
def test_a_truncated_message_is_refused_at_every_byte(data: bytes) -> None:
    for n in range(len(data)):
        with pytest.raises(ValueError, match=r"^DROP_STUN_"):
            stun.parse(data[:n])


@vectors
def test_a_truncated_message_whose_length_was_adapted_is_never_authentic(data: bytes) -> None:
    for n in range(20, len(data)):
        if n == len(data) - 8:  # whole but for the FINGERPRINT, which a response may lack
            continue
        with pytest.raises(ValueError, match=r"^DROP_STUN_"):
            authentic(with_length(data[:n], n - 20))


@vectors
def test_a_flipped_bit_is_never_authentic(data: bytes) -> None:
    for bit in range(8 * (len(data) - 8)):  # the FINGERPRINT behind it protects no content
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match=r"^DROP_STUN_"):
            authentic(bytes(flipped))
        if bit // 8 not in (2, 3):  # the length is repaired as well
            with pytest.raises(ValueError, match=r"^DROP_STUN_"):
                authentic(repaired(bytes(flipped)))


def authentic(data: bytes) -> stun.Message:
    m = stun.parse(data)
    if not m.integrity_ok(RFC5769_PASSWORD):
        raise ValueError("DROP_STUN_INTEGRITY")
    return m


@settings(max_examples=200)
@given(
    st.sampled_from(list(StunKind)),
    st.lists(
        st.tuples(st.integers(0, 0x40) | st.integers(0x8020, 0x8030), st.binary(max_size=40)), max_size=12
    ),
    st.binary(max_size=12),
)
def test_whatever_comes_every_view_of_it_stays_within(
    kind: StunKind, attributes: list[tuple[int, bytes]], tail: bytes
) -> None:
    body = b"".join(attribute(k, v) for k, v in attributes) + tail
    try:
        m = stun.parse(with_fingerprint(message(body, kind=kind)))
    except ValueError as refusal:
        assert str(refusal) in ("DROP_STUN_MALFORMED", "DROP_STUN_FINGERPRINT")  # noqa: PT017
        return
    assert m.username is None or m.username in body
    assert m.ufrag is None or b":" not in m.ufrag
    assert m.error_code is None or 0 <= m.error_code < 956
    assert len(m.unknown_attributes) <= 8
    for number in (m.priority, m.controlling, m.controlled):
        assert number is None or number >= 0
    assert m.mapped_address is None or len(m.mapped_address) == 2
    assert not m.integrity_ok(PASSWORD)
    assert len(m.build_error(420, PASSWORD)) <= 256
    assert len(m.build_success(("::1", 1), PASSWORD)) <= 256


def test_the_request_builder_checks_what_it_copies() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        request(transaction_id=b"short")
    with pytest.raises(ValueError, match="513 bytes"):
        request(username=b"x" * 514)
    assert stun.parse(request(username=b"x" * 513)).ufrag is None
