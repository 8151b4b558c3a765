"""The lite agent against checks good and bad, on a simulated clock; then against aioice over real sockets."""

import asyncio
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import aioice
import aioice.ice
import pytest
from aioice import stun as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from stun_messages import (
    ICE_CONTROLLING,
    PRIORITY,
    USERNAME,
    attribute,
    message,
    repaired,
    with_fingerprint,
)

from vpaas_core._fastpath import stun
from vpaas_core._fastpath.drop import DropReason
from vpaas_core._fastpath.ice import Handled, IceAgentLite, IceChange, IceState

UFRAG, PASSWORD = b"nodeufrag0123456", b"node-password-of-32-bytes-or-so!"
NEW_UFRAG, NEW_PASSWORD = b"nodeufrag6543210", b"another-password-of-32-bytes-too"
CLIENT = ("192.0.2.1", 50000)
MOVED = ("198.51.100.7", 40000)
IPV6 = ("2001:db8::7", 50000)
SECOND = 1_000_000

STATE, ADDED, SELECTED, EVICTED, RESTARTED = (
    IceChange.ICE_STATE_CHANGED,
    IceChange.ICE_TUPLE_ADDED,
    IceChange.ICE_SELECTED_CHANGED,
    IceChange.ICE_TUPLE_EVICTED,
    IceChange.ICE_RESTARTED,
)


def check(
    *,
    ufrag: bytes = UFRAG,
    password: bytes = PASSWORD,
    nominate: bool = False,
    controlling: bool = True,
    transaction_id: bytes | None = None,
) -> bytes:
    return stun.build_binding_request(
        ufrag + b":peer",
        password,
        priority=0x6E0001FF,
        tie_breaker=7,
        controlling=controlling,
        use_candidate=nominate,
        transaction_id=transaction_id,
    )


@pytest.fixture
def agent() -> IceAgentLite:
    return IceAgentLite(UFRAG, PASSWORD)


@contextmanager
def unchanged(agent: IceAgentLite) -> Iterator[None]:
    """Whatever happens inside must leave no trace in the agent."""

    def seen() -> object:
        return agent.state, agent.selected, agent.tuples

    before = seen()
    yield
    assert seen() == before


def assert_dropped(handled: Handled, reason: DropReason) -> None:
    assert handled == Handled(reason, None, 0, None)


def error_code(handled: Handled) -> int | None:
    assert handled.reason == DropReason.DROP_NONE
    assert handled.answer is not None
    answer = oracle.parse_message(handled.answer)
    assert answer.check_message_integrity(PASSWORD)
    return answer.error_code


@pytest.mark.parametrize("source", [CLIENT, IPV6], ids=["ipv4", "ipv6"])
def test_the_first_check_connects_and_is_told_its_address(
    agent: IceAgentLite, source: tuple[str, int]
) -> None:
    assert (agent.state, agent.selected) == (IceState.ICE_NEW, None)
    transaction = bytes(range(12))
    handled = agent.handle(check(transaction_id=transaction), source, 0)
    assert handled.reason == DropReason.DROP_NONE
    assert handled.changed == STATE | ADDED | SELECTED
    answer = oracle.parse_message(handled.answer or b"")
    assert answer.message_class == oracle.Class.RESPONSE
    assert answer.transaction_id == transaction
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == source
    assert answer.check_message_integrity(PASSWORD)
    assert (agent.state, agent.selected) == (IceState.ICE_CONNECTED, source)


def test_nomination_completes(agent: IceAgentLite) -> None:
    agent.handle(check(), CLIENT, 0)
    assert agent.handle(check(nominate=True), CLIENT, 1).changed == STATE
    assert agent.state == IceState.ICE_COMPLETED
    assert agent.handle(check(nominate=True), CLIENT, 2).changed == 0


def test_without_nomination_media_goes_to_the_newest_tuple_and_does_not_flap(agent: IceAgentLite) -> None:
    agent.handle(check(), CLIENT, 0)
    assert agent.handle(check(), IPV6, 1).changed == ADDED | SELECTED
    for now_us in range(2, 6):
        assert agent.handle(check(), CLIENT if now_us % 2 else IPV6, now_us).changed == 0
    assert (agent.state, agent.selected) == (IceState.ICE_CONNECTED, IPV6)


def test_a_client_that_moves_nominates_again_and_media_follows(agent: IceAgentLite) -> None:
    agent.handle(check(nominate=True), CLIENT, 0)
    assert agent.handle(check(), MOVED, 1).changed == ADDED
    assert agent.selected == CLIENT
    assert agent.handle(check(nominate=True), MOVED, 2).changed == SELECTED
    assert (agent.state, agent.selected) == (IceState.ICE_COMPLETED, MOVED)
    assert agent.handle(check(), CLIENT, 3).changed == 0
    assert agent.selected == MOVED


def test_the_oldest_tuple_makes_room_but_never_the_selected_one(agent: IceAgentLite) -> None:
    agent.handle(check(nominate=True), CLIENT, 0)
    others = [("192.0.2.9", port) for port in range(1, 21)]
    for now_us, source in enumerate(others[:7], 1):
        assert agent.handle(check(), source, now_us).changed == ADDED
    agent.handle(check(), others[0], 10)  # heard of again: now others[1] is the oldest
    for now_us, (source, oldest) in enumerate(zip(others[7:], others[1:7] + others[:1], strict=False), 11):
        handled = agent.handle(check(), source, now_us)
        assert handled.changed == ADDED | EVICTED
        assert handled.evicted == oldest
    assert len(agent.tuples) == 8
    assert (agent.selected, agent.state) == (CLIENT, IceState.ICE_COMPLETED)
    assert CLIENT in agent.tuples


def test_a_wrong_password_is_not_answered(agent: IceAgentLite) -> None:
    with unchanged(agent):
        wrong = check(password=b"guess", nominate=True)
        assert_dropped(agent.handle(wrong, CLIENT, 0), DropReason.DROP_STUN_INTEGRITY)


def test_a_check_without_integrity_is_not_answered(agent: IceAgentLite) -> None:
    bare = with_fingerprint(message(attribute(USERNAME, UFRAG + b":peer") + attribute(PRIORITY, bytes(4))))
    with unchanged(agent):
        assert_dropped(agent.handle(bare, CLIENT, 0), DropReason.DROP_STUN_INTEGRITY)


@pytest.mark.parametrize("ufrag", [b"x", UFRAG[:-1], UFRAG + b"x", UFRAG.upper(), b""])
def test_a_wrong_ufrag_is_not_answered(agent: IceAgentLite, ufrag: bytes) -> None:
    with unchanged(agent):
        assert_dropped(agent.handle(check(ufrag=ufrag), CLIENT, 0), DropReason.DROP_STUN_UNKNOWN_UFRAG)


@pytest.mark.parametrize("kind", [0x0011, 0x0101, 0x0111, 0x0003])
def test_what_is_no_binding_request_is_unexpected(agent: IceAgentLite, kind: int) -> None:
    body = attribute(USERNAME, UFRAG + b":peer") + attribute(PRIORITY, bytes(4))
    data = with_fingerprint(message(body, kind=kind, password=PASSWORD))
    with unchanged(agent):
        assert_dropped(agent.handle(data, CLIENT, 0), DropReason.DROP_STUN_UNEXPECTED)


def test_a_controlled_peer_is_told_of_the_role_conflict(agent: IceAgentLite) -> None:
    with unchanged(agent):
        assert error_code(agent.handle(check(controlling=False), CLIENT, 0)) == 487


def test_an_unknown_attribute_is_refused_only_to_an_authentic_peer(agent: IceAgentLite) -> None:
    body = attribute(USERNAME, UFRAG + b":peer") + attribute(PRIORITY, bytes(4)) + attribute(0x7777)
    with unchanged(agent):
        handled = agent.handle(with_fingerprint(message(body, password=PASSWORD)), CLIENT, 0)
        assert error_code(handled) == 420
        assert attribute(0x000A, struct.pack("!H", 0x7777)) in (handled.answer or b"")
        forged = with_fingerprint(message(body, password=b"guess"))
        assert_dropped(agent.handle(forged, CLIENT, 0), DropReason.DROP_STUN_INTEGRITY)


def test_a_check_without_priority_is_a_bad_request(agent: IceAgentLite) -> None:
    body = attribute(USERNAME, UFRAG + b":peer") + attribute(ICE_CONTROLLING, bytes(8))
    with unchanged(agent):
        assert error_code(agent.handle(with_fingerprint(message(body, password=PASSWORD)), CLIENT, 0)) == 400


def test_truncated_and_flipped_checks_change_nothing(agent: IceAgentLite) -> None:
    agent.handle(check(), CLIENT, 0)
    whole = check(nominate=True)
    with unchanged(agent):
        for n in range(len(whole)):
            assert agent.handle(whole[:n], MOVED, 1).answer is None
        for bit in range(8 * len(whole)):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            assert agent.handle(bytes(flipped), MOVED, 1).answer is None
            if bit // 8 < len(whole) - 8 and bit // 8 not in (2, 3):  # the length is repaired as well
                assert agent.handle(repaired(bytes(flipped)), MOVED, 1).answer is None


@settings(max_examples=100)
@given(st.binary(max_size=1600), st.booleans())
def test_noise_changes_nothing(noise: bytes, dressed: bool) -> None:
    agent = IceAgentLite(UFRAG, PASSWORD)
    data = with_fingerprint(message(noise[: len(noise) & ~3])) if dressed else noise
    with unchanged(agent):
        handled = agent.handle(data, CLIENT, 0)
        assert handled == Handled(handled.reason, None, 0, None)
        assert handled.reason != DropReason.DROP_NONE


def test_consent_expires_after_30_seconds_and_a_check_revives_it(agent: IceAgentLite) -> None:
    assert agent.tick(3600 * SECOND) == 0
    agent.handle(check(nominate=True), CLIENT, 0)
    assert agent.tick(30 * SECOND - 1) == 0
    assert agent.tick(30 * SECOND) == STATE | SELECTED
    assert (agent.state, agent.selected) == (IceState.ICE_DISCONNECTED, None)
    assert agent.tick(40 * SECOND) == 0
    assert agent.handle(check(), CLIENT, 41 * SECOND).changed == STATE | SELECTED
    assert (agent.state, agent.selected) == (IceState.ICE_CONNECTED, CLIENT)
    assert agent.tick(71 * SECOND - 1) == 0
    assert agent.handle(check(nominate=True), CLIENT, 71 * SECOND - 1).changed == STATE
    assert agent.tick(101 * SECOND - 2) == 0


def test_what_is_refused_does_not_keep_consent(agent: IceAgentLite) -> None:
    agent.handle(check(nominate=True), CLIENT, 0)
    agent.handle(check(password=b"guess"), CLIENT, 20 * SECOND)
    agent.handle(check(controlling=False), CLIENT, 20 * SECOND)
    assert agent.tick(30 * SECOND) == STATE | SELECTED


def test_consent_is_of_one_address_and_another_that_has_it_takes_over(agent: IceAgentLite) -> None:
    agent.handle(check(nominate=True), CLIENT, 0)
    agent.handle(check(), IPV6, 19 * SECOND)
    agent.handle(check(), MOVED, 20 * SECOND)
    assert agent.tick(30 * SECOND) == STATE | SELECTED
    assert (agent.state, agent.selected) == (IceState.ICE_CONNECTED, MOVED)
    assert agent.tick(50 * SECOND) == STATE | SELECTED
    assert (agent.state, agent.selected) == (IceState.ICE_DISCONNECTED, None)


def test_consent_may_be_made_to_last() -> None:
    agent = IceAgentLite(UFRAG, PASSWORD, consent_timeout_us=0)
    agent.handle(check(), CLIENT, 0)
    assert agent.tick(10**15) == 0


def test_restart_keeps_the_old_credentials_until_the_new_ones_are_used(agent: IceAgentLite) -> None:
    new = {"ufrag": NEW_UFRAG, "password": NEW_PASSWORD}
    agent.handle(check(nominate=True), CLIENT, 0)
    agent.restart(NEW_UFRAG, NEW_PASSWORD)
    assert error_code(agent.handle(check(), CLIENT, 1)) is None
    crossed = check(ufrag=NEW_UFRAG, password=PASSWORD)
    assert_dropped(agent.handle(crossed, CLIENT, 1), DropReason.DROP_STUN_INTEGRITY)
    assert error_code(agent.handle(check(), CLIENT, 1)) is None

    handled = agent.handle(check(**new), MOVED, 2)
    assert handled.changed == RESTARTED | ADDED
    assert stun.parse(handled.answer or b"").integrity_ok(NEW_PASSWORD)
    assert agent.selected == CLIENT  # until the new session nominates
    assert_dropped(agent.handle(check(), CLIENT, 3), DropReason.DROP_STUN_UNKNOWN_UFRAG)
    assert agent.handle(check(**new, nominate=True), MOVED, 4).changed == SELECTED
    assert agent.selected == MOVED


def test_a_second_restart_keeps_the_credentials_in_use(agent: IceAgentLite) -> None:
    agent.handle(check(nominate=True), CLIENT, 0)
    agent.restart(b"never-used", b"never-used-password")
    agent.restart(NEW_UFRAG, NEW_PASSWORD)
    assert error_code(agent.handle(check(), CLIENT, 1)) is None
    never_used = check(ufrag=b"never-used", password=b"never-used-password")
    assert_dropped(agent.handle(never_used, CLIENT, 1), DropReason.DROP_STUN_UNKNOWN_UFRAG)
    assert agent.handle(check(ufrag=NEW_UFRAG, password=NEW_PASSWORD), CLIENT, 2).changed == RESTARTED


def test_a_closed_agent_answers_nothing(agent: IceAgentLite) -> None:
    agent.handle(check(nominate=True), CLIENT, 0)
    agent.close()
    assert (agent.state, agent.selected, agent.tuples) == (IceState.ICE_CLOSED, None, [])
    agent.restart(NEW_UFRAG, NEW_PASSWORD)
    with unchanged(agent):
        for data in (check(), check(ufrag=NEW_UFRAG, password=NEW_PASSWORD), check(ufrag=b"")):
            assert_dropped(agent.handle(data, CLIENT, 1), DropReason.DROP_STUN_UNKNOWN_UFRAG)
        assert agent.tick(3600 * SECOND) == 0


@pytest.mark.parametrize(("ufrag", "pwd"), [(b"", b"p"), (b"u", b""), (b"u" * 65, b"p"), (b"u", b"p" * 65)])
def test_credentials_have_bounds(agent: IceAgentLite, ufrag: bytes, pwd: bytes) -> None:
    with pytest.raises(ValueError, match="empty or too long"):
        IceAgentLite(ufrag, pwd)
    with pytest.raises(ValueError, match="empty or too long"):
        agent.restart(ufrag, pwd)


class LiteServer(asyncio.DatagramProtocol):
    """The lite agent behind a UDP socket; what is not STUN is echoed."""

    def __init__(self) -> None:
        self.agent = IceAgentLite(UFRAG, PASSWORD)

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        source = addr[:2]
        if data[0] > 3:
            assert source == self.agent.selected
            self.transport.sendto(data, addr)
            return
        now_us = int(asyncio.get_running_loop().time() * SECOND)
        answer = self.agent.handle(data, source, now_us).answer
        if answer is not None:
            self.transport.sendto(answer, addr)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("knows_its_role", [True, False], ids=["controlling", "role-conflict"])
async def test_aioice_connects_and_sends(
    monkeypatch: pytest.MonkeyPatch, host: str, knows_its_role: bool
) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: [host])  # it leaves loopback out
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(LiteServer, local_addr=(host, 0))
    client = aioice.Connection(ice_controlling=knows_its_role)
    client.remote_is_lite = True
    client.remote_username, client.remote_password = UFRAG.decode(), PASSWORD.decode()
    try:
        await client.gather_candidates()
        port = transport.get_extra_info("sockname")[1]
        await client.add_remote_candidate(aioice.Candidate("1", 1, "udp", 2130706431, host, port, "host"))
        await client.add_remote_candidate(None)
        async with asyncio.timeout(10):
            await client.connect()
            await client.send(b"\x80 media")
            assert await client.recv() == b"\x80 media"
        assert server.agent.state == IceState.ICE_COMPLETED
        assert server.agent.selected == (client.local_candidates[0].host, client.local_candidates[0].port)
    finally:
        await client.close()
        transport.close()
