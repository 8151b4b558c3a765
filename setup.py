"""The extension modules. Everything else about the project is in pyproject.toml."""

import os
import platform
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup

CHECKED = os.environ.get("VPAAS_CHECKED") == "1"  # bounds checks, C asserts and AddressSanitizer
IPSEC_MB = platform.machine() in ("x86_64", "AMD64") and Path("/usr/include/intel-ipsec-mb.h").exists()
SOURCES = sorted(Path("vpaas_core/_fastpath").rglob("*.pyx"))
if "VPAAS_EXTENSIONS" in os.environ:  # another directory's (benchmarks); of "0", which does not exist, none
    SOURCES = sorted(Path(os.environ["VPAAS_EXTENSIONS"]).rglob("*.pyx"))

Options.warning_errors = True
DIRECTIVES = {
    "language_level": "3",
    "boundscheck": CHECKED,
    "wraparound": False,
    "initializedcheck": False,
    "nonecheck": False,
    "cdivision": True,  # otherwise a division takes the GIL for its zero check
    "embedsignature": True,
}
CFLAGS = ["-Wno-unreachable-code", "-Wno-unused-function"]
CFLAGS += ["-O1", "-g", "-fsanitize=address", "-UNDEBUG"] if CHECKED else ["-O3", "-g0"]


def extension(path: Path) -> Extension:
    return Extension(
        ".".join(path.with_suffix("").parts),
        [str(path)],
        libraries=["crypto", "dl", "pthread"],
        define_macros=[("VPAAS_IPSEC_MB", "1" if IPSEC_MB else "0")],
        extra_compile_args=CFLAGS,
        extra_link_args=["-fsanitize=address"] if CHECKED else [],
    )


setup(
    ext_modules=cythonize(
        [extension(path) for path in SOURCES],
        compiler_directives=DIRECTIVES,
        nthreads=int(os.environ.get("VPAAS_BUILD_JOBS", "0")),
        build_dir="build/cython",
    )
)
