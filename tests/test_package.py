"""What `pip install vpaas` must bring along."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_source_distribution_is_complete(tmp_path: Path) -> None:
    """It builds without Node, so it carries the browser bundle, which git does not."""
    subprocess.run(
        [
            sys.executable,
            "setup.py",
            "-q",
            "egg_info",
            "--egg-base",
            tmp_path,
            "sdist",
            "--dist-dir",
            tmp_path,
        ],
        cwd=ROOT,
        env={**os.environ, "VPAAS_EXTENSIONS": "0"},
        check=True,
        capture_output=True,
    )
    (archive,) = tmp_path.glob("vpaas-*.tar.gz")
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    wanted = {"LICENSE", "README.md", "pyproject.toml", "setup.py", "vpaas_core/py.typed"}
    for package in ("vpaas_core", "vpaas_api"):
        for path in (ROOT / package).rglob("*"):
            if path.suffix in (".py", ".pyx", ".pxd", ".pyi") or ("static" in path.parts and path.is_file()):
                wanted.add(str(path.relative_to(ROOT)))
    assert wanted - names == set()
    assert not [name for name in names if name.endswith((".so", ".pyc")) or "node_modules" in name]
    assert "vpaas_api/static/index.html" in names, "built by scripts/serve"
