"""House rules as tests: what a reviewer would otherwise have to say every time."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FASTPATH = ROOT / "vpaas_core" / "_fastpath"
PACKAGES = ("vpaas_core", "vpaas_api")

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
# A ratchet: what is longer, how long it may be, and why. An entry goes when its subject fits the limit.
LONGER_FUNCTIONS: dict[str, tuple[int, str]] = {}
LONGER_FILES: dict[str, tuple[int, str]] = {}
WITHOUT_HEADER = {"srtp_session.pyx"}  # for tests and tools in Python; nothing in the packet path may use it

CLOCK = re.compile(
    r"\b(clock_gettime|gettimeofday|CLOCK_\w+|(from|c?import) (libc\.)?time\b|perf_counter|monotonic\()"
)
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|(?<![\w.])print\(|\bbreakpoint\(")
IMPORT = re.compile(r"^\s*(?:from\s+(\S+)\s+c?import\s+(.*)|c?import\s+(.*))")
CYTHON_FUNCTION = re.compile(r"^(\s*)(?:def|cdef|cpdef)\s(?!class\b)[^=\"]*?(\w+)\s*\(")


def sources(*suffixes: str, under: tuple[str, ...] = PACKAGES) -> list[Path]:
    return sorted(
        path for package in under for path in (ROOT / package).rglob("*") if path.suffix in suffixes
    )


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines without comments and without what stands in triple quotes."""
    quoted = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        marks = line.count('"""')
        if not quoted and marks == 0:
            yield number, line.split("#", 1)[0]
        quoted ^= marks % 2 == 1


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and absolute name of every module imported, and of every name imported from one."""
    package = list(path.relative_to(ROOT).parent.parts)
    for number, line in code_lines(path):
        match = IMPORT.match(line)
        if match is None:
            continue
        module, names, plain = match.groups()
        if module is None:
            modules = [part.split(" as ")[0].strip() for part in plain.split(",")]
        else:
            relative = len(module) - len(module.lstrip("."))
            base = package[: len(package) - relative + 1] if relative else []
            module = ".".join([*base, *filter(None, [module.lstrip(".")])])
            parts = [part.split(" as ")[0].strip("() ") for part in names.split(",")]
            modules = [module, *(f"{module}.{part}" for part in parts if part)]
        yield from ((number, module) for module in modules)


def violations(paths: list[Path], forbidden: str, allowed: str = r"(?!)") -> list[str]:
    return [
        f"{name(path)}:{number} imports {module}"
        for path in paths
        for number, module in imports(path)
        if re.match(forbidden, module) and not re.match(allowed, module)
    ]


# Layers


def test_the_packet_path_knows_nothing_above_it() -> None:
    paths = sources(".pyx", ".pxd", ".pyi", ".py", under=("vpaas_core/_fastpath",))
    assert violations(paths, r"vpaas_(core|api)\b", r"vpaas_core(\._fastpath\b|$)") == []


def test_the_engine_knows_nothing_of_the_service() -> None:
    assert violations(sources(".pyx", ".py", under=("vpaas_core",)), r"vpaas_api\b") == []


def test_the_service_never_reaches_into_the_packet_path() -> None:
    assert violations(sources(".py", under=("vpaas_api",)), r"vpaas_core\._fastpath\b") == []


# The packet path


def test_only_the_loop_reads_a_clock() -> None:
    readers = {
        f"{name(path)}:{number}"
        for path in sources(".pyx", ".pxd", under=("vpaas_core/_fastpath",))
        if path.parent.name != "c" and path.stem != "loop"
        for number, line in code_lines(path)
        if CLOCK.search(line)
    }
    assert readers == set()


def test_each_module_has_its_header() -> None:
    bare = {path.name for path in FASTPATH.rglob("*.pyx") if not path.with_suffix(".pxd").exists()}
    assert bare == WITHOUT_HEADER


def test_what_python_may_call_has_a_stub() -> None:
    callable_from_python = re.compile(r"^(def|cpdef|cdef class) ", re.MULTILINE)
    missing = [
        name(path)
        for path in FASTPATH.rglob("*.pyx")
        if callable_from_python.search(path.read_text()) and not path.with_suffix(".pyi").exists()
    ]
    assert missing == []


def test_nogil_functions_say_how_they_fail() -> None:
    """Without `noexcept` or `except -1` every call takes the GIL to ask whether there was an exception."""
    silent = [
        f"{name(path)}:{number}"
        for path in sources(".pyx", ".pxd", under=("vpaas_core/_fastpath",))
        if path.parent.name != "c"
        for number, line in code_lines(path)
        if re.search(r"\)\s*nogil\s*:?\s*$", line)
    ]
    assert silent == []


# Size


def python_functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def cython_functions(path: Path) -> Iterator[tuple[str, int]]:
    """By indentation: a function lasts until the next line that is not deeper than its first."""
    lines = path.read_text().splitlines()
    for start, line in enumerate(lines):
        match = CYTHON_FUNCTION.match(line)
        if match is None:
            continue
        last = start
        for index in range(start + 1, len(lines)):
            text = lines[index].lstrip()
            if text and not text.startswith(")"):  # the end of a long parameter list
                if len(lines[index]) - len(text) <= len(match[1]):
                    break
                last = index
        yield match[2], last - start + 1


def test_functions_are_short() -> None:
    long = {}
    for path in sources(".py", ".pyx"):
        functions = cython_functions(path) if path.suffix == ".pyx" else python_functions(path)
        for function, lines in functions:
            if lines > FUNCTION_LINES_MAX:
                long[f"{name(path)}:{function}"] = lines
    assert_ratchet(long, LONGER_FUNCTIONS)


def test_files_are_short() -> None:
    sizes = {name(path): len(path.read_text().splitlines()) for path in sources(".py", ".pyx", ".pxd")}
    assert_ratchet({path: lines for path, lines in sizes.items() if lines > FILE_LINES_MAX}, LONGER_FILES)


def assert_ratchet(found: dict[str, int], permitted: dict[str, tuple[int, str]]) -> None:
    too_long = {key: lines for key, lines in found.items() if lines > permitted.get(key, (0, ""))[0]}
    assert too_long == {}, "shorten these, or give a reason in the ratchet"
    assert set(permitted) <= set(found), "these fit by now: take them out of the ratchet"


# Leftovers


@pytest.mark.parametrize("package", PACKAGES)
def test_no_leftovers(package: str) -> None:
    left = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in sources(".py", ".pyx", ".pxd", ".pyi", under=(package,))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if LEFTOVER.search(line)
    ]
    assert left == []


def test_the_scripts_are_executable() -> None:
    scripts = [path for path in (ROOT / "scripts").iterdir() if not path.name.startswith("_")]
    scripts.append(ROOT / ".ci" / "run")
    assert [name(path) for path in scripts if not path.stat().st_mode & 0o111] == []
