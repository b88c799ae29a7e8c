"""Kernels for processors with fewer instructions than this one: the same tests, in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("llvmlite")
from llvmlite import binding as llvm

from tidegate.engine.backends.llvm.jit.instruction_set import SMALLER, SWITCH, instruction_set

ROOT = Path(__file__).resolve().parents[2]
# Papers, sizes and lengths; numbers, elementary functions; what kernels read and write outside their memory.
WHOLE = ("parity_papers", "parity_language", "random_cells", "kernel_numbers", "elementary_functions", "kernel_memory")


def run_there(wanted: str, *arguments: str) -> str:
    if not all(llvm.get_host_cpu_features().get(name) for name in SMALLER.get(wanted, ((), ()))[1]):
        pytest.skip(f"this processor has no {wanted}")
    command, there = [sys.executable, *arguments], os.environ | {SWITCH: wanted}
    done = subprocess.run(command, cwd=ROOT, env=there, capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}\nexit code {done.returncode}"


@pytest.mark.skipif(instruction_set().vector_bytes == 32, reason="all other tests run them on this processor")
def test_avx2_computes_what_the_papers_say() -> None:
    """Several sequences of many cells, the projected LSTM, and what single steps read and write: the fast ones."""
    files = [f"tests/engine/test_{name}.py" for name in ("parity_papers", "kernel_memory")]
    some = ("-k", "(llvm and float32 and (B5 or test_projection)) or step_at_a_time", "-m", "not slow")
    said = run_there("avx2", "-m", "pytest", "-q", "-p", "no:cacheprovider", *some, *files)
    assert said.endswith("exit code 0"), said


@pytest.mark.slow
@pytest.mark.parametrize("wanted", SMALLER)
def test_the_whole_matrix(wanted: str) -> None:
    files = [f"tests/engine/test_{name}.py" for name in WHOLE]
    said = run_there(wanted, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "slow or not slow", *files)
    assert said.endswith("exit code 0"), said


def test_code_for_a_smaller_processor_is_kept_apart_and_has_its_registers(tmp_path: Path) -> None:
    program = (
        "import os, sys; os.environ['TIDEGATE_CACHE'] = sys.argv[1]; import torch; from tidegate.nn import LSTM;"
        "from tidegate.engine.backends.llvm.jit.instruction_set import instruction_set;"
        "LSTM(3, 5)(torch.zeros(2, 1, 3)); print(instruction_set().vector_bytes, len(os.listdir(sys.argv[1])))"
    )
    found = [run_there(wanted, "-c", program, str(tmp_path)).split()[:2] for wanted in ("sse2", "native", "sse2")]
    assert found[0][0] == "16"
    assert int(found[1][1]) == 2 * int(found[0][1]) == int(found[2][1])


def test_what_is_unknown_is_refused() -> None:
    said = run_there("avx9", "-c", "import torch, tidegate; tidegate.nn.LSTM(3, 5)(torch.zeros(2, 1, 3))")
    assert "ArgumentError: TIDEGATE_CPU must be one of native, avx2, sse2" in said
    assert "exit code 1" in said
