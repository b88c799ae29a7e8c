"""A million steps of a model in C: how long the slowest take, and that the system is asked for nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from benchmarks.exports.commands import run
from benchmarks.exports.timed_c import TimedC, compiled

STEPS = 1_000_000
PROGRAM = """\
#include <stdio.h>
#include <stdlib.h>
#include "model.h"

int main(int count, char **given) {
  static model_model model;
  static model_state state;
  static float x[4096], y[MODEL_OUTPUTS];
  FILE *const file = fopen("model.bin", "rb");
  const size_t size = 64 + MODEL_WEIGHTS * sizeof(float);
  void *const bytes = malloc(size);
  if (count != 2 || !file || !bytes || fread(bytes, 1, size, file) != size) return 2;
  if (model_load(&model, bytes, size) != 0) return 3;
  model_reset(&model, &state);
  for (long n = atol(given[1]); n > 0; --n) model_step(&model, &state, x, y);
  return 0;
}
"""


class Slowest(NamedTuple):
    """Seconds of a million steps: the median, and which 99.9% stay below; the latter of loops that count as long."""

    median: float
    slow: float
    counting: float


def slowest(timed: TimedC) -> Slowest:
    """Time a million steps one by one, and loops as long that touch no memory: interrupts lengthen both."""
    timed.each(STEPS // 100)
    taken = timed.each(STEPS)
    median = float(taken.median())
    one = float(timed.counting(1000, 1001).median()) / 1000
    control = timed.counting(round(median / one), STEPS)
    return Slowest(median, *(float(it.sort().values[STEPS - STEPS // 1000]) for it in (taken, control)))


def system_calls(folder: Path) -> int | None:
    """Return how many system calls a million steps make beyond those of ten; None without strace.

    Raises:
        BenchmarkError: the program fails.
    """
    (folder / "main.c").write_text(PROGRAM)
    compiled([folder / "model.c", folder / "main.c"], folder / "steps")
    if shutil.which("strace") is None:
        return None
    found = []
    for steps in (10, STEPS):
        run(["strace", "-f", "-o", str(folder / "calls"), "./steps", str(steps)], folder)
        found.append(len((folder / "calls").read_text().splitlines()))
    return found[1] - found[0]
