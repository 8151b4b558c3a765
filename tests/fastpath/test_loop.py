"""The worker's thread on real sockets of the loopback device."""

import gc
import os
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.sim.packets import Rtp
from tests.support.udp_peer import SOL_UDP, TIMEOUT_S, UDP_GRO, UdpPeer, add_producer
from vpaas_core._fastpath.events import EventKind
from vpaas_core._fastpath.loop import Loop

SOCKETS_MAX = 255


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    loop.start()
    yield loop
    loop.stop()


@pytest.fixture
def port(loop: Loop) -> int:
    return loop.open_socket("127.0.0.1", 0)[1]


def payload_numbers(peer: UdpPeer, count: int) -> list[int]:
    return [int.from_bytes(peer.receive()[1][-4:]) for _ in range(count)]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_packets_pass(loop: Loop, host: str) -> None:
    try:
        _, port = loop.open_socket(host, 0)
    except OSError:
        pytest.skip(f"{host} cannot be bound here")
    with UdpPeer(loop, port, host) as publisher, UdpPeer(loop, port, host) as viewer:
        viewer.consume(publisher.produce(1), 2)
        for first in range(0, 200, 20):
            publisher.send(publisher.protect(1, range(first, first + 20)))
            received = [viewer.receive() for _ in range(20)]
            assert [seq for seq, _ in received] == list(range(100 + first, 120 + first))
        assert loop.stats()["packets_forwarded"] == 200
        assert loop.transport_state(viewer.transport)["remote"] == viewer.socket.getsockname()[:2]


@pytest.mark.parametrize("last", [1000, 400])
def test_what_the_kernel_joins_is_taken_apart(loop: Loop, port: int, last: int) -> None:
    """UDP_GRO: several datagrams come as one message."""
    with UdpPeer(loop, port) as publisher, UdpPeer(loop, port) as viewer:
        viewer.consume(publisher.produce(1), 2)
        publisher.send_segmented(
            [*publisher.protect(1, range(29)), *publisher.protect(1, range(29, 30), last)]
        )
        received = [viewer.receive() for _ in range(30)]
        assert [int.from_bytes(payload[-4:]) for _, payload in received] == list(range(30))
        assert [len(payload) for _, payload in received] == [1000] * 29 + [last]


def test_a_consumers_packets_leave_as_one_message(loop: Loop, port: int) -> None:
    """UDP_SEGMENT: the viewer's kernel hands them over joined, as they were sent."""
    with UdpPeer(loop, port) as publisher, UdpPeer(loop, port) as viewer:
        viewer.consume(publisher.produce(1), 2)
        viewer.socket.setsockopt(SOL_UDP, UDP_GRO, 1)
        publisher.send_segmented(publisher.protect(1, range(40)))
        data, ancillary, _, _ = viewer.socket.recvmsg(65536, 128)
        (size,) = (
            struct.unpack("i", value)[0] for level, kind, value in ancillary if (level, kind) == (17, 104)
        )
        assert size == 12 + 1000 + 16
        assert len(data) == 40 * size


def test_more_than_one_message_can_carry(loop: Loop, port: int) -> None:
    with UdpPeer(loop, port) as publisher, UdpPeer(loop, port) as viewer:
        viewer.consume(publisher.produce(1), 2)
        for first in range(0, 400, 100):
            publisher.send_segmented(publisher.protect(1, range(first, first + 50)))
            publisher.send_segmented(publisher.protect(1, range(first + 50, first + 100)))
            assert payload_numbers(viewer, 100) == list(range(first, first + 100))


def test_a_viewer_that_is_gone_disturbs_nobody(loop: Loop, port: int) -> None:
    """Its host answers each datagram with an ICMP error, which the kernel reports on the next call."""
    with UdpPeer(loop, port) as publisher, UdpPeer(loop, port) as viewer, ExitStack() as gone:
        producer = publisher.produce(1)
        for number in range(5):
            gone.enter_context(UdpPeer(loop, port)).consume(producer, 10 + number)
        viewer.consume(producer, 2)
        gone.close()
        for first in range(0, 100, 10):
            publisher.send_segmented(publisher.protect(1, range(first, first + 10)))
            assert payload_numbers(viewer, 10) == list(range(first, first + 10))


def test_a_plain_transport_has_sockets_of_its_own(loop: Loop, port: int) -> None:
    with UdpPeer(loop, port) as viewer, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        transport = loop.add_plain_transport(5, True, True, False)
        index, own_port = loop.open_socket("127.0.0.1", 0, transport)
        viewer.consume(add_producer(loop, transport, 1), 2)
        sender.bind(("127.0.0.1", 0))
        for seq in range(10):
            packet = Rtp(96, seq, 0, 1, seq.to_bytes(4)).pack()
            sender.sendto(packet, ("127.0.0.1", own_port))
            assert payload_numbers(viewer, 1) == [seq]
        assert (EventKind.EVENT_TUPLE, transport, 0, b"") in loop.take_events()
        assert loop.transport_state(transport)["remote"] == sender.getsockname()
        loop.close_socket(index)
        loop.close_transport(transport)


def test_news_wake_who_waits(loop: Loop, port: int) -> None:
    with UdpPeer(loop, port) as peer:
        seen: list[tuple[int, int, int, bytes]] = []
        peer.socket.sendto(b"\x16\xfe\xfd" + bytes(20), peer.node)
        while not any(kind == EventKind.EVENT_DTLS for kind, *_ in seen):
            assert select.select([loop.event_fd], [], [], TIMEOUT_S)[0]
            os.eventfd_read(loop.event_fd)
            seen += loop.take_events()
        assert {number for _, number, _, _ in seen} == {peer.transport}


def test_sockets_come_and_go_while_it_runs(loop: Loop) -> None:
    before = descriptors()
    for _ in range(3):
        opened = [loop.open_socket("127.0.0.1", 0) for _ in range(50)]
        assert len({port for _, port in opened}) == 50
        assert descriptors() == before + 50
        for index, _ in opened[::2] + opened[1::2]:
            loop.close_socket(index)
    assert descriptors() == before
    with UdpPeer(loop, loop.open_socket("127.0.0.1", 0)[1]):
        pass


def test_there_is_an_end_to_sockets(loop: Loop) -> None:
    before = descriptors()
    opened = [loop.open_socket("127.0.0.1", 0)[0] for _ in range(SOCKETS_MAX)]
    with pytest.raises(OSError, match="at most 255 sockets"):
        loop.open_socket("127.0.0.1", 0)
    assert descriptors() == before + SOCKETS_MAX
    loop.close_socket(opened[7])
    assert loop.open_socket("127.0.0.1", 0)[0] == opened[7]


def test_an_address_in_use_is_refused_without_leaving_anything(loop: Loop, port: int) -> None:
    before = descriptors()
    with pytest.raises(OSError, match="in use"):
        loop.open_socket("127.0.0.1", port)
    with pytest.raises(OSError, match="assign"):
        loop.open_socket("192.0.2.77", 0)
    with pytest.raises(KeyError):
        loop.open_socket("127.0.0.1", 0, 12345)
    for index in (-1, 9, SOCKETS_MAX, 100_000):
        with pytest.raises(IndexError):
            loop.close_socket(index)
    assert descriptors() == before


def test_start_and_stop() -> None:
    gc.collect()
    before = descriptors(), threads()
    for _ in range(5):
        loop = Loop()
        loop.open_socket("127.0.0.1", 0)
        assert loop.cpu_time_ns() == 0
        loop.start()
        with pytest.raises(RuntimeError):
            loop.start()
        assert threads() == before[1] + 1
        assert loop.cpu_time_ns() >= 0
        loop.stop()
        loop.stop()
        assert threads() == before[1]
        assert loop.stats()["transports"] == 0
        del loop
        gc.collect()
    assert (descriptors(), threads()) == before


def test_a_loop_that_is_forgotten_ends() -> None:
    gc.collect()
    before = descriptors(), threads()
    for started in (True, False):
        loop = Loop()
        if started:
            loop.start()
        del loop
        gc.collect()
        assert (descriptors(), threads()) == before


def test_control_calls_while_packets_flow(loop: Loop, port: int) -> None:
    """Two Python threads change things as fast as they can; the packets of a third party all pass."""
    stop = threading.Event()
    failures: list[BaseException] = []
    with UdpPeer(loop, port) as publisher, UdpPeer(loop, port) as viewer:
        producer = publisher.produce(1)
        viewer.consume(producer, 2)

        def churn(ssrc: int) -> None:
            try:
                with UdpPeer(loop, port) as other:
                    while not stop.is_set():
                        consumer = other.consume(producer, ssrc)
                        loop.pause_consumer(consumer, True)
                        loop.stats()
                        loop.pause_consumer(consumer, False)
                        loop.take_events()
                        loop.close_consumer(consumer)
            except BaseException as error:
                failures.append(error)

        churners = [threading.Thread(target=churn, args=(50 + number,)) for number in range(2)]
        for churner in churners:
            churner.start()
        for first in range(0, 2000, 20):
            publisher.send_segmented(publisher.protect(1, range(first, first + 20)))
            assert payload_numbers(viewer, 20) == list(range(first, first + 20))
        stop.set()
        for churner in churners:
            churner.join()
        assert not failures
