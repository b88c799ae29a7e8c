"""Every cell, and twenty random ones, through everything that runs an exported model.

``python -m benchmarks.exports.parity > docs/export_parity.md`` takes about a minute and prints that page. What is not
installed, or cannot be written, is named there. The exit code is 1 if a difference is larger than it should be.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.exports import onnx_outputs
from benchmarks.exports.c_program import Program
from benchmarks.exports.samples import STEPS, UNITS, Sample, samples
from benchmarks.exports.toolchains import STRICT, TOOLCHAINS, X86, Toolchain

BOUND = 1e-5  # of the largest output, or this many times what float32 costs in Python, where that is more:
MULTIPLE = 8
PYTHON, ONNX, BETWEEN = "Python", "ONNX Runtime", "x86, others"
PAGE = """\
# Parity of exported models

Every cell of the registry and {random} cells with random equations (`tests/engine/random_cells.py`), each a layer
of {units} units with random weights that reads {steps} steps, through C with these compilers, on these processors,
and as ONNX. A number is the greatest difference from the reference in float64, relative to the largest output and
in units of 10⁻⁷ (rounding a number to float32 costs up to 0.6). The column *Python* is the layer as it is used, in
float32; the last column has the greatest difference between a compiler for this x86 and one for another processor.

Compilers run with `{strict}`, those with -O3 for x86 also with `-march=native -ffp-contract=fast`; programs for
other processors run in QEMU. This page is made by `python -m benchmarks.exports.parity`.

Some cells magnify rounding, in Python too: a phased LSTM asks where in its period the time is, which it adds up in
float32.

{table}

{notes}
"""
Outputs = dict[str, Tensor]  # by sample


def in_c(program: Program, folder: Path, toolchains: Sequence[Toolchain]) -> dict[str, Outputs]:
    """Compile a program with each toolchain, and run it; return what it gave, by toolchain and sample."""

    def build(it: Toolchain) -> Path:
        it.build(program.sources, path := folder / it.name.replace(" ", ""))
        return path

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        programs = list(pool.map(build, toolchains))
    found = {}
    for it, path in zip(toolchains, programs, strict=True):
        it.run(path, folder)
        found[it.name] = program.outputs()
    return found


def differences(it: Sample, found: Mapping[str, Outputs]) -> dict[str, float]:
    """Return how far a sample's outputs in each column are from the exact ones, and those of x86 from the others'."""
    of = {name: by[it.name] for name, by in found.items() if it.name in by}
    made = {name: it.difference(outputs) for name, outputs in of.items()}
    others = [outputs for name, outputs in of.items() if name not in (*X86, PYTHON, ONNX)]
    size = it.exact.abs().max()
    between = [float((of[x86] - other).abs().max() / size) for x86 in X86 if x86 in of for other in others]
    return made | ({BETWEEN: max(between)} if between else {})


def faults(it: Sample, by: Mapping[str, float]) -> list[str]:
    """Return what is further off than it should be, in words."""
    bound = max(BOUND, MULTIPLE * by[PYTHON])
    return [
        f"{it.name}: {column} is off by {value:.2g}, allowed {bound:.2g}"
        for column, value in by.items()
        if not value <= bound
    ]


def table(every: Mapping[str, Mapping[str, float]], columns: Sequence[str]) -> str:
    """Return the differences as Markdown."""
    greatest = {c: max((by[c] for by in every.values() if c in by), default=None) for c in columns}
    lines = [["cell", *columns], ["---"] + ["---:"] * len(columns)]
    for name, by in [*((f"`{name}`", by) for name, by in every.items()), ("the greatest", greatest)]:
        values = [by.get(column) for column in columns]
        lines.append([name, *("" if value is None else f"{value * 1e7:.1f}" for value in values)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Print the page; return the exit code."""
    torch.set_num_threads(1)
    given = samples()
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        program = Program(given, Path(folder))
        installed = [it for it in TOOLCHAINS if not it.missing()]
        found = {PYTHON: {it.name: it.in_python() for it in given}, **in_c(program, Path(folder), installed)}
        if runtime := onnx_outputs.version():
            found[ONNX] = onnx_outputs.in_onnx(given, Path(folder))
    every = {it.name: differences(it, found) for it in given}
    notes = [f"No column {it.name}: {it.missing()} is not installed." for it in TOOLCHAINS if it.missing()]
    notes += [f"Not in C: {it}" for it in program.refused.values()]
    notes += [] if runtime else [f"No column {ONNX}: onnx and onnxruntime are not installed."]
    notes += ["Compilers: " + "; ".join(dict.fromkeys(it.version() for it in installed)) + "."]
    notes += [f"{runtime}."] if runtime else []
    page = PAGE.format(
        random=sum(it.name.startswith("random") for it in given),
        units=UNITS,
        steps=STEPS,
        strict=" ".join(STRICT),
        table=table(every, [*found, BETWEEN]),
        notes="\n".join(f"* {note}" for note in notes),
    )
    print(page, end="")
    wrong = [fault for it in given for fault in faults(it, every[it.name])]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
