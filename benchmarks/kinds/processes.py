"""What is measured in processes of their own: memory, first calls, and layers on fewer instructions."""

import functools
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.cases import MODES, Case, Mode
from benchmarks.kinds import fresh
from benchmarks.kinds.job import Job, check
from benchmarks.layers import CELLS, DROP_INS, REGISTRY
from benchmarks.measure import spread
from benchmarks.rows import Row, absolute_row

PROCESSES = 3  # a measurement in new processes takes seconds: one for every 3 pairs of turns
# Our kernels, oneDNN, PyTorch's own kernels and MKL, each by its own variable.
AVX2 = {
    "TIDEGATE_CPU": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def memory(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """Our peak of a training step over torch.nn's."""

    def measure(cell: str) -> list[Row]:
        check(cell, case, "training")
        threads = torch.get_num_threads()
        taken = [
            (fresh.peak_memory("tidegate", cell, case, threads), fresh.peak_memory("torch.nn", cell, case, threads))
            for _ in range(max(1, repeats // PROCESSES))
        ]
        found = spread([mine / theirs for mine, theirs in taken])
        mine, theirs = (spread([pair[k] for pair in taken]).median / 2**20 for k in (0, 1))
        note = f"{mine:.0f} against {theirs:.0f} MiB"
        return [absolute_row("memory", cell, str(case), "training", "torch.nn", "x", found, note)]

    for cell in DROP_INS:
        if cell in cells:
            yield Job(f"{cell} {case}: in processes of their own", functools.partial(measure, cell))


def first_call(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """Seconds from the first call to its result, kernels not yet compiled or on disk.

    Where all of the benchmark's cells are measured, the registry's others are too, in training, once.
    """

    def measure(cell: str, mode: Mode, times: int) -> list[Row]:
        check(cell, case, mode)
        taken = [fresh.first_calls(cell, case, mode, torch.get_num_threads()) for _ in range(times)]
        return [
            absolute_row("first call", cell, str(case), mode, f"{kind} cache", "s", spread([pair[k] for pair in taken]))
            for k, kind in enumerate(("cold", "warm"))
        ]

    def job(cell: str, mode: Mode, times: int) -> Job:
        return Job(f"{cell} {case} {mode}: in fresh processes", functools.partial(measure, cell, mode, times))

    for cell in cells:
        for mode in MODES:
            yield job(cell, mode, max(1, repeats // PROCESSES))
    if set(CELLS) <= set(cells):
        for cell in REGISTRY:
            if cell not in cells:
                yield job(cell, "training", 1)


def on_avx2(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """The same benchmark in a process in which our kernels and PyTorch's have AVX2 and not AVX-512."""
    inner = replace(case, kind=case.kind.removeprefix("AVX2").strip())

    def measure() -> list[Row]:
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
            options = {
                "--cases": str(inner),
                "--cells": ",".join(chosen),
                "--peers": "torch.nn",
                "--repeats": str(repeats),
                "--threads": str(torch.get_num_threads()),
                "--out": folder,
            }
            fresh.run("benchmarks", *(word for pair in options.items() for word in pair), **AVX2)
            (written,) = Path(folder).glob("*.json")
            rows = [Row(**row) for row in json.loads(written.read_text())["rows"]]
        return [replace(row, kind=case.kind, case=str(case)) for row in rows]

    chosen = [cell for cell in DROP_INS if cell in cells and (cell == "lstm" or not inner.kind)]
    if chosen:
        yield Job(f"{', '.join(chosen)} {case}: in a process of its own", measure)
