"""The compilers that a model's C code goes through, and what runs the result on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from benchmarks.exports.commands import run

STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic")


class Toolchain(NamedTuple):
    """A way to compile and run a program.

    Attributes:
        name: as the table calls it.
        compiler: the command.
        flags: of the compiler.
        runner: the command that runs the program, for another processor.
    """

    name: str
    compiler: tuple[str, ...]
    flags: tuple[str, ...]
    runner: tuple[str, ...] = ()

    def missing(self) -> str:
        """Return what of it is not installed, or nothing."""
        module = self.compiler[2] if self.compiler[1:2] == ("-m",) else ""
        if module and find_spec(module) is None:
            return module
        return ", ".join(it[0] for it in (self.compiler, self.runner) if it and shutil.which(it[0]) is None)

    def version(self) -> str:
        """Return the first line that the compiler says of itself."""
        return _run([*self.compiler, "--version"]).splitlines()[0]

    def build(self, sources: Sequence[Path], program: Path) -> None:
        """Compile and link.

        Raises:
            BenchmarkError: the compiler refuses, or warns.
        """
        _run([*self.compiler, *STRICT, *self.flags, "-o", str(program), *map(str, sources), "-lm"])

    def run(self, program: Path, folder: Path) -> None:
        """Run a program in a folder.

        Raises:
            BenchmarkError: it fails.
        """
        _run([*self.runner, str(program)], folder)


FAST = ("-O3", "-march=native", "-ffp-contract=fast")  # as the Makefile of an export
IN_NODE = """
const { WASI } = require("wasi"), fs = require("fs");
const wasi = new WASI({ version: "preview1", preopens: { ".": "." } });
WebAssembly.instantiate(fs.readFileSync(process.argv[1]), wasi.getImportObject())
  .then(({ instance }) => process.exit(wasi.start(instance)));
"""


def _cross(name: str, target: str, *flags: str) -> Toolchain:
    """Debian's compiler for another processor, and its libraries."""
    return Toolchain(name, (f"{target}-gcc",), ("-O3", *flags), (f"qemu-{name}", "-L", f"/usr/{target}"))


TOOLCHAINS = (
    Toolchain("gcc -O0", ("gcc",), ("-O0",)),
    Toolchain("gcc -O3", ("gcc",), FAST),
    Toolchain("clang -O0", ("clang",), ("-O0",)),
    Toolchain("clang -O3", ("clang",), FAST),
    _cross("aarch64", "aarch64-linux-gnu"),
    _cross("arm", "arm-linux-gnueabihf", "-mfpu=neon"),
    _cross("riscv64", "riscv64-linux-gnu"),
    Toolchain(
        "wasm",
        (sys.executable, "-m", "ziglang", "cc"),
        ("-target", "wasm32-wasi", "-O3", "-msimd128"),
        ("node", "--no-warnings", "-e", IN_NODE),
    ),
)
X86 = ("gcc -O0", "gcc -O3", "clang -O0", "clang -O3")
SANITIZED = tuple(
    Toolchain(
        f"{name} with sanitizers", (name,), ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover")
    )
    for name in ("gcc", "clang")
)


def _run(command: Sequence[str], folder: Path | None = None) -> str:
    # LSan cannot look at the memory of a process that is traced, as in some containers; nothing is allocated anyway.
    sanitizers = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    return run(command, folder, environment=os.environ | sanitizers)
