"""A model's C code, compiled as its Makefile would, with loops in C that time it."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.exports.commands import run
from benchmarks.exports.toolchains import FAST
from tidegate import export
from tidegate.errors import BenchmarkError

TIMER = """\
#define _POSIX_C_SOURCE 199309L
#include <time.h>
#include "model.h"

enum {{ INPUTS = {inputs}, FRAMES = {frames} }};
static model_model model;
static model_state state;
static float y[FRAMES * MODEL_OUTPUTS];

static double now(void) {{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}}

int begin(const void *bytes, size_t size) {{ return model_load(&model, bytes, size); }}

void outputs(const float *x, float *to) {{
  model_reset(&model, &state);
  model_block(&model, &state, x, FRAMES, to);
}}

/* The seconds that calls take: of one step each, with the frames of x in turn, or of all frames. */
double seconds(const float *x, int steps, long calls) {{
  int frame = 0;
  const double start = now();
  for (long n = 0; n < calls; ++n) {{
    if (steps == 1) model_step(&model, &state, x + frame * INPUTS, y);
    else model_block(&model, &state, x, FRAMES, y);
    frame = frame + 1 < FRAMES ? frame + 1 : 0;
  }}
  return now() - start;
}}

/* The seconds of each of n steps. */
void each(const float *x, long n, float *taken) {{
  int frame = 0;
  for (long k = 0; k < n; ++k) {{
    const double start = now();
    model_step(&model, &state, x + frame * INPUTS, y);
    taken[k] = (float)(now() - start);
    frame = frame + 1 < FRAMES ? frame + 1 : 0;
  }}
}}

/* The seconds of each of n loops that only count. */
void counting(long rounds, long n, float *taken) {{
  for (long k = 0; k < n; ++k) {{
    const double start = now();
    for (volatile long round = 0; round < rounds; ++round) {{}}
    taken[k] = (float)(now() - start);
  }}
}}

/* The seconds of calls of another function that runs a step. */
double others(void (*run)(void *, long, long), void *table, long calls) {{
  const double start = now();
  for (long n = 0; n < calls; ++n) run(table, 0, 1);
  return now() - start;
}}
"""


class TimedC:
    """A model in C.

    Args:
        model: the model.
        x: the frames that it reads, (T, I).
        folder: a new folder.
        options: of `tidegate.export.c`.

    Attributes:
        folder: the folder.
    """

    def __init__(self, model: nn.Module, x: Tensor, folder: Path, **options: Any):
        export.c(model, folder, check=False, **options)
        self._x, self.folder = x.contiguous(), folder
        (folder / "timer.c").write_text(TIMER.format(inputs=x.shape[1], frames=len(x)))
        self._outputs = int(re.findall(r"MODEL_OUTPUTS = (\d+)", (folder / "model.h").read_text())[0])
        library = folder / "model.so"
        sources = [folder / "model.c", folder / "timer.c"]
        compiled(sources, library, "-shared", "-fPIC")
        self._library: Any = ctypes.CDLL(str(library))
        self._library.seconds.restype = self._library.others.restype = ctypes.c_double
        content = (folder / "model.bin").read_bytes()
        self._weights = torch.empty(len(content) // 4 + 32)  # PyTorch's memory begins at a multiple of 64 bytes
        ctypes.memmove(self._weights.data_ptr(), content, len(content))
        if self._library.begin(ctypes.c_void_p(self._weights.data_ptr()), ctypes.c_size_t(len(content))):
            raise BenchmarkError(f"The code in {folder} refuses its own weights.")

    def outputs(self) -> Tensor:
        """Return what the model gives for all frames, from the beginning."""
        y = torch.empty(len(self._x), self._outputs)
        self._library.outputs(self._pointer(), ctypes.c_void_p(y.data_ptr()))
        return y

    def seconds(self, steps: int, calls: int) -> float:
        """Return the seconds of a number of calls: of one step each, or of all frames."""
        return self._library.seconds(self._pointer(), ctypes.c_int(steps), ctypes.c_long(calls))

    def each(self, steps: int) -> Tensor:
        """Return the seconds of each step."""
        taken = torch.zeros(steps)
        self._library.each(self._pointer(), ctypes.c_long(steps), ctypes.c_void_p(taken.data_ptr()))
        return taken

    def counting(self, rounds: int, loops: int) -> Tensor:
        """Return the seconds of each of some loops that only count to a number."""
        taken = torch.zeros(loops)
        self._library.counting(ctypes.c_long(rounds), ctypes.c_long(loops), ctypes.c_void_p(taken.data_ptr()))
        return taken

    def others(self, address: int, table: int, calls: int) -> float:
        """Return the seconds of calls of one of the engine's kernels, from the same loop in C."""
        return self._library.others(ctypes.c_void_p(address), ctypes.c_void_p(table), ctypes.c_long(calls))

    def machine_code(self) -> int:
        """Return the bytes of machine code and constants of the model, without its weights."""
        made = self.folder / "model.o"
        compiled([self.folder / "model.c"], made, "-c")
        return int(run(["size", str(made)]).splitlines()[1].split()[0])

    def imports(self) -> list[str]:
        """Return the functions that the code takes from elsewhere; call `machine_code` first."""
        return [line.split()[-1] for line in run(["nm", "-u", str(self.folder / "model.o")]).splitlines()]

    def _pointer(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self._x.data_ptr())


def compiled(sources: Sequence[Path], made: Path, *options: str) -> None:
    """Compile as the Makefile of an export does.

    Raises:
        BenchmarkError: gcc refuses.
    """
    run(["gcc", "-std=c11", *FAST, *options, "-o", str(made), *map(str, sources), "-lm"])
