"""Who speaks is told to everyone in the room."""

import asyncio
from typing import Any

from tests.support.live import LiveNode
from tests.support.protoo import ProtooClient
from tests.support.talker import Talker, talk


async def spoken(client: ProtooClient, peer_id: str | None) -> dict[str, Any]:
    while True:
        told = await client.notification("activeSpeaker")
        if told["peerId"] == peer_id:
            return told


async def test_who_speaks_is_told_to_all_and_to_those_who_come_later(live: LiveNode) -> None:
    room = await live.room()
    ada, bob = await Talker.join(live, room, "Ada"), await Talker.join(live, room, "Bob")
    viewer = await live.participant(room, "Viewer")
    try:
        for ssrc, talker in enumerate((ada, bob), 100):
            await talker.open_microphone(ssrc)
        for speaker, silent in ((ada, bob), (bob, ada)):
            everyone = (viewer, ada.client, bob.client)
            heard = asyncio.gather(*(spoken(client, speaker.id) for client in everyone))
            await talk(speaker, silent, until=heard)
        late = await live.participant(room, "Late")
        assert await late.notification("activeSpeaker") == {"peerId": bob.id}
        await bob.client.request("leave")
        await spoken(viewer, None)
        assert (await (await live.participant(room)).request("getRouterRtpCapabilities")) is not None
    finally:
        ada.close()
        bob.close()


async def test_in_a_silent_room_nobody_speaks(live: LiveNode) -> None:
    room = await live.room()
    ada = await live.participant(room, "Ada")
    bob = await live.participant(room, "Bob")
    microphone = await ada.produce(await ada.transport("send"), "microphone")
    await ada.request("closeProducer", {"producerId": microphone})
    await bob.notification("producerClosed")
    assert "activeSpeaker" not in bob.waiting
