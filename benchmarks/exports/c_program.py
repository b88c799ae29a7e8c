"""One C program that runs many models: each reads its input from a file and writes its outputs to one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from benchmarks.exports.samples import Sample
from tidegate import export
from tidegate.errors import ArgumentError

MAIN = """\
#include <stdio.h>
#include <stdlib.h>
{includes}

/* The bytes of a file, which malloc aligns for all types. */
static void *bytes_of(const char *path, size_t *size) {{
  FILE *const file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) exit(3);
  *size = (size_t)ftell(file);
  rewind(file);
  void *const bytes = malloc(*size);
  if (!bytes || fread(bytes, 1, *size, file) != *size) exit(4);
  fclose(file);
  return bytes;
}}

/* What is given at every step follows x in its file. */
#define RUN(p, steps, outputs, ...) \\
  {{ \\
    static p##_state state; \\
    p##_model model; \\
    size_t size; \\
    void *const weights = bytes_of(#p ".bin", &size); \\
    if (p##_load(&model, weights, size) != 0) return 5; \\
    p##_reset(&model, &state); \\
    float *const x = bytes_of(#p ".x", &size); \\
    float *const y = malloc(steps * outputs * sizeof(float)); \\
    if (!y) return 6; \\
    p##_block(&model, &state, __VA_ARGS__, steps, y); \\
    FILE *const file = fopen(#p ".y", "wb"); \\
    if (!file || fwrite(y, sizeof(float), steps * outputs, file) != steps * outputs) return 7; \\
    fclose(file); \\
    free(weights); \\
    free(x); \\
    free(y); \\
  }}

int main(void) {{
{runs}
  return 0;
}}
"""


class Program:
    """The C code of samples, and a main function for all.

    Args:
        samples: the layers.
        folder: where everything is written.
        weights: "float32", or "int8".

    Attributes:
        samples: those that can be written.
        refused: why others cannot, by name.
        sources: the files to compile.
    """

    def __init__(self, samples: Sequence[Sample], folder: Path, weights: Literal["float32", "int8"] = "float32"):
        self.samples: list[Sample] = []
        self.refused: dict[str, str] = {}
        self.sources: list[Path] = [folder / "main.c"]
        self._folder = folder
        for it in samples:
            try:
                made = export.c(it.layer, folder / "made" / it.name, name=it.name, weights=weights, check=False)
            except ArgumentError as error:
                self.refused[it.name] = str(error)
                continue
            for suffix in (".c", ".h", ".bin"):
                (made / (it.name + suffix)).rename(folder / (it.name + suffix))
            torch.cat([it.x.flatten(), *map(torch.flatten, it.masks.values())]).numpy().tofile(folder / f"{it.name}.x")
            self.samples.append(it)
            self.sources.append(folder / f"{it.name}.c")
        includes = "\n".join(f'#include "{it.name}.h"' for it in self.samples)
        runs = "\n".join(map(_run, self.samples))
        self.sources[0].write_text(MAIN.format(includes=includes, runs=runs))

    def outputs(self) -> dict[str, Tensor]:
        """Return what the program wrote last, by name."""
        found = {}
        for it in self.samples:
            written = np.fromfile(self._folder / f"{it.name}.y", "<f4").reshape(it.exact.shape)
            found[it.name] = torch.from_numpy(written)
        return found


def _run(it: Sample) -> str:
    masks = "".join(f", x + {it.x.numel() + n * len(it.x)}" for n in range(len(it.masks)))
    return f"  RUN({it.name}, {len(it.x)}, {it.exact.shape[1]}, x{masks})"
