"""`scripts/bench srtp`: CPU time to protect and unprotect one packet, by profile and backend."""

from benchmarks import suite


def main(arguments: list[str]) -> None:
    suite.show(arguments, "srtp", __doc__, "test_srtp_speed.py")
