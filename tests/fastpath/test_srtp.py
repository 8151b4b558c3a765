"""On each backend: the RFCs' vectors, libsrtp as a peer in both directions, packets that must be refused."""

import random
import struct

import pylibsrtp
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy

from vpaas_core._fastpath.srtp import SrtpBackend, SrtpProfile, srtp_backends
from vpaas_core._fastpath.srtp_session import SrtpError, SrtpSession, fan_out, srtp_derive_key

CM, GCM_128, GCM_256 = (
    SrtpProfile.AES_CM_128_HMAC_SHA1_80,
    SrtpProfile.AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM,
)
KEY_BYTES = {CM: 16, GCM_128: 16, GCM_256: 32}
SALT_BYTES = {CM: 14, GCM_128: 12, GCM_256: 12}
LIBSRTP = {
    CM: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    GCM_128: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    GCM_256: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
SSRC = 0xDEADBEEF

profiles = pytest.mark.parametrize("profile", [CM, GCM_128, GCM_256], ids=["CM_80", "GCM_128", "GCM_256"])


@pytest.fixture(params=[SrtpBackend.IPSEC_MB, SrtpBackend.EVP], ids=["ipsec-mb", "evp"])
def backend(request: pytest.FixtureRequest) -> SrtpBackend:
    if request.param not in srtp_backends():
        pytest.skip("libipsec-mb, or its header at build time, is not on this machine")
    chosen: SrtpBackend = request.param
    return chosen


def rtp(seq: int, payload: bytes, *, ssrc: int = SSRC, csrcs: int = 0, extension: int | None = None) -> bytes:
    """An RTP packet; `extension` is the number of 32-bit words in a header extension."""
    first = 0x80 | csrcs | (0x10 if extension is not None else 0)
    packet = struct.pack("!BBHII", first, 96, seq & 0xFFFF, 1234, ssrc) + b"csrc" * csrcs
    if extension is not None:
        packet += struct.pack("!HH", 0xBEDE, extension) + b"ext." * extension
    return packet + payload


def rtcp(body: bytes = b"", *, ssrc: int = SSRC) -> bytes:
    return struct.pack("!BBHI", 0x80, 206, 1 + len(body) // 4, ssrc) + body


def secrets(profile: SrtpProfile, seed: int = 1) -> tuple[bytes, bytes]:
    source = random.Random(seed)
    return source.randbytes(KEY_BYTES[profile]), source.randbytes(SALT_BYTES[profile])


def session(profile: SrtpProfile, backend: SrtpBackend, seed: int = 1) -> SrtpSession:
    return SrtpSession(profile, *secrets(profile, seed), backend=backend)


def libsrtp(profile: SrtpProfile, ssrc_type: int, seed: int = 1) -> pylibsrtp.Session:
    key, salt = secrets(profile, seed)
    policy = Policy(key=key + salt, ssrc_type=ssrc_type, srtp_profile=LIBSRTP[profile])
    policy.window_size = 1024
    return pylibsrtp.Session(policy)


def refused(call: object, packet: bytes) -> str:
    with pytest.raises(SrtpError) as error:
        call(packet)  # type: ignore[operator]
    return error.value.reason


# --- Vectors -----------------------------------------------------------------------------------


def test_derivation_rfc3711_b3() -> None:
    key = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    assert srtp_derive_key(key, salt, 0, 16) == bytes.fromhex("C61E7A93744F39EE10734AFE3FF7A087")
    assert srtp_derive_key(key, salt, 2, 14) == bytes.fromhex("30CBBC08863D8C85D49DB34A9AE1")
    assert srtp_derive_key(key, salt, 1, 94) == bytes.fromhex(
        "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE"
        "E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25"
        "6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2"
    )


def test_derivation_rfc6188_7_4() -> None:
    key = bytes.fromhex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6")
    salt = bytes.fromhex("3b04803de51ee7c96423ab5b78d2")
    assert srtp_derive_key(key, salt, 0, 32) == bytes.fromhex(
        "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"
    )
    assert srtp_derive_key(key, salt, 2, 14) == bytes.fromhex("fa31791685ca444a9e07c6c64e93")
    assert srtp_derive_key(key, salt, 1, 20) == bytes.fromhex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05")


def test_keystream_rfc3711_b2(backend: SrtpBackend) -> None:
    peer = SrtpSession.from_session_keys(
        CM,
        bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"),
        bytes.fromhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
        backend=backend,
    )
    packet = peer.protect_rtp(rtp(0, bytes(48), ssrc=0))
    assert packet[12:60] == bytes.fromhex(
        "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0"
    )


RFC7714_KEY = bytes(range(32))
RFC7714_SALT = b"Quid pro quo"
# RFC 7714 §16; its "tagging only" SRTP (§16.1.3, §16.2.3) is no mode of DTLS-SRTP
RFC7714_RTP = bytes.fromhex("8040f17b8041f8d35501a0b2") + b"Gallia est omnis divisa in partes tres"
RFC7714_SRTP = {
    GCM_128: (  # §16.1.1
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf"
        "8833899d7f27beb16a9152cf765ee4390cce"
    ),
    GCM_256: (  # §16.2.1
        "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799"
        "b87b7aa3db36dfffd6b0f9bb7878d7a76c13"
    ),
}
# RFC 7714 §17: the packet of its subsections, which is not quite the one its preamble prints
RFC7714_RTCP = bytes.fromhex(
    "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
)
RFC7714_INDEX = 0x5D4
RFC7714_SRTCP = {
    GCM_128: (  # §17.1
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded"
        "0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4"
    ),
    GCM_256: (  # §17.2
        "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de047"
        "6f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4"
    ),
}
RFC7714_SRTCP_TAGS_ONLY = {
    GCM_128: "841dd9683dd78ec92ae58790125f62b3",  # §17.3
    GCM_256: "91db4afbfeee5a978fab4393ed2615fe",  # §17.4
}
gcm_profiles = pytest.mark.parametrize("profile", [GCM_128, GCM_256], ids=["GCM_128", "GCM_256"])


def rfc7714(profile: SrtpProfile, backend: SrtpBackend) -> SrtpSession:
    return SrtpSession.from_session_keys(
        profile, RFC7714_KEY[: KEY_BYTES[profile]], RFC7714_SALT, backend=backend
    )


@gcm_profiles
def test_the_vectors_themselves(profile: SrtpProfile) -> None:
    gcm = AESGCM(RFC7714_KEY[: KEY_BYTES[profile]])
    rtp_iv, rtcp_iv = bytes.fromhex("51753c6580c2726f20718414"), bytes.fromhex("517524055203726f207170bb")
    assert gcm.encrypt(rtp_iv, RFC7714_RTP[12:], RFC7714_RTP[:12]).hex() == RFC7714_SRTP[profile][24:]
    encrypted = bytes.fromhex("800005d4")
    assert (
        gcm.encrypt(rtcp_iv, RFC7714_RTCP[8:], RFC7714_RTCP[:8] + encrypted) + encrypted
    ).hex() == RFC7714_SRTCP[profile][16:]
    clear = bytes.fromhex("000005d4")
    assert gcm.encrypt(rtcp_iv, b"", RFC7714_RTCP + clear).hex() == RFC7714_SRTCP_TAGS_ONLY[profile]


@gcm_profiles
def test_srtp_rfc7714_16(profile: SrtpProfile, backend: SrtpBackend) -> None:
    peer = rfc7714(profile, backend)
    protected = bytes.fromhex(RFC7714_SRTP[profile])
    assert peer.protect_rtp(RFC7714_RTP) == protected
    assert peer.unprotect_rtp(protected) == RFC7714_RTP


@gcm_profiles
def test_srtcp_rfc7714_17(profile: SrtpProfile, backend: SrtpBackend) -> None:
    peer = rfc7714(profile, backend)
    protected = bytes.fromhex(RFC7714_SRTCP[profile])
    assert peer.protect_rtcp(RFC7714_RTCP, RFC7714_INDEX) == protected
    assert peer.unprotect_rtcp(protected) == RFC7714_RTCP


@gcm_profiles
def test_srtcp_in_the_clear_is_still_authenticated_rfc7714_17(
    profile: SrtpProfile, backend: SrtpBackend
) -> None:
    peer = rfc7714(profile, backend)
    protected = RFC7714_RTCP + bytes.fromhex(RFC7714_SRTCP_TAGS_ONLY[profile] + "000005d4")
    for at in range(len(protected)):
        assert refused(peer.unprotect_rtcp, flipped(protected, at)) == "srtp_auth"
    assert peer.unprotect_rtcp(protected) == RFC7714_RTCP


# --- libsrtp -----------------------------------------------------------------------------------


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[bytes], list[int]]:
    """Packets of one stream, often around a wrap, and the order in which some of them arrive."""
    start = draw(st.sampled_from([0, 1, 32767, 65500, 65530, 65535]) | st.integers(0, 65535))
    source = random.Random(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 40))
    shapes = [
        (source.randrange(0, 1200), source.randrange(3), source.choice([None, 0, 2])) for _ in range(count)
    ]
    packets = [
        rtp(start + i, source.randbytes(size), csrcs=csrcs, extension=extension)
        for i, (size, csrcs, extension) in enumerate(shapes)
    ]
    late = sorted(range(1, count), key=lambda i: i + source.uniform(0, draw(st.sampled_from([0, 3, 60]))))
    lost = draw(st.sampled_from([0, 0.1, 0.7]))
    return packets, [0] + [i for i in late if source.random() >= lost]


@profiles
@settings(max_examples=25, deadline=None)
@given(streams())
def test_what_libsrtp_sends(profile: SrtpProfile, stream: tuple[list[bytes], list[int]]) -> None:
    packets, arrivals = stream
    sender = libsrtp(profile, Policy.SSRC_ANY_OUTBOUND)
    protected = [sender.protect(packet) for packet in packets]
    for backend in srtp_backends():
        peer = session(profile, backend)
        for i in arrivals:
            assert peer.unprotect_rtp(protected[i]) == packets[i]
            assert refused(peer.unprotect_rtp, protected[i]) == "srtp_replay"
        for i in arrivals:
            assert refused(peer.unprotect_rtp, protected[i]) == "srtp_replay"


@profiles
@settings(max_examples=25, deadline=None)
@given(streams())
def test_what_libsrtp_receives(profile: SrtpProfile, stream: tuple[list[bytes], list[int]]) -> None:
    packets, arrivals = stream
    for backend in srtp_backends():
        peer = session(profile, backend)
        protected = [peer.protect_rtp(packet) for packet in packets]
        receiver = libsrtp(profile, Policy.SSRC_ANY_INBOUND)
        for i in arrivals:
            assert receiver.unprotect(protected[i]) == packets[i]


@profiles
@settings(max_examples=25, deadline=None)
@given(bodies=st.lists(st.integers(0, 300).map(lambda words: b"rtcp" * words), min_size=1, max_size=20))
def test_rtcp_with_libsrtp(profile: SrtpProfile, bodies: list[bytes]) -> None:
    packets = [rtcp(body) for body in bodies]
    for backend in srtp_backends():
        peer = session(profile, backend)
        sender, receiver = (
            libsrtp(profile, kind) for kind in (Policy.SSRC_ANY_OUTBOUND, Policy.SSRC_ANY_INBOUND)
        )
        for packet in packets:
            assert receiver.unprotect_rtcp(peer.protect_rtcp(packet)) == packet
        protected = [sender.protect_rtcp(packet) for packet in packets]
        for i in reversed(range(len(packets))):
            assert peer.unprotect_rtcp(protected[i]) == packets[i]
            assert refused(peer.unprotect_rtcp, protected[i]) == "srtp_replay"


@profiles
def test_many_wraps(profile: SrtpProfile, backend: SrtpBackend) -> None:
    peer, sender = session(profile, backend), libsrtp(profile, Policy.SSRC_ANY_OUTBOUND)
    for seq in range(0, 4 * 65536, 9001):
        packet = rtp(seq, b"over and over")
        protected = sender.protect(packet)
        assert peer.protect_rtp(packet) == protected
        assert peer.unprotect_rtp(protected) == packet


# --- What must be refused ----------------------------------------------------------------------


def flipped(packet: bytes, at: int) -> bytes:
    return packet[:at] + bytes([packet[at] ^ 1]) + packet[at + 1 :]


@profiles
def test_tampering_with_any_byte(profile: SrtpProfile, backend: SrtpBackend) -> None:
    peer = session(profile, backend)
    packet, report = rtp(7, b"payload of a packet", csrcs=1, extension=1), rtcp(b"body" * 5)
    protected = peer.protect_rtp(packet)
    for at in range(len(protected)):
        assert refused(peer.unprotect_rtp, flipped(protected, at)) in ("srtp_auth", "srtp_malformed")
    assert peer.unprotect_rtp(protected) == packet
    protected = peer.protect_rtcp(report)
    for at in range(len(protected)):
        assert refused(peer.unprotect_rtcp, flipped(protected, at)) == "srtp_auth"
    assert peer.unprotect_rtcp(protected) == report


@profiles
def test_truncation_at_any_byte(profile: SrtpProfile, backend: SrtpBackend) -> None:
    peer = session(profile, backend)
    protected = peer.protect_rtp(rtp(7, b"payload", extension=1))
    reasons = [refused(peer.unprotect_rtp, protected[:n]) for n in range(len(protected))]
    assert reasons == sorted(
        reasons, reverse=True
    )  # malformed first, then what is long enough to carry a tag
    protected = peer.protect_rtcp(rtcp(b"body"))
    reasons = [refused(peer.unprotect_rtcp, protected[:n]) for n in range(len(protected))]
    assert reasons == sorted(reasons, reverse=True)


@profiles
def test_another_roc_is_another_packet(profile: SrtpProfile, backend: SrtpBackend) -> None:
    peer = session(profile, backend)
    peer.protect_rtp(rtp(65535, b""))
    assert refused(session(profile, backend).unprotect_rtp, peer.protect_rtp(rtp(0, b"x"))) == "srtp_auth"


@profiles
def test_a_forged_packet_leaves_no_state(profile: SrtpProfile, backend: SrtpBackend) -> None:
    peer = session(profile, backend)
    genuine = peer.protect_rtp(rtp(0, b"x"))
    assert refused(peer.unprotect_rtp, rtp(40000, bytes(30))) == "srtp_auth"
    assert peer.unprotect_rtp(genuine) == rtp(0, b"x")


@profiles
def test_header_without_room_for_a_tag(profile: SrtpProfile, backend: SrtpBackend) -> None:
    peer = session(profile, backend)
    assert refused(peer.protect_rtp, b"") == "srtp_malformed"
    assert refused(peer.protect_rtcp, bytes(7)) == "srtp_malformed"
    assert refused(peer.unprotect_rtp, rtp(0, bytes(9))) == "srtp_malformed"
    assert refused(peer.unprotect_rtp, rtp(0, b"", extension=200)[:100]) == "srtp_malformed"


# --- Queued packets ----------------------------------------------------------------------------


@profiles
@pytest.mark.parametrize("in_place", [False, True], ids=["out-of-place", "in-place"])
@pytest.mark.parametrize("keys", [1, 5, 16, 40, 300])
def test_batches_of_many_keys_are_what_evp_makes_one_by_one(
    profile: SrtpProfile, backend: SrtpBackend, keys: int, in_place: bool
) -> None:
    source = random.Random(keys)
    packets = [rtp(65533 + i, source.randbytes(size)) for i, size in enumerate((0, 1, 1200, 15, 16, 64, 700))]
    fanned = fan_out([session(profile, backend, seed) for seed in range(keys)], packets, in_place)
    for seed in range(0, keys, max(1, keys // 20)):
        alone = session(profile, SrtpBackend.EVP, seed)
        assert fanned[seed] == [alone.protect_rtp(packet) for packet in packets]


def test_keys_of_a_profile_and_sessions_of_a_backend() -> None:
    with pytest.raises(ValueError, match=r"takes 16 \+ 12 bytes"):
        SrtpSession(GCM_128, bytes(16), bytes(14))
    with pytest.raises(ValueError, match="unknown profile"):
        SrtpSession(3, b"", b"")
    with pytest.raises(ValueError, match="20 bytes"):
        SrtpSession.from_session_keys(CM, bytes(16), bytes(14), bytes(19))
    with pytest.raises(ValueError, match="bad key or salt"):
        srtp_derive_key(bytes(17), bytes(14), 0, 16)
    assert SrtpSession(CM, bytes(16), bytes(14)).backend == srtp_backends()[0]
    mixed = [SrtpSession(CM, bytes(16), bytes(14), backend) for backend in srtp_backends()]
    if len(mixed) > 1:
        with pytest.raises(ValueError, match="different backends"):
            fan_out(mixed, [rtp(0, b"")])
