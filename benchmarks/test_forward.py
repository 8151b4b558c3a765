"""The whole way of a packet, through the real worker, against the floor; and the memory a viewer takes."""

from operator import truediv
from statistics import median

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import memory
from benchmarks.forwarding import Forwarding
from benchmarks.room import PROFILES, Case
from vpaas_core._fastpath.srtp import SrtpProfile

ROUNDS, ROUNDS_QUICK = 25, 7
CONSUMERS_QUICK = 100


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        consumers, bursts = (
            [int(number) for number in metafunc.config.getoption(option).split(",")]
            for option in ("--consumers", "--burst")
        )
        cases = [Case(n, p, profile) for profile in PROFILES for n in consumers for p in bursts]
        metafunc.parametrize(
            "case", cases, ids=lambda case: f"{case.consumers}-{case.burst}-{case.profile.name}"
        )


def test_forward(benchmark: BenchmarkFixture, case: Case, request: pytest.FixtureRequest) -> None:
    """Rounds of the worker, each after one of the floor: noise outlasts a round, so ratios survive it."""
    rounds = ROUNDS_QUICK if request.config.getoption("--quick") else ROUNDS
    benchmark.group = "forward"
    with Forwarding(case) as forwarding:
        forwarding.check()
        benchmark.pedantic(  # type: ignore[no-untyped-call]
            forwarding.worker.run, setup=forwarding.floor.run, rounds=rounds
        )
        worker_ns, floor_ns = forwarding.worker.ns_per_packet, forwarding.floor.ns_per_packet
    benchmark.extra_info.update(
        consumers=case.consumers,
        burst=case.burst,
        profile=case.profile.name,
        ns_per_packet=round(median(worker_ns)),
        floor_ns_per_packet=round(median(floor_ns)),
        ratio=round(median(map(truediv, worker_ns, floor_ns)), 2),
    )


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_memory(benchmark: BenchmarkFixture, profile: SrtpProfile, request: pytest.FixtureRequest) -> None:
    consumers = CONSUMERS_QUICK if request.config.getoption("--quick") else 500
    benchmark.group = "memory"
    grown = benchmark.pedantic(  # type: ignore[no-untyped-call]
        memory.measure, (profile.name, consumers), rounds=1
    )
    benchmark.extra_info.update(
        profile=profile.name,
        bytes_per_consumer=grown.per_consumer,
        bytes_per_association=grown.per_association,
    )
