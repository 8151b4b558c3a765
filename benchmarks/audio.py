"""`scripts/bench audio`: CPU time per packet taken in from a thousand open microphones, speakers followed."""

from benchmarks import suite


def main(arguments: list[str]) -> None:
    suite.show(arguments, "audio", __doc__, "test_audio.py", quick="test_pipeline")
