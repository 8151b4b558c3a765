"""FFmpeg's `whip` muxer as a broadcaster runs it, in a process of its own: url, token, directory of cert.pem.

Sends the moving bar as H264 and the tone as Opus until its standard input ends; then DELETEs its session.
"""

import fractions
import os
import select
import sys
import time
from pathlib import Path

import av

from tests.support.pictures import FPS, HEIGHT, SAMPLE_RATE, SAMPLES, WIDTH, bar_picture, tone

GOP = FPS
"""Pictures from key frame to key frame: it sends none on request."""
TURN_S = 0.01


def main(url: str, token: str, directory: Path) -> None:
    options = {
        "authorization": token,
        "cert_file": str(directory / "cert.pem"),
        "key_file": str(directory / "key.pem"),
    }
    with av.open(url, "w", format="whip", options=options) as output:
        video = output.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.options = {
            "preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "g": str(GOP), "bf": "0",
        }  # fmt: skip
        audio = output.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo")
        started_s = time.monotonic()
        pictures = samples = 0
        while not ended():
            now_s = time.monotonic() - started_s
            while pictures / FPS <= now_s:
                picture = bar_picture(pictures)
                picture.pts, picture.time_base = pictures, fractions.Fraction(1, FPS)
                output.mux(video.encode(picture))
                pictures += 1
            while samples / SAMPLE_RATE <= now_s:
                output.mux(audio.encode(tone(samples)))
                samples += SAMPLES


def ended() -> bool:
    ready, _, _ = select.select([sys.stdin], [], [], TURN_S)
    return bool(ready) and not os.read(sys.stdin.fileno(), 1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
