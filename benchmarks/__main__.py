"""`scripts/bench NAME [options]`; each suite has `--help`."""

import sys

from benchmarks import audio, forward, pipeline, srtp

SUITES = {"forward": forward, "pipeline": pipeline, "srtp": srtp, "audio": audio}


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in SUITES:
        print("scripts/bench NAME [--json] [--help], where NAME is one of", file=sys.stderr)
        for each, suite in SUITES.items():
            print(f"  {each:10}{(suite.__doc__ or '').split(': ', 1)[-1]}", file=sys.stderr)
        raise SystemExit(0 if name in ("", "-h", "--help") else 2)
    SUITES[name].main(sys.argv[2:])


if __name__ == "__main__":
    main()
