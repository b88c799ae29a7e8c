"""Kernels for 64-bit ARM: they compile, their inner loops are what tiles promise, what they compute is right."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llvmlite")

from tidegate.cells import CELLS

ROOT = Path(__file__).resolve().parents[2]
WAITING = {"syscall", "sched_yield", "usleep"}  # of threads for one another
FROM_THE_LIBRARY = {f"{name}f" for name in ("exp", "log", "sin", "cos", "fmod")}  # as on other processors

pytestmark = pytest.mark.slow


def described(*cells: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.aarch64", *cells]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_cell_compiles_and_keeps_its_sums_in_registers() -> None:
    kernels = described(*CELLS)
    assert {it["triple"] for it in kernels} == {"aarch64-unknown-linux-gnu", "arm64-apple-macosx"}
    for it in kernels:
        assert it["bytes"] > 1000
        assert {*it["calls"]} <= WAITING | FROM_THE_LIBRARY, it
        for loop in it["loops"]:
            assert loop["calls"] == loop["others"] == loop["on_stack"] == 0, it


@pytest.mark.parametrize(("cell", "most"), [("lstm", 48), ("gru", 36)])
def test_tiles_of_24_sums_and_no_calls_of_elementary_functions(cell: str, most: int) -> None:
    kernels = [it for it in described(cell) if it["kernel"] == "KernelSpec"]
    for it in kernels:
        assert {*it["calls"]} <= WAITING
    forward = [it for it in kernels if it["tiles"] == [[6, 1, 1]]]  # rows, blocks, chains
    assert len(forward) == 2
    for it in forward:
        assert max(loop["fma"] for loop in it["loops"]) == most  # two elements of the operand in a round


@pytest.mark.parametrize("cell", CELLS)
def test_machine_code_of_every_cell_computes_outputs_and_gradients(cell: str) -> None:
    """On an emulated processor, float32 and float64, odd sizes, with lengths; the truth is PyTorch in float64."""
    for tool in ("qemu-aarch64", "aarch64-linux-gnu-gcc"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} on this machine")
    command = [sys.executable, "-m", "tests.aarch64_qemu", cell]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["calls"] > 12  # forward and backward kernels, products and copies of three layers
    assert found["worst"] < 1e-5
