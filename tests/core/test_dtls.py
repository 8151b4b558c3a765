"""DTLS-SRTP handshakes: between our own sessions, over a bad network, against hostile input."""

import random
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpaas_core.dtls import Certificate, DtlsSession, SrtpProfileName
from vpaas_core.errors import InvalidParameters
from vpaas_core.parameters import DtlsFingerprint

OURS = Certificate.generate()
THEIRS = Certificate.generate()
GCM_128, GCM_256, CM_80 = "AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"
CHROMIUM_ORDER: tuple[SrtpProfileName, ...] = (CM_80, GCM_256, GCM_128)


class Network:
    """Carries datagrams in simulated time. `fate` gives the delays of the copies of the nth datagram."""

    def __init__(
        self, *sessions: DtlsSession, fate: Callable[[int], list[float]] = lambda index: [0.01]
    ) -> None:
        self.sessions = sessions
        self.fate = fate
        self.now_s = 0.0
        self.sent: list[bytes] = []
        self._order = count()
        self._events: list[tuple[float, int, int, bytes | None]] = []
        self._due: dict[int, int] = {}

    def run(self, limit_s: float = 60.0) -> None:
        for index, session in enumerate(self.sessions):
            session.start()
            self._flush(index)
        while self._events and self._events[0][0] <= limit_s:
            now_s, order, index, datagram = heappop(self._events)
            if datagram is None and self._due.get(index) != order:
                continue  # a timer that was set anew
            self.now_s = now_s
            if datagram is None:
                self.sessions[index].handle_timeout()
            else:
                self.sessions[index].receive(datagram)
            self._flush(index)

    def _flush(self, index: int) -> None:
        session = self.sessions[index]
        outgoing = session.take_outgoing()
        for datagram in outgoing:
            for delay_s in self.fate(len(self.sent)):
                heappush(self._events, (self.now_s + delay_s, next(self._order), 1 - index, datagram))
            self.sent.append(datagram)
        timeout_s = session.timeout_s()
        if timeout_s is None:
            self._due.pop(index, None)
        elif outgoing:
            self._due[index] = next(self._order)
            heappush(self._events, (self.now_s + timeout_s, self._due[index], index, None))


def pair(
    server_profiles: tuple[SrtpProfileName, ...] = (GCM_128, GCM_256, CM_80),
    client_profiles: tuple[SrtpProfileName, ...] = CHROMIUM_ORDER,
    mtu: int = 1200,
) -> tuple[DtlsSession, DtlsSession]:
    server = DtlsSession(OURS, "server", THEIRS.fingerprints, srtp_profiles=server_profiles, mtu=mtu)
    client = DtlsSession(THEIRS, "client", OURS.fingerprints, srtp_profiles=client_profiles, mtu=mtu)
    return server, client


def assert_connected(server: DtlsSession, client: DtlsSession, profile: int = 7) -> None:
    assert (server.state, client.state) == ("connected", "connected"), (server.failure, client.failure)
    ours, theirs = server.srtp, client.srtp
    assert ours is not None
    assert theirs is not None
    assert ours.profile == theirs.profile == profile
    assert (ours.local_key, ours.local_salt) == (theirs.remote_key, theirs.remote_salt)
    assert (ours.remote_key, ours.remote_salt) == (theirs.local_key, theirs.local_salt)
    assert ours.local_key != ours.remote_key


# Profiles and keys


@pytest.mark.parametrize(
    ("profile", "number", "key_bytes", "salt_bytes"),
    [(CM_80, 0x0001, 16, 14), (GCM_128, 0x0007, 16, 12), (GCM_256, 0x0008, 32, 12)],
)
@pytest.mark.parametrize("limited", ["server", "client"])
def test_each_profile(
    profile: SrtpProfileName, number: int, key_bytes: int, salt_bytes: int, limited: str
) -> None:
    server, client = pair((profile,)) if limited == "server" else pair(client_profiles=(profile,))
    Network(server, client).run()
    assert_connected(server, client, number)
    assert server.srtp is not None
    assert len(server.srtp.local_key) == len(server.srtp.remote_key) == key_bytes
    assert len(server.srtp.local_salt) == len(server.srtp.remote_salt) == salt_bytes


def test_the_server_chooses_the_profile_by_its_own_order() -> None:
    server, client = pair(client_profiles=CHROMIUM_ORDER)
    Network(server, client).run()
    assert_connected(server, client, 0x0007)


def test_no_common_profile_fails_on_both_sides() -> None:
    server, client = pair((GCM_128,), (CM_80,))
    Network(server, client).run()
    assert (server.state, client.state) == ("failed", "failed")
    assert server.failure == client.failure == "no common SRTP protection profile"
    assert server.srtp is None
    assert client.srtp is None


def test_keys_stay_out_of_representations() -> None:
    server, client = pair()
    Network(server, client).run()
    assert server.srtp is not None
    assert repr(server.srtp) == "SrtpKeyMaterial(profile=7)"


# Identity


@pytest.mark.parametrize("deceived", ["server", "client"])
def test_a_wrong_fingerprint_gives_no_keys(deceived: str) -> None:
    other = Certificate.generate().fingerprints
    server = DtlsSession(OURS, "server", other if deceived == "server" else THEIRS.fingerprints)
    client = DtlsSession(THEIRS, "client", other if deceived == "client" else OURS.fingerprints)
    Network(server, client).run()
    victim, attacker = (server, client) if deceived == "server" else (client, server)
    assert victim.state == "failed"
    assert victim.failure == "the certificate does not match the fingerprint"
    assert attacker.state == "failed"  # an alert tells it so at once
    for session in (server, client):
        assert session.srtp is None
        assert session.remote_certificate is None


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-384", "SHA-512"])
def test_each_hash_function_and_spelling(algorithm: str) -> None:
    fingerprint = next(f for f in THEIRS.fingerprints if f.algorithm == algorithm.lower())
    server = DtlsSession(
        OURS, "server", [DtlsFingerprint(algorithm=algorithm, value=fingerprint.value.lower())]
    )
    client = DtlsSession(THEIRS, "client", OURS.fingerprints)
    Network(server, client).run()
    assert_connected(server, client)
    assert server.remote_certificate == THEIRS.pem
    assert client.remote_certificate == OURS.pem


def test_a_weaker_match_does_not_outweigh_a_stronger_mismatch() -> None:  # RFC 8122 §5
    sha_256 = next(f for f in THEIRS.fingerprints if f.algorithm == "sha-256")
    sha_512 = next(f for f in OURS.fingerprints if f.algorithm == "sha-512")
    server = DtlsSession(OURS, "server", [sha_256, sha_512])
    client = DtlsSession(THEIRS, "client", OURS.fingerprints)
    Network(server, client).run()
    assert server.state == "failed"


@pytest.mark.parametrize("algorithms", [[], ["sha-1"], ["md5", "sha-1"]])
def test_weak_hash_functions_are_refused(algorithms: list[str]) -> None:
    fingerprints = [DtlsFingerprint(algorithm=name, value="00:11:22") for name in algorithms]
    with pytest.raises(InvalidParameters, match="fingerprints"):
        DtlsSession(OURS, "server", fingerprints)


def test_certificates_are_short_lived_and_differ() -> None:
    left = OURS.expires_at - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)
    assert OURS.pem != THEIRS.pem
    assert [f.algorithm for f in OURS.fingerprints] == ["sha-256", "sha-384", "sha-512"]


# A bad network


def handshake_datagrams(mtu: int) -> int:
    network = Network(*pair(mtu=mtu))
    network.run()
    return len(network.sent)


def run_with_fate(fate: Callable[[int], list[float]], mtu: int = 1200) -> Network:
    server, client = pair(mtu=mtu)
    network = Network(server, client, fate=fate)
    network.run()
    assert_connected(server, client)
    return network


@pytest.mark.parametrize("mtu", [1200, 300])
def test_the_loss_of_any_one_datagram_costs_one_retransmission(mtu: int) -> None:
    total = handshake_datagrams(mtu)
    assert total == 4 if mtu == 1200 else total > 6
    for lost in range(total):
        network = run_with_fate(lambda index, lost=lost: [] if index == lost else [0.01], mtu)
        assert network.now_s < 0.5


@pytest.mark.parametrize("mtu", [1200, 300])
def test_the_duplication_of_any_one_datagram_is_harmless(mtu: int) -> None:
    for doubled in range(handshake_datagrams(mtu)):
        run_with_fate(lambda index, doubled=doubled: [0.01, 0.012] if index == doubled else [0.01], mtu)


@pytest.mark.parametrize("mtu", [1200, 300])
def test_the_delay_of_any_one_datagram_is_harmless(mtu: int) -> None:
    for late in range(handshake_datagrams(mtu)):
        run_with_fate(lambda index, late=late: [0.05] if index == late else [0.01], mtu)


@pytest.mark.parametrize("seed", range(20))
def test_a_fifth_lost_doubled_and_reordered(seed: int) -> None:
    dice = random.Random(seed)

    def fate(_index: int) -> list[float]:
        return [dice.uniform(0.01, 0.1) for _ in range(dice.choice([0, 1, 1, 1, 2]))]

    run_with_fate(fate, mtu=dice.choice([300, 600, 1200]))


def test_a_silent_peer_ends_in_failure_after_six_retransmissions() -> None:
    server, client = pair()
    network = Network(server, client, fate=lambda index: [])
    network.run()
    assert len(network.sent) == 7
    assert client.state == "failed"
    assert client.failure == "the peer did not answer"
    assert 25 < network.now_s < 26
    assert server.state == "connecting"


@pytest.mark.parametrize("mtu", [300, 600, 1200])
def test_datagrams_keep_to_the_mtu(mtu: int) -> None:
    network = Network(*pair(mtu=mtu))
    network.run()
    assert max(map(len, network.sent)) <= mtu


# Endings


def test_close_notify_ends_both_sides() -> None:
    server, client = pair()
    Network(server, client).run()
    client.close()
    for datagram in client.take_outgoing():
        server.receive(datagram)
    assert (server.state, client.state) == ("closed", "closed")
    assert server.srtp is None
    assert server.timeout_s() is None


def test_a_closed_session_is_deaf() -> None:
    server, client = pair()
    Network(server, client).run()
    server.close()
    server.take_outgoing()
    server.close()
    server.receive(b"\x16" * 100)
    server.handle_timeout()
    assert server.take_outgoing() == []
    assert server.state == "closed"


def test_close_before_and_during_the_handshake() -> None:
    server, client = pair()
    server.close()
    client.start()
    client.close()
    assert (server.state, client.state) == ("closed", "closed")
    assert [datagram[0] for datagram in client.take_outgoing()] == [22]  # only its ClientHello


def test_nothing_happens_before_start() -> None:
    server, client = pair()
    client.start()
    hello = client.take_outgoing()
    server.receive(hello[0])
    assert server.state == "new"
    assert server.take_outgoing() == []


# Hostile input

RECORD = st.builds(
    lambda kind, version, epoch, sequence, body: (
        struct.pack("!BHHIHH", kind, version, epoch, 0, sequence, len(body)) + body
    ),
    st.integers(20, 23),
    st.sampled_from([0xFEFF, 0xFEFD]),
    st.sampled_from([0, 0, 1, 2, 65535]),
    st.integers(0, 65535),
    st.binary(max_size=200),
)
UNRECOGNISED = st.one_of(
    st.binary(max_size=300),
    st.binary(min_size=1, max_size=300).map(lambda data: bytes([20 + data[0] % 44]) + data[1:]),
)


@settings(max_examples=100, deadline=None)
@given(garbage=st.lists(UNRECOGNISED, min_size=1, max_size=4), position=st.integers(0, 6))
def test_garbage_does_not_disturb_a_handshake(garbage: list[bytes], position: int) -> None:
    server, client = pair()
    for step in range(8):
        if step == position:
            for datagram in garbage:
                server.receive(datagram)
                client.receive(datagram)
        server.start()
        client.start()
        for datagram in client.take_outgoing():
            server.receive(datagram)
        for datagram in server.take_outgoing():
            client.receive(datagram)
    assert_connected(server, client)


@settings(max_examples=200, deadline=None)
@given(records=st.lists(RECORD, min_size=1, max_size=6), early=st.booleans())
def test_nothing_a_peer_sends_raises(records: list[bytes], early: bool) -> None:
    server, client = pair()
    if not early:
        Network(server, client).run()
    for session in (server, client):
        session.start()
        for record in [*records, b"".join(records)]:
            session.receive(record)
        session.take_outgoing()
        session.handle_timeout()
        assert (session.state == "failed") == (session.failure is not None)
        if not early:
            assert session.state == "connected"  # what is not authenticated has no effect any more


@settings(max_examples=100, deadline=None)
@given(step=st.integers(0, 3), offset=st.integers(0, 1199), value=st.integers(1, 255))
def test_a_flipped_byte_never_raises_and_never_yields_different_keys(
    step: int, offset: int, value: int
) -> None:
    server, client = pair()
    sessions = (client, server)
    server.start()
    client.start()
    for turn in range(6):
        sender, receiver = sessions[turn % 2], sessions[1 - turn % 2]
        for datagram in sender.take_outgoing():
            damaged = bytearray(datagram)
            if turn == step:
                damaged[offset % len(damaged)] ^= value
            receiver.receive(bytes(damaged))
    if server.srtp is not None and client.srtp is not None:
        assert_connected(server, client)


def test_a_flood_within_the_handshake_is_bounded() -> None:
    server, _ = pair()
    server.start()
    sealed = struct.pack("!BHHIHH", 22, 0xFEFD, 1, 0, 0, 64) + bytes(64)
    for _ in range(1000):
        server.receive(sealed)
    assert server.state == "failed"
    assert server.failure == "too many datagrams in one handshake"


# Cost


def test_memory_of_a_session(capsys: pytest.CaptureFixture[str]) -> None:
    """Hundreds of participants join one node: what each leaves behind must stay small."""

    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def connected() -> DtlsSession:
        server, client = pair()
        Network(server, client).run()
        assert server.state == "connected"
        return server

    warm = [connected() for _ in range(20)]
    before = resident_bytes()
    sessions = [connected() for _ in range(200)]
    per_session = (resident_bytes() - before) / len(sessions)
    with capsys.disabled():
        print(f"\nDTLS session: {per_session / 1024:.0f} KiB resident each, over {len(sessions)}")
    assert len(warm) == 20
    assert per_session < 160 * 1024
