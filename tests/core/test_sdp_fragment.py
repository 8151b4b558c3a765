from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpaas_core import IceCandidate, IceParameters, InvalidParameters
from vpaas_core.sdp.fragment import parse_fragment, restart_fragment

FRAGMENT = """\
a=ice-ufrag:EsAw\r
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r
m=audio 9 UDP/TLS/RTP/SAVPF 0\r
a=mid:0\r
a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\r
a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0 ufrag EsAw\r
a=end-of-candidates\r
"""


def test_the_fragment_of_the_rfc() -> None:
    fragment = parse_fragment(FRAGMENT)
    assert fragment.ice_parameters == IceParameters("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1", ice_lite=False)
    assert [each.address for each in fragment.candidates] == ["192.0.2.1", "198.51.100.2"]
    assert fragment.end_of_candidates
    assert parse_fragment("a=end-of-candidates\r\n").ice_parameters is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "v=0\r\n",
        "a=candidate:nonsense\r\n",
        "a=candidate:1 1 udp 5 192.0.2.1 99999 typ host\r\n",
        "a=ice-ufrag:a\r\n",
        "a=ice-ufrag:a\r\na=ice-ufrag:b\r\na=ice-pwd:c\r\n",
    ],
)
def test_a_malformed_fragment(text: str) -> None:
    with pytest.raises(InvalidParameters) as error:
        parse_fragment(text)
    assert error.value.field == "sdp"


@settings(max_examples=200)
@given(st.text() | st.lists(st.sampled_from([*FRAGMENT.splitlines(), "a=", "m="])).map("\r\n".join))
def test_any_text_is_a_fragment_or_invalid(text: str) -> None:
    with suppress(InvalidParameters):
        parse_fragment(text)


def test_our_side_can_be_read_back() -> None:
    candidate = IceCandidate("udp", 1, "192.0.2.9", "192.0.2.9", "udp", 4000, "host")
    text = restart_fragment(IceParameters("ours", "secret"), [candidate], mid="1", kind="video")
    fragment = parse_fragment(text)
    assert fragment.ice_parameters == IceParameters("ours", "secret", ice_lite=False)
    assert fragment.mid == "1"
    assert "a=candidate:udp 1 udp 1 192.0.2.9 4000 typ host\r\n" in text
    assert "a=mid:1\r\n" in text
