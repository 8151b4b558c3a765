"""SDP text: what is read is written again unchanged, and nothing a peer sends breaks the reader."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sdp_rules import violations

from vpaas_core import ortc
from vpaas_core.codecs import DEFAULT_ROUTER_CODECS
from vpaas_core.errors import InvalidParameters, Unsupported
from vpaas_core.parameters import DtlsFingerprint, DtlsParameters, IceParameters
from vpaas_core.sdp import Negotiation, parse
from vpaas_core.sdp.fragment import parse_fragment
from vpaas_core.sdp.grammar import SDP_BYTES_MAX, format_fmtp, parse_fmtp
from vpaas_core.sdp.reader import read_candidate
from vpaas_core.sdp.session import ExtMap, Feedback, Group, RtpMap, SimulcastStream, SsrcGroup

VECTORS = Path(__file__).parents[1] / "vectors" / "sdp"
FILES = sorted(VECTORS.glob("*.sdp"))
ICE = IceParameters("abcdefgh", "p" * 24)
DTLS = DtlsParameters([DtlsFingerprint("sha-256", "AB:CD")])
CAPABILITIES = ortc.router_capabilities(DEFAULT_ROUTER_CODECS)
MINIMAL = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
VIDEO = MINIMAL + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n"


def digest(path: Path) -> str:
    return path.read_bytes().decode()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_round_trip(path):
    text = digest(path)
    description = parse(text)
    assert parse(str(description)) == description

    def lines(sdp: str) -> set[str]:
        # The one thing not kept is the case of a candidate's transport and of a fingerprint's algorithm.
        lowered = (
            re.sub(r"(?<= )(UDP|TCP)(?= \d)", lambda m: m[1].lower(), line) for line in sdp.splitlines()
        )
        return {line.strip() for line in lowered}

    assert lines(str(description)) == lines(text)


def test_typed_attributes():
    text = VIDEO + (
        "a=mid:v1\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:* nack\r\na=rtcp-fb:96 ccm fir\r\n"
        "a=fmtp:96 max-fs=12288;max-fr=60\r\na=extmap:4/sendonly urn:x attr=1 b\r\na=ssrc:5 cname:a b\r\n"
        "a=ssrc-group:FID 5 6\r\na=simulcast:send 1,~4;2 recv c\r\na=fingerprint:SHA-256 ab:cd\r\n"
        "a=sctp-port:5000\r\na=unknown:kept\r\na=flag\r\n"
    )
    (section,) = parse(text).media
    assert section.rtpmaps == {96: RtpMap("VP8", 90000)}
    assert section.feedback == [Feedback(None, "nack"), Feedback(96, "ccm", "fir")]
    assert section.extmaps == [ExtMap(4, "urn:x", "sendonly", "attr=1 b")]
    assert section.ssrcs == {5: {"cname": "a b"}}
    assert section.ssrc_groups == [SsrcGroup("FID", (5, 6))]
    assert section.simulcast.send == [
        [SimulcastStream("1"), SimulcastStream("4", paused=True)],
        [SimulcastStream("2")],
    ]
    assert section.simulcast.recv == [[SimulcastStream("c")]]
    assert section.fingerprints == [DtlsFingerprint("sha-256", "AB:CD")]
    assert section.other == [("unknown", "kept"), ("flag", None)]


def test_session_attributes():
    session = parse(MINIMAL + "a=group:BUNDLE 0 1\r\na=ice-lite\r\na=setup:active\r\na=sendonly\r\n")
    assert session.groups == [Group("BUNDLE", ("0", "1"))]
    assert (session.ice_lite, session.setup, session.direction) == (True, "active", "sendonly")


def test_candidate():
    candidate = read_candidate(
        "842163049 1 UDP 1677729535 203.0.113.7 3478 typ srflx raddr 10.0.0.1 rport 9 tcptype so"
    )
    assert (candidate.protocol, candidate.address, candidate.port, candidate.type) == (
        "udp",
        "203.0.113.7",
        3478,
        "srflx",
    )
    assert candidate.extensions == (("raddr", "10.0.0.1"), ("rport", "9"), ("tcptype", "so"))


def test_fmtp():
    parameters = parse_fmtp("minptime=10; useinbandfec=1;profile-level-id=640032;x=007;sprop=a=b==;0-15")
    assert format_fmtp(parameters).endswith(";profile-level-id=640032;x=007;sprop=a=b==;0-15")
    assert parameters == {
        "minptime": 10,
        "useinbandfec": 1,
        "profile-level-id": "640032",
        "x": "007",
        "sprop": "a=b==",
        "": "0-15",
    }
    assert parse_fmtp(format_fmtp(parameters)) == parameters


def test_lines_may_end_with_lf_alone():
    assert parse(VIDEO.replace("\r\n", "\n")) == parse(VIDEO)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\r\n",
        "v=0\r\n",
        "v=1\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
        MINIMAL.replace("t=0 0\r\n", ""),
        MINIMAL.replace("o=- 1", "o="),
        MINIMAL + "\r\n\r\n",
        MINIMAL + "q=1\r\n",
        MINIMAL + "a=\0\r\n",
        MINIMAL + "a=x\ry\r\n",
        MINIMAL + "a=:x\r\n",
        MINIMAL + "m=video\r\n",
        MINIMAL + "m=video 65536 UDP/TLS/RTP/SAVPF 96\r\n",
        MINIMAL + "m=video 9 UDP/TLS/RTP/SAVPF x\r\n",
        MINIMAL + "m=video 9 UDP/TLS/RTP/SAVPF 128\r\n",
        MINIMAL + "m=video 9 UDP/TLS/RTP/SAVPF 96 96\r\n",
        VIDEO + "v=0\r\n",
        VIDEO + "a=mid:\r\n",
        VIDEO + "a=mid:a\r\na=mid:b\r\n",
        VIDEO + "a=mid:a\r\n" + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:a\r\n",
        VIDEO + "a=sendonly\r\na=recvonly\r\n",
        VIDEO + "a=setup:maybe\r\n",
        VIDEO + "a=setup:active\r\na=setup:passive\r\n",
        VIDEO + "a=ice-ufrag:\r\n",
        VIDEO + "a=ice-pwd:" + "x" * 257 + "\r\n",
        VIDEO + "a=ice-ufrag:abcd\r\na=ice-ufrag:efgh\r\n",
        VIDEO + "a=rtpmap:96 VP8\r\n",
        VIDEO + "a=rtpmap:96 VP8/0\r\n",
        VIDEO + "a=rtpmap:96 VP8/90000\r\na=rtpmap:96 VP9/90000\r\n",
        VIDEO + "a=rtpmap:\u0669 VP8/90000\r\n",
        VIDEO + "a=fmtp:x y=1\r\n",
        VIDEO + "a=rtcp-fb:200 nack\r\n",
        VIDEO + "a=extmap:0 urn:x\r\n",
        VIDEO + "a=extmap:1/sideways urn:x\r\n",
        VIDEO + "a=ssrc:4294967296 cname:x\r\n",
        VIDEO + "a=ssrc:-1 cname:x\r\n",
        VIDEO + "a=ssrc-group:FID\r\n",
        VIDEO + "a=rid:1 both\r\n",
        VIDEO + "a=simulcast:send\r\n",
        VIDEO + "a=simulcast:send 1 send 2\r\n",
        VIDEO + "a=simulcast:send ;;\r\n",
        VIDEO + "a=fingerprint:sha-256 xx:yy\r\n",
        VIDEO + "a=fingerprint:sha-256\r\n",
        VIDEO + "a=candidate:1 1 udp 1 192.0.2.1 99999 typ host\r\n",
        VIDEO + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host odd\r\n",
        VIDEO + "a=sctp-port:x\r\n",
        "x" * (SDP_BYTES_MAX + 1),
        MINIMAL + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 300,
    ],
)
def test_malformed(text):
    with pytest.raises(InvalidParameters) as caught:
        parse(text)
    assert caught.value.field == "sdp"
    assert caught.value.message
    assert len(str(caught.value)) < 300


def accepts_or_refuses(text: str) -> None:
    """Whatever it is: an answer or a documented error."""
    with contextlib.suppress(InvalidParameters):
        parse_fragment(text)
    with contextlib.suppress(InvalidParameters, Unsupported):
        description = parse(text)
        assert parse(str(description)) == description
        negotiation = Negotiation(description, CAPABILITIES, publish=True, play=True)
        answer = negotiation.answer(ICE, [], DTLS)
        if text.isascii() and text.replace("\r\n", "").isprintable():  # all that the rules' own reader knows
            assert [each for each in violations(text, answer) if "candidates" not in each] == []


@pytest.mark.parametrize("path", FILES[::7], ids=lambda path: path.stem)
def test_cut_after_every_line_and_within(path):
    text = digest(path)
    ends = [match.end() for match in re.finditer("\r?\n", text)]
    for end in ends:
        accepts_or_refuses(text[:end])
        accepts_or_refuses(text[: end - 7])


LINES = st.sampled_from([line for path in FILES for line in digest(path).splitlines()])
NUMBERS = st.sampled_from(
    ["0", "-1", "65536", "4294967296", "9" * 40, "1e9", "0x1", "\u0661", "", " ", "~", "\0"]
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_offers(data):
    lines = digest(data.draw(st.sampled_from(FILES))).splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "foreign", "number", "text"])):
            case "drop":
                del lines[at]
            case "double":
                lines.insert(at, lines[data.draw(st.integers(0, len(lines) - 1))])
            case "foreign":
                lines.insert(at, data.draw(LINES))
            case "number":
                number = data.draw(NUMBERS)
                lines[at] = re.sub(
                    r"\d+", lambda _, n=number: n, lines[at], count=data.draw(st.integers(1, 3))
                )
            case "text":
                lines[at] += data.draw(st.text(max_size=20))
        if not lines:
            break
    accepts_or_refuses("\r\n".join(lines) + "\r\n")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.lists(LINES, max_size=30).map("\n".join))
def test_garbage(text):
    accepts_or_refuses(text)
    accepts_or_refuses(VIDEO + text)
