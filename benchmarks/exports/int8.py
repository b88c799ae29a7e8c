"""C code in 8 bits: against exact whole numbers through every compiler, and its speed beside float32.

``python -m benchmarks.exports.int8`` prints two tables. The exit code is 1 if a sum is not exact somewhere.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import tidegate
from benchmarks.exports.c_program import Program
from benchmarks.exports.parity import in_c
from benchmarks.exports.samples import Sample, samples
from benchmarks.exports.toolchains import FAST, TOOLCHAINS, Toolchain
from tidegate.export.c.int8_products import Int8Products
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.model_folder import Options, write_folder
from tidegate.export.c.product_loops import FLOAT32
from tidegate.export.c.running.compiled_model import CompiledModel
from tidegate.export.c.running.compilers import compile_library, compiler
from tidegate.export.graph.evaluated import evaluate
from tidegate.export.graph.models import graph_of
from tidegate.export.int8.arithmetic import rounded_products

NO_VNNI = ("-mno-avx512vnni", "-mno-avxvnni")
MORE = (
    Toolchain("gcc without VNNI", ("gcc",), (*FAST, *NO_VNNI)),
    Toolchain("clang without VNNI", ("clang",), (*FAST, *NO_VNNI)),
    next(it for it in TOOLCHAINS if it.name == "aarch64")._replace(
        name="aarch64 with dot products", flags=("-O3", "-march=armv8.2-a+dotprod")
    ),
)
STEPS = 3  # of a sequence: a number that is rounded another way is remembered by what follows
BOUND, SHARE = 1e-5, 0.1  # of the largest output; the share of cells that may have a number rounded another way
SIZES = (("LSTM", 40), ("LSTM", 128), ("GRU", 256), ("LSTM", 512), ("LSTM", 1024))
ROUNDS, WEIGHTS = 31, 50_000_000  # interleaved pairs, and weights that are read in each


def in_8_bits(it: Sample) -> Sample:
    """Return a sample with the outputs that exact products of whole numbers give."""
    x, masks = it.x[:STEPS], {name: mask[:STEPS] for name, mask in it.masks.items()}
    graph = graph_of(it.layer)
    exact = evaluate(graph, {"x": x, **masks}, rounded_products()).double()
    return replace(it, x=x, masks=masks, exact=exact)


def exactness(given: Sequence[Sample], folder: Path) -> tuple[list[str], bool]:
    """Return a table of how far each toolchain is from exact whole numbers, and whether all are near."""
    program = Program([in_8_bits(it) for it in given], folder, "int8")
    installed = [it for it in (*TOOLCHAINS, *MORE) if not it.missing()]
    lines = [
        "| compiler | median difference | greatest | cells with a number rounded another way |",
        "|---|---:|---:|---:|",
    ]
    right = True
    for name, found in in_c(program, folder, installed).items():
        errors = [it.difference(found[it.name]) for it in program.samples]
        far = sum(not error < BOUND for error in errors)
        right = right and far <= SHARE * len(errors)
        lines.append(f"| {name} | {statistics.median(errors):.1e} | {max(errors):.1e} | {far} of {len(errors)} |")
    return lines, right


def speed(kind: str, units: int, folder: Path, flags: Sequence[str]) -> str:
    """Time a step of a layer in float32 and in int8, in turn, and return a row of the table."""
    layer: Any = getattr(tidegate.nn, kind)(units, units)
    steps = max(1, WEIGHTS // sum(p.numel() for p in layer.parameters()))
    x = torch.randn(steps, units)
    made = []
    for options, products in ((Options(), FLOAT32), (Options(weights="int8"), Int8Products())):
        own = folder / f"{kind}{units}-{options.weights}"
        write_folder(layer, own, options, check=False)
        compile_library([own / "model.c"], own / "model.so", ("-std=c11", *flags, "-shared", "-fPIC"))
        code = ModelCode(graph_of(layer), products=products)
        made.append(CompiledModel(code, own, library=own / "model.so"))
    times = [[_seconds(model, x) / steps for model in made] for _ in range(ROUNDS)]
    middle = [1e6 * statistics.median(pair[n] for pair in times) for n in (0, 1)]
    ratio = statistics.median(before / after for before, after in times)
    return f"| {kind} {units} | {middle[0]:.2f} | {middle[1]:.2f} | {ratio:.1f} |"


def _seconds(model: CompiledModel, x: torch.Tensor) -> float:
    begin = time.perf_counter()
    model(x)
    return time.perf_counter() - begin


def main() -> int:
    """Print the tables; return the exit code."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        lines, right = exactness(samples(), Path(folder))
        print("\n".join(lines), flush=True)
        for title, flags in (("native", FAST), ("x86-64-v3, AVX2", ("-O3", "-march=x86-64-v3", FAST[-1]))):
            print(f"\n| {compiler()}, {title} | float32, us | int8, us | ratio |\n|---|---:|---:|---:|")
            own = Path(folder, title)
            own.mkdir()
            for kind, units in SIZES:
                print(speed(kind, units, own, flags), flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
