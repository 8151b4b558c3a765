"""A thousand open microphones, nobody listening: parsing, accounting, ring, audio level, and all timers.

`pipeline` is our own code, `worker` the real thread on loopback, with the kernel's part of receiving.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.choir import Choir
from benchmarks.forwarding import allow_sockets, bound_socket, send_to
from benchmarks.room import Case, connect
from benchmarks.test_pipeline import deliver
from vpaas_core._fastpath.codecs.codec import Codec
from vpaas_core._fastpath.control import Core
from vpaas_core._fastpath.loop import Loop
from vpaas_core._fastpath.rtp import ExtensionKind
from vpaas_core._fastpath.srtp import SrtpProfile

Voice = tuple[int, tuple[str, int], int, int]
"""Transport, source address, ssrc, descriptor of a connected socket or -1."""

PUBLISHERS = 1000
PER_PLAIN_TRANSPORT = 250  # of the 256 streams that one may have
BURST = 30
ROUNDS, ROUNDS_EACH = 12, 20
SETTLED_S = 0.001
PLAIN, GCM = None, SrtpProfile.AEAD_AES_128_GCM
INTERVAL_US = 300_000


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("profile", [PLAIN, GCM])
def test_pipeline(benchmark: BenchmarkFixture, profile: SrtpProfile | None, observed: bool) -> None:
    core = Core()
    case = Case(0, BURST, profile or GCM)
    key = case.new_key()
    voices: list[Voice] = []
    for i in range(PUBLISHERS):
        source = (f"10.0.{i >> 8}.{i & 255}", 40000)
        if profile is not None:
            transport = connect(core, case, key, case.new_key(), partial(deliver, core, source))
        else:
            source = ("10.0.0.1", 40000 + i // PER_PLAIN_TRANSPORT)
            if i % PER_PLAIN_TRANSPORT == 0:
                transport = core.add_plain_transport(1, True, True, False)
        voices.append((transport, source, i + 1, -1))
    prepare(core, voices, observed)
    choir = Choir(core, voices, profile, None if profile is None else key)
    choir.drive(300, BURST)  # until every packet of the rings has been written once
    spent_ns: list[int] = []
    run(benchmark, lambda: spent_ns.append(choir.drive(ROUNDS_EACH, BURST)))
    report(benchmark, core, "pipeline", profile, observed, spent_ns)


@pytest.mark.parametrize("profile", [PLAIN, GCM])
def test_worker(benchmark: BenchmarkFixture, stack: ExitStack, profile: SrtpProfile | None) -> None:
    loop = Loop()
    stack.callback(loop.stop)
    case = Case(0, BURST, profile or GCM)
    key = case.new_key()
    address = "127.0.0.1", loop.open_socket("127.0.0.1", 0)[1]
    loop.start()
    allow_sockets(PUBLISHERS)
    voices: list[Voice] = []
    for i in range(PUBLISHERS):
        if profile is not None or i % PER_PLAIN_TRANSPORT == 0:
            udp = stack.enter_context(bound_socket())
        if profile is not None:
            transport = connect(loop, case, key, case.new_key(), partial(send_to, udp, address))
            udp.connect(address)
        elif i % PER_PLAIN_TRANSPORT == 0:
            transport = loop.add_plain_transport(1, True, True, False)
            udp.connect(("127.0.0.1", loop.open_socket("127.0.0.1", 0, transport)[1]))
        voices.append((transport, udp.getsockname(), i + 1, udp.fileno()))
    prepare(loop, voices, True)
    choir = Choir(loop, voices, profile, None if profile is None else key)
    choir.feed(loop, 300, BURST)
    spent_ns: list[int] = []

    def chunk() -> None:
        before = settled_ns(loop)
        choir.feed(loop, ROUNDS_EACH, BURST)
        spent_ns.append(settled_ns(loop) - before)

    run(benchmark, chunk)
    report(benchmark, loop, "worker", profile, True, spent_ns)


def prepare(core: Core, voices: list[Voice], observed: bool) -> None:
    """A producer each, and an observer of all."""
    observer = core.add_speaker_observer(interval_us=INTERVAL_US, entries=10) if observed else None
    for transport, _, ssrc, _ in voices:
        producer = core.add_producer(
            transport,
            video=False,
            clock_rate=48000,
            mid=str(ssrc),
            cname="",
            encodings=[(ssrc, 0, "")],
            codecs={111: int(Codec.CODEC_OPUS)},
            rtx={},
            extensions={3: int(ExtensionKind.EXT_AUDIO_LEVEL)},
            nack=False,
            pli=False,
            fir=False,
            paused=False,
            key_frame_request_delay_us=0,
        )
        if observer is not None:
            core.observer_add_producer(observer, producer)


def settled_ns(loop: Loop) -> int:
    time.sleep(SETTLED_S)
    return loop.cpu_time_ns()


def run(benchmark: BenchmarkFixture, chunk: object) -> None:
    benchmark.group = "audio"
    benchmark.pedantic(chunk, rounds=ROUNDS)  # type: ignore[no-untyped-call]


def report(
    benchmark: BenchmarkFixture,
    core: Core,
    way: str,
    profile: SrtpProfile | None,
    observed: bool,
    spent_ns: list[int],
) -> None:
    assert core.stats()["drops"] == {}
    assert bool(core.take_events()) >= observed
    benchmark.extra_info.update(
        way=way,
        publishers=PUBLISHERS,
        profile="plain" if profile is None else profile.name,
        observed=observed,
        ns_per_packet=round(sorted(spent_ns)[len(spent_ns) // 2] / (PUBLISHERS * ROUNDS_EACH)),
    )
