"""`scripts/bench pipeline`: CPU time per forwarded packet without the kernel: our own code and SRTP."""

from benchmarks import suite


def main(arguments: list[str]) -> None:
    suite.show(arguments, "pipeline", __doc__, "test_pipeline.py")
