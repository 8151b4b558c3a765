"""Builds what the measurements need, and says how much is measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("forward", "how much of test_forward.py is measured")
    group.addoption("--quick", action="store_true", help="fewer rounds: enough for a bound, not for a record")
    group.addoption("--consumers", default="1,10,100,500", help="numbers of viewers, with commas between")
    group.addoption("--burst", default="1,10,30", help="numbers of packets that arrive together")


def pytest_configure() -> None:
    """benchmarks/*.pyx, with the compiler options of the package; only what changed is compiled."""
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace", "--build-temp", "build/benchmarks"]
    environment = {**os.environ, "VPAAS_EXTENSIONS": "benchmarks"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if built.returncode:
        raise pytest.UsageError(f"building benchmarks/*.pyx failed:\n{built.stdout}{built.stderr}")
