"""The documents tell the truth: their examples run, their links lead somewhere, their tables are complete."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from vpaas_api.signaling.protocol import METHODS

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "sdk/README.md", *(ROOT / "docs").glob("*.md")]


def test_the_embedded_example_is_the_one_in_the_readme_and_short() -> None:
    example = (ROOT / "examples/forward.py").read_text()
    assert f"```python\n{example}```" in (ROOT / "README.md").read_text()
    assert len(example.splitlines()) < 40


def test_the_embedded_example_forwards() -> None:
    done = subprocess.run(
        [sys.executable, "examples/forward.py"],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    lines = re.findall(r"ssrc (\d+) seq (\d+) opus", done.stdout)
    assert len(lines) == 5
    assert len({ssrc for ssrc, _ in lines}) == 1
    assert [int(seq) - int(lines[0][1]) for _, seq in lines] == [0, 1, 2, 3, 4]


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
