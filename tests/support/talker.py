"""A participant who talks: signalling as a browser does it, and RTP over a path of its own."""

import asyncio
from typing import Any

from tests.sim.packets import CODECS, Rtp
from tests.support.live import LiveNode
from tests.support.protoo import ProtooClient, rtp_parameters
from tests.support.webrtc_peer import WebRtcPeer

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
AUDIO_LEVEL_ID = 10
PACKET_S = 0.02
LOUD, QUIET = 20, 127
"""-dBov (RFC 6464 §3)."""


class Talker:
    """Made by `join`. `id` is the participant's, `microphone` and `cameras` its producers'."""

    def __init__(self, live: LiveNode, room: str, client: ProtooClient) -> None:
        self.client = client
        self.id = ""
        self.microphone = ""
        self._live = live
        self._room = room
        self._peers: dict[str, WebRtcPeer] = {}
        self._transports: dict[str, str] = {}
        self._seq = 1000

    @classmethod
    async def join(cls, live: LiveNode, room: str, name: str = "") -> "Talker":
        talker = cls(live, room, await live.open(await live.token(room)))
        talker.id = (await talker.client.join(name))["participantId"]
        return talker

    async def connect(self, direction: str) -> tuple[str, WebRtcPeer]:
        """A transport's id and its other end; the same at each call."""
        if direction not in self._peers:
            created = await self.client.request("createWebRtcTransport", {"direction": direction})
            room = await self._live.node.rooms.open(self._room)
            transport: Any = room.router.transports[created["id"]]
            self._peers[direction] = await WebRtcPeer(transport).join()
            self._transports[direction] = created["id"]
        return self._transports[direction], self._peers[direction]

    async def open_microphone(self, ssrc: int) -> str:
        transport, _ = await self.connect("send")
        parameters = rtp_parameters(self.client.capabilities, "audio", ssrc)
        parameters["headerExtensions"] = [{"uri": AUDIO_LEVEL, "id": AUDIO_LEVEL_ID}]
        self._payload_type = parameters["codecs"][0]["payloadType"]
        self._ssrc = ssrc
        self.microphone = await self.client.produce(transport, "microphone", rtpParameters=parameters)
        return self.microphone

    def send_level(self, level: int) -> None:
        """One packet of 20 ms of sound."""
        peer = self._peers["send"]
        assert peer.outbound is not None
        self._seq += 1
        packet = Rtp(
            self._payload_type,
            self._seq,
            self._seq * 960,
            self._ssrc,
            CODECS["opus"].key,
            extensions={AUDIO_LEVEL_ID: bytes([level])},
        )
        peer.send(peer.outbound.protect_rtp(packet.pack()))

    def close(self) -> None:
        for peer in self._peers.values():
            peer.close()


async def talk(speaker: Talker, *silent: Talker, until: asyncio.Future[Any] | asyncio.Task[Any]) -> Any:
    """One talks, the others do not, until something has happened: its result."""
    async with asyncio.timeout(10):
        while not until.done():
            speaker.send_level(LOUD)
            for other in silent:
                other.send_level(QUIET)
            await asyncio.sleep(PACKET_S)
    return until.result()
