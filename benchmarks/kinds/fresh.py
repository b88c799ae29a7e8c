"""Measurements in separate processes: the first call, and peak memory.

``python -m benchmarks.kinds.fresh WHAT WHOSE CELL BxTxH MODE THREADS`` prints one number.
"""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from tidegate.errors import BenchmarkError

SECONDS = 600  # no process takes longer


def first_calls(cell: str, case: Case, mode: str, threads: int) -> tuple[float, float]:
    """Measure the seconds of the first call in a new process with an empty kernel cache, and in a second process."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        cold, warm = (
            _in_a_process("first-call", "tidegate", cell, case, mode, threads, TIDEGATE_CACHE=folder) for _ in range(2)
        )
    return cold, warm


def peak_memory(whose: str, cell: str, case: Case, threads: int) -> float:
    """Measure the peak memory of a training step in bytes, above that before the step.

    Raises:
        BenchmarkError: the system is not Linux, or the step needs less than can be measured.
    """
    if sys.platform != "linux":
        raise BenchmarkError("Peak memory is measured through Linux' /proc: choose cases other than memory.")
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        measure = functools.partial(
            _in_a_process, "memory", whose, cell, case, "training", threads, TIDEGATE_CACHE=folder
        )
        if whose == "tidegate":
            measure()  # it compiles, which takes memory of its own; the next process finds the kernels made
        grown = measure()
    if grown <= 0:
        raise BenchmarkError(f"The memory of a training step of {whose} {cell} {case} is too small to be measured.")
    return grown


def _in_a_process(what: str, whose: str, cell: str, case: Case, mode: str, threads: int, **environment: str) -> float:
    size = f"{case.batch}x{case.steps}x{case.size}"
    return float(run("benchmarks.kinds.fresh", what, whose, cell, size, mode, str(threads), **environment))


def run(module: str, *arguments: str, **environment: str) -> str:
    """Run a module in a new process, with variables added to the environment; return what it prints.

    Raises:
        BenchmarkError: it failed, or took more than ten minutes.
    """
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SECONDS, env={**os.environ, **environment}
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"A process of the benchmark took more than {SECONDS} s: {' '.join(command)}") from None
    if done.returncode:
        raise BenchmarkError(f"A process of the benchmark failed: {' '.join(command)}\n{done.stderr}")
    return done.stdout


def _main(what: str, whose: str, cell: str, size: str, mode: str, threads: str) -> float:
    import torch

    from benchmarks.cases import parse
    from benchmarks.layers import make_layer
    from benchmarks.peers.torch_nn import LAYERS
    from tidegate.engine.backends.llvm.launch.buffers import release

    torch.set_num_threads(int(threads))
    case = parse(size)
    layer = make_layer(cell, case) if whose == "tidegate" else LAYERS[cell](case.size, case.size)

    def step(steps: int) -> Callable[[], Any]:
        x = torch.randn(steps, case.batch, case.size)

        def training() -> None:
            layer(x.requires_grad_())[0].sum().backward()

        def inference() -> None:
            with torch.inference_mode():
                layer(x)

        return training if mode == "training" else inference

    if what == "first-call":
        call = step(case.steps)
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
    step(2)()  # libraries are loaded, kernels are there
    layer.zero_grad(set_to_none=True)
    call = step(case.steps)
    # Freed memory that the allocator, or our buffers, still hold would hide as much of what the step takes.
    release()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is in use
    before = _kibibytes("VmRSS")
    call()
    return 1024 * (_kibibytes("VmHWM") - before)


def _kibibytes(name: str) -> float:
    """A line of the process's status."""
    status = Path("/proc/self/status").read_text()
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:")))


if __name__ == "__main__":
    print(_main(*sys.argv[1:]))
