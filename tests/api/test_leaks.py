"""Nothing is left behind by clients that go away in the middle of anything."""

import asyncio
import gc
import os
import random
from collections.abc import AsyncIterator

import pytest

from tests.support.http_media import OFFERS, broadcaster
from tests.support.live import LiveNode
from tests.support.protoo import ProtooClient
from vpaas_core import Consumer, Producer, Router, WebRtcTransport

JOINS = 200
AT_ONCE = 10
STEPS = 9
OFFER = (OFFERS / "chromium_av_data.offer.sdp").read_text()


def held() -> dict[str, int]:
    """What is open in this process: engine objects, descriptors, tasks."""
    gc.collect()
    kinds = (Router, WebRtcTransport, Producer, Consumer)
    counts = dict.fromkeys((kind.__name__ for kind in kinds), 0)
    for each in gc.get_objects():
        if isinstance(each, kinds) and not each.closed:
            counts[type(each).__name__] += 1
    counts["descriptors"] = len(os.listdir("/proc/self/fd"))
    counts["tasks"] = len(asyncio.all_tasks())
    return counts


async def visit(client: ProtooClient, source: str) -> AsyncIterator[None]:
    """All a participant does, one request at a time; the answers are waited for by whoever goes on."""
    yield
    await client.join()
    yield
    send = await client.transport("send")
    yield
    microphone = await client.produce(send, "microphone", ssrc=1)
    yield
    await client.produce(send, "camera", ssrc=2)
    yield
    receive = await client.transport("recv")
    yield
    consumed = await client.request("consume", {"transportId": receive, "producerId": source})
    yield
    await client.request("resumeConsumer", {"consumerId": consumed["id"]})
    yield
    await client.request("closeProducer", {"producerId": microphone})
    yield


async def cut_off(live: LiveNode, room: str, source: str, randomness: random.Random) -> None:
    """Goes as far as chance has it, and is cut off with the last request still under way, or answered."""
    client = await live.open(await live.token(room))
    last_step, wait_for_answer = randomness.randrange(STEPS), randomness.random() < 0.5
    steps = visit(client, source)
    for _ in range(last_step + 1):
        await anext(steps)
    if not wait_for_answer:
        under_way = asyncio.ensure_future(anext(steps, None))
        for _ in range(randomness.randrange(6)):
            await asyncio.sleep(0)
        await client.cut()
        await asyncio.wait([under_way])
        assert under_way.cancelled() or not isinstance(under_way.exception(), AssertionError)
    else:
        await client.cut()
    await steps.aclose()


@pytest.mark.parametrize("seed", [random.randrange(2**32)])
async def test_joins_cut_off_at_random_points_leave_nothing(live: LiveNode, seed: int) -> None:
    randomness = random.Random(seed)
    room = await live.room()
    resident = await live.participant(room)
    source = await resident.produce(await resident.transport("send"), "camera")
    before = None
    for _ in range(1 + JOINS // AT_ONCE):
        await asyncio.gather(*(cut_off(live, room, source, randomness) for _ in range(AT_ONCE)))
        await everybody_left(live, room)
        before = before or held()  # the first round fills pools of connections
    assert held() == before
    assert await resident.request("getRouterRtpCapabilities")


async def everybody_left(live: LiveNode, room: str) -> None:
    """All but the resident, and the server is done with them."""
    async with asyncio.timeout(10):
        while live.node.rooms.participants(room) > 1 or live.connections > 1:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_http_sessions_leave_nothing(live: LiveNode) -> None:
    room = await live.room()
    publisher = await broadcaster(live, room)
    player = await broadcaster(live, room)
    before = None
    for _ in range(5):
        source = (await publisher.publish(OFFER)).headers["location"]
        for _ in range(4):
            await player.play(OFFER.replace("a=sendrecv", "a=recvonly"))
        await publisher.publish("garbage")
        await publisher.request("DELETE", source)
        assert live.node.rooms.participants(room) == 0
        assert len(live.node.http_sessions) == 0
        before = before or held()
    assert held() == before


async def test_ended_rooms_leave_nothing(live: LiveNode) -> None:
    before = None
    for _ in range(5):
        room = await live.room()
        clients = [await live.participant(room) for _ in range(3)]
        for client in clients:
            await client.produce(await client.transport("send"), "camera")
        await live.client.delete(f"/vpaas/rooms/{room}")
        for client in clients:
            await client.closed()
            await client.close()
        assert len(live.node.rooms) == 0
        before = before or held()
    assert held() == before
