"""The same forwarding without threads, sockets and kernel: what our own code and SRTP cost together."""

from functools import partial

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.feeder import Feeder
from benchmarks.room import (
    HEADER,
    PROFILES,
    VP8_DELTA,
    VP8_KEY_FRAME,
    Case,
    add_consumer,
    add_producer,
    connect,
    packet,
)
from vpaas_core._fastpath.control import Core

ROUNDS = 50
PUBLISHER = ("192.0.2.1", 1)

cases = [
    Case(consumers, burst, profile)
    for profile in PROFILES
    for consumers in (10, 100, 500)
    for burst in (1, 10, 30)
]


@pytest.mark.parametrize("case", cases, ids=str)
def test_pipeline(benchmark: BenchmarkFixture, case: Case) -> None:
    core = Core()
    key = case.new_key()
    producer = add_producer(core, connect(core, case, key, case.new_key(), partial(deliver, core, PUBLISHER)))
    for port in range(1, case.consumers + 1):
        send = partial(deliver, core, ("192.0.2.2", port))
        add_consumer(core, connect(core, case, case.new_key(), case.new_key(), send), producer)
    feeder = Feeder(-1, case.profile, key, case.burst)
    feeder.drive(core, PUBLISHER, packet(HEADER, VP8_KEY_FRAME), len(HEADER), 1)
    delta = packet(HEADER, VP8_DELTA)
    spent_ns: list[int] = []
    benchmark.group = "pipeline"
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: spent_ns.append(feeder.drive(core, PUBLISHER, delta, len(HEADER), case.bursts)), rounds=ROUNDS
    )
    packets = case.consumers * case.burst * case.bursts
    assert core.stats()["packets_forwarded"] == packets * len(spent_ns) + case.consumers * case.burst
    benchmark.extra_info.update(
        consumers=case.consumers,
        burst=case.burst,
        profile=case.profile.name,
        ns_per_packet=round(min(spent_ns) / packets),
    )


def deliver(core: Core, source: tuple[str, int], datagram: bytes) -> None:
    core.drive([(datagram, source)], now_us=1000)
