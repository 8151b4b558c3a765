"""Firefox and Chromium in one room: each sees and hears the other.

Seen with Firefox ESR 153: it has no H264 of its own. While the page may not use the camera it offers only the
address of the default route, and a loopback address never, unless a preference says so: an ordinary Firefox
does not reach a node that is on 127.0.0.1 alone.
"""

from pathlib import Path

import pytest

from tests.browser.conftest import Enter, StartNode
from tests.support.caller import WATCH, Caller
from tests.support.firefox import FIREFOX, Firefox

pytestmark = pytest.mark.skipif(FIREFOX is None, reason="no Firefox here: firefox-esr, or VPAAS_FIREFOX")


@pytest.mark.parametrize(
    ("codec", "profile"),
    [("vp8", "AEAD_AES_128_GCM"), ("vp9", "AES_CM_128_HMAC_SHA1_80"), ("av1", "AEAD_AES_128_GCM")],
)
async def test_firefox_meets_chromium(
    start_node: StartNode, enter: Enter, tmp_path: Path, codec: str, profile: str
) -> None:
    node = await start_node(media_srtp_profiles=profile)
    options = {"room": "meeting", "codec": codec, "video": "320x240@15"}
    home = tmp_path / "firefox"
    home.mkdir()
    async with Firefox.running(home) as firefox:
        fox = Caller(firefox, "Fox")  # type: ignore[arg-type]
        await firefox.add_init_script(WATCH)
        await fox.open(node.url, options)
        ada = await enter(node, "Ada", **options)
        for caller, other in ((fox, ada), (ada, fox)):
            video = await caller.sees(other.name)
            assert video.codec.lower() == f"video/{codec}"
            assert video.width >= 320
            await caller.hears(other.name)
        print("first picture of Fox after joining:", await ada.first_picture_s("Fox"))
        await fox.leave()
        await ada.until("without Fox", lambda: gone(ada, "Fox"))


async def gone(caller: Caller, name: str) -> bool:
    return name not in await caller.others()
