"""Compile the GPU kernels of real sizes for several GPUs, without having one: registers, spills, shared memory.

python -m benchmarks.gpu_kernels            # a table
python -m benchmarks.gpu_kernels --quick    # two cells, two sizes
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from tidegate.cells import get_cell
from tidegate.engine import Weights
from tidegate.engine.run import checked_call

TARGETS = {
    "sm_80": ("cuda", 80, 32),
    "sm_90": ("cuda", 90, 32),
    "sm_100": ("cuda", 100, 32),
    "gfx942": ("hip", "gfx942", 64),
}
SHARED = {"sm_80": 163 << 10, "sm_90": 227 << 10, "sm_100": 227 << 10, "gfx942": 64 << 10}  # bytes a program may take
CELLS = ("lstm", "gru", "gru_original", "peephole_lstm", "layer_norm_lstm", "min_gru")
SIZES = ((16, 128), (64, 256), (64, 512), (256, 512), (64, 1024), (1, 512))
DTYPES = {"bf16": (torch.bfloat16, "ieee"), "tf32": (torch.float32, "tf32"), "tf32x3": (torch.float32, "tf32x3")}
ON_AMD = {"bf16": (torch.bfloat16, "ieee"), "fp32": (torch.float32, "ieee")}
POINTERS = {torch.bfloat16: "*bf16", torch.float16: "*fp16", torch.float32: "*fp32", torch.int32: "*i32"}
POINTERS |= {torch.int64: "*i64", torch.uint8: "*u8"}
NOT_CONSTANT = ("num_warps", "num_stages", "enable_fp_fusion", "launch_cooperative_grid")


@dataclass(frozen=True)
class Row:
    """A compiled kernel.

    Attributes:
        target: the GPU.
        kernel: cell, pass and dtype.
        batch: B.
        hidden: H.
        programs: programs of a launch.
        registers: of a thread.
        spills: bytes of a thread's local memory.
        shared: bytes of shared memory of a program.
        seconds: to compile.
    """

    target: str
    kernel: str
    batch: int
    hidden: int
    programs: int
    registers: int
    spills: int
    shared: int
    seconds: float


def launches(
    cell: str, batch: int, hidden: int, dtype: torch.dtype, precision: str, shared: int
) -> Iterator[tuple[str, Any]]:
    """Yield the forward and the backward launch of a training run, on tensors without memory."""
    from tidegate.engine.backends.triton.front.passes import TRITON_PASSES
    from tidegate.engine.backends.triton.launch.run_kernel import Launch

    it, found = get_cell(cell), []

    def meta(*shape: int) -> torch.Tensor:
        return torch.empty(shape, dtype=dtype, device="meta")

    x_rows, r_rows = len(it.input_gates) * hidden, len(it.recurrent_gates) * hidden
    weights = Weights(
        meta(x_rows, hidden),
        meta(r_rows, hidden // it.heads) if r_rows else None,
        meta(x_rows) if it.bias else None,
        meta(r_rows) if r_rows and it.bias else None,
        p={name: meta(hidden) for name in it.parameters},
    )
    call = checked_call(it, meta(512, batch, hidden), weights)
    take = patch.object(Launch, "execute", lambda self: found.append(next(self.launches(apart=False))))
    launch = "tidegate.engine.backends.triton.launch"
    as_asked = patch(f"{launch}.launch_of_call.dot_precision", lambda _: precision)
    with take, as_asked, patch(f"{launch}.tiles.shared_memory", lambda _: shared):
        made = TRITON_PASSES.forward(call, (), train=True)
        TRITON_PASSES.backward(call, (), made.sequences, made.results[: 1 + len(it.states)], ["x", "w_ih", "w_hh"])
    yield from zip(("forward", "backward"), found, strict=True)


def compiled(target: str, launch: Any) -> tuple[Any, float]:
    """Return Triton's compiled kernel of a launch, and the seconds that it took."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    function, constants, signature, hints = launch.kernel.function, {}, {}, {}
    for place, name in enumerate(function.arg_names):
        value = launch.given[name]
        if isinstance(value, torch.Tensor):
            signature[name], hints[place,] = POINTERS[value.dtype], [["tt.divisibility", 16]]
        elif name.isupper() and name not in ("T", "B"):
            signature[name], constants[place,] = "constexpr", value
        else:
            signature[name] = "i32"
            if value % 16 == 0 and "stride" in name:
                hints[place,] = [["tt.divisibility", 16]]
    options = {name: launch.given[name] for name in NOT_CONSTANT if name in launch.given}
    start = time.perf_counter()
    made = triton.compile(
        ASTSource(function, signature, constants, hints), target=GPUTarget(*TARGETS[target]), options=options
    )
    return made, time.perf_counter() - start


def usage(made: Any) -> tuple[int, int]:
    """Return the registers of a thread and its bytes of local memory."""
    if "amdgcn" in made.asm:
        text = made.asm["amdgcn"]
        numbers = {name: int(n) for name, n in re.findall(r"\.(vgpr_count|vgpr_spill_count): *(\d+)", text)}
        return numbers["vgpr_count"], 4 * numbers["vgpr_spill_count"]
    import triton.backends.nvidia

    tool = Path(triton.backends.nvidia.__file__).parent / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(made.asm["cubin"])
        file.flush()
        said = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)", said)
    assert found, said
    return int(found[1]), int(found[2]) + int(found[3])


def rows(targets: tuple[str, ...], cells: tuple[str, ...], sizes: tuple[tuple[int, int], ...]) -> Iterator[Row]:
    """Compile every kernel for every target."""
    for target in targets:
        dtypes = ON_AMD if TARGETS[target][0] == "hip" else DTYPES
        for cell, (name, (dtype, precision)), (batch, hidden) in product(cells, dtypes.items(), sizes):
            for which, launch in launches(cell, batch, hidden, dtype, precision, SHARED[target]):
                made, seconds = compiled(target, launch)
                registers, spills = usage(made)
                label, programs = f"{cell} {which} {name}", launch.grid[0] * launch.grid[1]
                yield Row(target, label, batch, hidden, programs, registers, spills, made.metadata.shared, seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two cells, two sizes")
    parser.add_argument("--targets", default=",".join(TARGETS), help="GPUs, separated by commas")
    parser.add_argument("--cells", default=",".join(CELLS), help="cells, separated by commas")
    given = parser.parse_args()
    targets, cells, sizes = tuple(given.targets.split(",")), tuple(given.cells.split(",")), SIZES
    if given.quick:
        cells, sizes = ("lstm", "gru_original"), SIZES[1:3]
    heads = [f"{name:>{width}}" for name, width in (("B", 4), ("H", 5), ("programs", 8), ("registers", 9))]
    print(f"{'GPU':7} {'kernel':30}", *heads, f"{'spilled':>7} {'shared':>7} {'s':>5}")
    for row in rows(targets, cells, sizes):
        print(
            f"{row.target:7} {row.kernel:30} {row.batch:4} {row.hidden:5} {row.programs:8} {row.registers:9} "
            f"{row.spills:7} {row.shared:7} {row.seconds:5.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
