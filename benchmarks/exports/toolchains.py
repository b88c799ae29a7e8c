"""The compilers that a model's C code goes through, and what runs the result on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tidegate.errors import BenchmarkError

STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic")


class Toolchain(NamedTuple):
    """A way to compile and run a program.

    Attributes:
        name: as the table calls it.
        compiler: the command.
        flags: of the compiler.
        runner: the command that runs the program, for another processor.
        root: where that finds the other processor's libraries.
    """

    name: str
    compiler: str
    flags: tuple[str, ...]
    runner: str = ""
    root: str = ""

    def missing(self) -> str:
        """Return what of it is not installed, or nothing."""
        return ", ".join(it for it in (self.compiler, self.runner) if it and shutil.which(it) is None)

    def version(self) -> str:
        """Return the first line that the compiler says of itself."""
        return _run([self.compiler, "--version"]).splitlines()[0]

    def build(self, sources: Sequence[Path], program: Path) -> None:
        """Compile and link.

        Raises:
            BenchmarkError: the compiler refuses, or warns.
        """
        _run([self.compiler, *STRICT, *self.flags, "-o", str(program), *map(str, sources), "-lm"])

    def run(self, program: Path, folder: Path) -> None:
        """Run a program in a folder.

        Raises:
            BenchmarkError: it fails.
        """
        runner = [self.runner, *(("-L", self.root) if self.root else ())] if self.runner else []
        _run([*runner, str(program)], folder)


FAST = ("-O3", "-march=native", "-ffp-contract=fast")  # as the Makefile of an export
TOOLCHAINS = (
    Toolchain("gcc -O0", "gcc", ("-O0",)),
    Toolchain("gcc -O3", "gcc", FAST),
    Toolchain("clang -O0", "clang", ("-O0",)),
    Toolchain("clang -O3", "clang", FAST),
    Toolchain("aarch64", "aarch64-linux-gnu-gcc", ("-O3",), "qemu-aarch64", "/usr/aarch64-linux-gnu"),
    Toolchain("arm", "arm-linux-gnueabihf-gcc", ("-O3", "-mfpu=neon"), "qemu-arm", "/usr/arm-linux-gnueabihf"),
    Toolchain("riscv64", "riscv64-linux-gnu-gcc", ("-O3",), "qemu-riscv64", "/usr/riscv64-linux-gnu"),
)
X86 = ("gcc -O0", "gcc -O3", "clang -O0", "clang -O3")
SANITIZED = tuple(
    Toolchain(f"{name} with sanitizers", name, ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"))
    for name in ("gcc", "clang")
)


def _run(command: Sequence[str], folder: Path | None = None) -> str:
    # LSan cannot look at the memory of a process that is traced, as in some containers; nothing is allocated anyway.
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BenchmarkError(f"{' '.join(command)[:300]} ended with {ended.returncode}:\n{ended.stderr.strip()[:3000]}")
    return ended.stdout
