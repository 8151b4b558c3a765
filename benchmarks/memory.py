"""What a viewer costs in memory, through the engine's public interface."""

import asyncio
import ctypes
import gc
import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from vpaas_core import (
    Config,
    DtlsFingerprint,
    DtlsParameters,
    Engine,
    Router,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpParameters,
    RtxParameters,
    WebRtcTransport,
)
from vpaas_core._fastpath.srtp import SrtpProfile
from vpaas_core._fastpath.stun import build_binding_request
from vpaas_core.dtls import Certificate, DtlsSession, SrtpProfileName

ROOT = Path(__file__).parents[1]
ANSWER_S = 30.0  # a busy machine is slow, not broken
KEY_BYTES = 16
SALT_BYTES: dict[SrtpProfileName, int] = {"AEAD_AES_128_GCM": 12, "AES_CM_128_HMAC_SHA1_80": 14}
WARM_UP = 3  # viewers who came before: what is imported and allocated once is no viewer's


@dataclass(frozen=True)
class Memory:
    """Growth of the engine's resident memory, in bytes, Python objects included."""

    per_consumer: int
    """A WebRtcTransport with its SRTP keys, and one video consumer on it."""

    per_association: int
    """A connected DTLS association, which is OpenSSL's: one a transport, however many consumers it has."""


def measure(profile: SrtpProfileName, consumers: int = 500) -> Memory:
    """The engine runs in a process of its own; this one is its viewers."""
    certificate = Certificate.generate()
    fingerprint = certificate.fingerprints[0]
    arguments = [profile, str(consumers), fingerprint.algorithm, fingerprint.value]
    command = [sys.executable, "-m", "benchmarks.memory", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        sockets: list[socket.socket] = []
        try:
            for _ in range(2):  # those who warm up, then those who count
                for transport in json.loads(child.stdout.readline()):
                    sockets.append(_join(transport, certificate, profile))
                child.stdin.write("joined\n")
                child.stdin.flush()
            return Memory(**json.loads(child.stdout.readline()))
        finally:
            for each in sockets:
                each.close()


def _join(transport: dict[str, Any], certificate: Certificate, profile: SrtpProfileName) -> socket.socket:
    """A viewer's side: ICE check and DTLS handshake. Only the socket stays."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect((transport["ip"], transport["port"]))
    udp.settimeout(ANSWER_S)
    udp.send(
        build_binding_request(
            transport["ufrag"].encode() + b":viewer",
            transport["password"].encode(),
            priority=1,
            tie_breaker=1,
            use_candidate=True,
        )
    )
    udp.recv(2048)
    fingerprints = [DtlsFingerprint(**each) for each in transport["fingerprints"]]
    session = DtlsSession(certificate, "client", fingerprints, srtp_profiles=[profile])
    session.start()
    while True:
        for datagram in session.take_outgoing():
            udp.send(datagram)
        if session.state != "connecting":
            break
        session.receive(udp.recv(2048))
    if session.state != "connected":
        raise RuntimeError(f"DTLS with the engine failed: {session.failure}")
    return udp


# The engine's process


async def _engine(profile: SrtpProfileName, consumers: int, fingerprint: DtlsFingerprint) -> Memory:
    async with Engine(Config(srtp_profiles=(profile,), ice_consent_timeout_s=3600)) as engine:
        router = engine.create_router()
        producer = _publish(router)
        warm_up = _admit(router, producer, WARM_UP, profile)
        await _connect(warm_up, fingerprint)
        start = _resident_bytes()
        viewers = _admit(router, producer, consumers, profile)
        admitted = _resident_bytes()
        await _connect(viewers, fingerprint)
        connected = _resident_bytes()
        return Memory((admitted - start) // consumers, (connected - admitted) // consumers)


def _publish(router: Router) -> str:
    codec, rtx = RtpCodecParameters("video/VP8", 96, 90000), RtpCodecParameters("video/rtx", 97, 90000)
    parameters = RtpParameters(
        [codec, msgspec.structs.replace(rtx, parameters={"apt": 96})],
        mid="0",
        encodings=[RtpEncodingParameters(ssrc=1, rtx=RtxParameters(2))],
    )
    return router.create_web_rtc_transport().produce(kind="video", rtp_parameters=parameters).id


def _admit(router: Router, producer_id: str, count: int, profile: SrtpProfileName) -> list[WebRtcTransport]:
    key, salt = bytes(KEY_BYTES), bytes(SALT_BYTES[profile])
    transports = [router.create_web_rtc_transport() for _ in range(count)]
    for transport in transports:
        transport.consume(producer_id=producer_id, rtp_capabilities=router.rtp_capabilities)
        # DTLS will put its own in their place
        transport.core.set_srtp(transport.native_id, SrtpProfile[profile], key, salt, key, salt)
    return transports


async def _connect(transports: list[WebRtcTransport], fingerprint: DtlsFingerprint) -> None:
    """Lets the viewers in, and waits for them."""
    connected = [asyncio.Event() for _ in transports]
    for transport, event in zip(transports, connected, strict=True):
        transport.on("dtlsstatechange", lambda state, event=event: state == "connected" and event.set())
        transport.connect(DtlsParameters([fingerprint], role="client"))
    print(json.dumps([_offer(transport) for transport in transports]), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    async with asyncio.timeout(ANSWER_S):
        await asyncio.gather(*(each.wait() for each in connected))


def _offer(transport: WebRtcTransport) -> dict[str, Any]:
    candidate = transport.ice_candidates[0]
    return {
        "ip": candidate.ip,
        "port": candidate.port,
        "ufrag": transport.ice_parameters.username_fragment,
        "password": transport.ice_parameters.password,
        "fingerprints": msgspec.to_builtins(transport.dtls_parameters.fingerprints),
    }


def _resident_bytes() -> int:
    """Without what Python and malloc keep for later."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """The engine's side: profile, number of viewers, and their fingerprint are its arguments."""
    profile, consumers, algorithm, value = sys.argv[1:]
    checked = msgspec.convert(profile, SrtpProfileName)
    print(
        json.dumps(asdict(asyncio.run(_engine(checked, int(consumers), DtlsFingerprint(algorithm, value)))))
    )


if __name__ == "__main__":
    main()
