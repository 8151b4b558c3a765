"""SRTP on both backends. `ns_per_packet` (--benchmark-json, extra_info) is that of the fastest round."""

import random
import struct

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from vpaas_core._fastpath.srtp import SrtpBackend, SrtpProfile, srtp_backends
from vpaas_core._fastpath.srtp_session import FanOut, SrtpSession, unprotect_repeatedly

KEYS = {
    SrtpProfile.AES_CM_128_HMAC_SHA1_80: (16, 14),
    SrtpProfile.AEAD_AES_128_GCM: (16, 12),
    SrtpProfile.AEAD_AES_256_GCM: (32, 12),
}
CONSUMERS = 500  # keys in turn: their schedules come from L2, as in a room
ROUNDS = 4

cases = [
    pytest.param(profile, backend, size, id=f"{profile.name}-{backend.name}-{size}B")
    for size in (1200, 200)
    for profile in KEYS
    for backend in srtp_backends()
]


def session(profile: SrtpProfile, backend: SrtpBackend, seed: int) -> SrtpSession:
    source = random.Random(seed)
    key_bytes, salt_bytes = KEYS[profile]
    return SrtpSession(profile, source.randbytes(key_bytes), source.randbytes(salt_bytes), backend)


def rtp(seq: int, size: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, seq, 0, 1) + bytes(size - 12)


def report(
    benchmark: BenchmarkFixture, work: str, profile: SrtpProfile, backend: SrtpBackend, packets: int
) -> None:
    benchmark.group = work
    benchmark.extra_info.update(work=work, profile=profile.name, backend=backend.name)
    if benchmark.stats is not None:  # None under --benchmark-disable
        benchmark.extra_info["ns_per_packet"] = round(benchmark.stats.stats.min / packets * 1e9)


@pytest.mark.parametrize(("profile", "backend", "size"), cases)
@pytest.mark.parametrize("burst", [1, 10])
def test_protect(
    benchmark: BenchmarkFixture, profile: SrtpProfile, backend: SrtpBackend, size: int, burst: int
) -> None:
    sessions = [session(profile, backend, seed) for seed in range(CONSUMERS)]
    work = FanOut(sessions, [rtp(seq, size) for seq in range(burst)])
    benchmark(work.run, ROUNDS)
    name = f"protect {size} B, bursts of {burst}"
    report(benchmark, name, profile, backend, CONSUMERS * burst * ROUNDS)


@pytest.mark.parametrize(("profile", "backend", "size"), cases)
def test_unprotect(
    benchmark: BenchmarkFixture, profile: SrtpProfile, backend: SrtpBackend, size: int
) -> None:
    peer = session(profile, backend, 1)
    packet = peer.protect_rtp(rtp(0, size))
    assert benchmark(unprotect_repeatedly, peer, packet, 1000) == size
    report(benchmark, f"unprotect {size} B", profile, backend, 1000)
