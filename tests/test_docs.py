"""The documents tell the truth: their examples run, their links lead somewhere, their tables are complete."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from vpaas_api.signaling.protocol import METHODS

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "sdk/README.md", *(ROOT / "docs").glob("*.md")]


def test_the_embedded_example_is_the_one_in_the_readme_and_short() -> None:
    example = (ROOT / "examples/forward.py").read_text()
    assert f"```python\n{example}```" in (ROOT / "README.md").read_text()
    assert len(example.splitlines()) < 40


def run_example(name: str) -> str:
    done = subprocess.run(
        [sys.executable, f"examples/{name}.py"],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return done.stdout


def test_the_embedded_example_forwards() -> None:
    lines = re.findall(r"ssrc (\d+) seq (\d+) opus", run_example("forward"))
    assert len(lines) == 5
    assert len({ssrc for ssrc, _ in lines}) == 1
    assert [int(seq) - int(lines[0][1]) for _, seq in lines] == [0, 1, 2, 3, 4]


def continuous(seqs: list[str]) -> bool:
    return all((int(right) - int(left)) % 0x10000 == 1 for left, right in pairwise(seqs))


def test_the_example_of_layers() -> None:
    output = run_example("layers")
    assert re.findall(r"layerschange (\d)", output)[-2:] == ["2", "0"]
    seqs, sizes = zip(*re.findall(r"(\d+)\s+(small|middle|large)", output), strict=True)
    assert continuous(list(seqs))
    assert sizes.count("large") > 20
    assert set(sizes[-60:]) == {"small"}


def test_the_example_of_a_late_joiner() -> None:
    output = run_example("late_joiner")
    frames = re.findall(r"seq (\d+) frame (\d+)", output)
    assert [int(number) for _, number in frames] == list(range(1, 12))
    assert continuous([seq for seq, _ in frames])
    assert output.endswith("asked for key frames: 0\n")


def test_the_example_of_slots() -> None:
    lines = re.findall(r"seq (\d+) (Ada|Bob) ?(starts)?", run_example("slots"))
    assert continuous([seq for seq, _, _ in lines])
    assert [name for _, name, _ in lines] == ["Ada"] * 3 + ["Bob"] * 3 + ["Ada"] * 3
    assert [bool(starts) for _, _, starts in lines][3:] == [True, False, False] * 2


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


def test_every_signalling_method_is_documented() -> None:
    text = (ROOT / "docs/signalling.md").read_text()
    requests = text.split("## Requests")[1].split("## Notifications")[0]
    rows = [line.split("|")[1] for line in requests.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(METHODS)
