"""The compilers of this machine: for itself, and for WebAssembly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tidegate.errors import BackendError, MissingDependencyError

CHECK = ("-std=c11", "-O2", "-shared", "-fPIC")
LIBRARY = ("-std=c11", "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC")
WASM = ("--target=wasm32-wasi", "-mexec-model=reactor", "-std=c11", "-O3", "-msimd128", "-Wl,--export=__heap_base")
SUFFIX = "dylib" if sys.platform == "darwin" else "so"


def compiler() -> str:
    """Return the C compiler: that of the variable CC, or cc, gcc or clang.

    Raises:
        MissingDependencyError: there is none.
    """
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and (found := shutil.which(name)):
            return found
    raise MissingDependencyError(
        "To check the code a C compiler is needed, and there is none (cc, gcc, clang): install one (Debian: apt "
        "install gcc), or leave the check out (--no-check; check=False)."
    )


def compile_library(sources: Sequence[Path], library: Path, flags: Sequence[str]) -> None:
    """Compile C code as a shared library.

    Raises:
        BackendError: the compiler refuses it.
        MissingDependencyError: there is no compiler.
    """
    _run([compiler(), *flags, "-o", str(library), *map(str, sources), "-lm"])


def compile_wasm(sources: Sequence[Path], module: Path, functions: Sequence[str]) -> None:
    """Compile C code as a module of WebAssembly with SIMD.

    Args:
        sources: the code.
        module: the file to write.
        functions: that are exported.

    Raises:
        BackendError: the compiler refuses it.
        MissingDependencyError: there is no compiler for WebAssembly.
    """
    exports = [f"-Wl,--export={it}" for it in functions]
    _run([*_wasm_compiler(), *WASM, *exports, "-o", str(module), *map(str, sources), "-lm"])


def _wasm_compiler() -> list[str]:
    """Return what compiles C for WebAssembly: zig, as a package of Python, or clang with its linker and C library."""
    if find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc"]
    clang = shutil.which("clang")
    if clang is not None and _links_wasm(clang):
        return [clang]
    raise MissingDependencyError(
        "WebAssembly needs a compiler for it, and there is none: pip install ziglang, or install clang with its linker "
        "and C library (Debian: apt install clang lld wasi-libc libclang-rt-dev-wasm32)."
    )


def _links_wasm(clang: str) -> bool:
    """Return whether a clang makes a program for WebAssembly of an empty one."""
    command = [clang, "--target=wasm32-wasi", "-mexec-model=reactor", "-x", "c", "-", "-o", os.devnull]
    code = "#include <string.h>\n#include <math.h>\n"
    return subprocess.run(command, input=code, capture_output=True, text=True, check=False).returncode == 0


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BackendError(f"{' '.join(command)} failed:\n{ended.stderr.strip()}")
