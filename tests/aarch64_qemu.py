"""Run a layer's kernels for 64-bit ARM in QEMU, and compare with PyTorch: ``python -m tests.aarch64_qemu lstm gru``.

Every kernel is compiled for ARM and linked with a small C program. A call writes down its arguments and all memory that
they refer to; the program, run by qemu-aarch64, calls the kernel and writes the memory back. So what is computed, and
its gradients, come from ARM's machine code. Each cell is a line of JSON with the largest difference from the reference.
It needs a process of its own, aarch64-linux-gnu-gcc and qemu-aarch64.
"""

import bisect
import ctypes
import json
import operator
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from tests.aarch64 import optimised, pretend

LINUX = "aarch64-unknown-linux-gnu"
SEED = 3
DRIVER = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void kernel(int64_t *table, int64_t part, int64_t parts);

typedef struct { int64_t start, bytes, holds_addresses; char *here; } Area;

static int64_t count, areas_count;
static Area *areas;

static int64_t moved(int64_t value) {
  for (int64_t k = 0; k < areas_count; ++k)
    if (areas[k].start <= value && value < areas[k].start + areas[k].bytes)
      return (int64_t)(intptr_t)(areas[k].here + (value - areas[k].start));
  return value;
}

static void need(size_t found, size_t expected) { if (found != expected) exit(3); }

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  FILE *file = fopen(argv[1], "r+b");
  if (!file) return 2;
  need(fread(&count, 8, 1, file), 1);
  int64_t *table = malloc((size_t)count * 8);
  need(fread(table, 8, (size_t)count, file), (size_t)count);
  need(fread(&areas_count, 8, 1, file), 1);
  areas = calloc((size_t)areas_count, sizeof *areas);
  for (int64_t k = 0; k < areas_count; ++k) {
    Area *a = &areas[k];
    need(fread(&a->start, 8, 3, file), 3);
    size_t shift = (size_t)(a->start % 64);  /* as aligned as it was */
    a->here = (char *)aligned_alloc(64, ((size_t)a->bytes + shift + 63) / 64 * 64) + shift;
    need(fread(a->here, 1, (size_t)a->bytes, file), (size_t)a->bytes);
  }
  for (int64_t k = 0; k < count; ++k) table[k] = moved(table[k]);
  for (int64_t k = 0; k < areas_count; ++k)
    if (areas[k].holds_addresses)
      for (int64_t j = 0; j < areas[k].bytes / 8; ++j) {
        int64_t *number = (int64_t *)areas[k].here + j;
        *number = moved(*number);
      }
  kernel(table, 0, 1);
  rewind(file);
  for (int64_t k = 0; k < areas_count; ++k)
    if (!areas[k].holds_addresses) need(fwrite(areas[k].here, 1, (size_t)areas[k].bytes, file), (size_t)areas[k].bytes);
  return fclose(file);
}
"""


class Memory:
    """What addresses were asked for: tensors' memory, and arrays of whole numbers, which may be addresses too."""

    def __init__(self) -> None:
        self.areas: dict[int, tuple[int, bool, Any]] = {}  # by address: bytes, whether of addresses, what to keep alive
        self._sorted: list[int] = []
        data_ptr, addressof = torch.Tensor.data_ptr, ctypes.addressof

        def recorded_data_ptr(tensor: torch.Tensor, /) -> int:
            storage = tensor.untyped_storage()
            self._add(storage.data_ptr(), storage.nbytes(), False, storage)
            return data_ptr(tensor)

        def recorded_addressof(array: Any) -> int:
            self._add(addressof(array), ctypes.sizeof(array), True, array)
            return addressof(array)

        torch.Tensor.data_ptr = recorded_data_ptr  # pyright: ignore[reportAttributeAccessIssue]
        ctypes.addressof = recorded_addressof

    def _add(self, start: int, size: int, addresses: bool, owner: Any) -> None:
        if size and start not in self.areas:
            self.areas[start] = (size, addresses, owner)
            bisect.insort(self._sorted, start)

    def reached(self, numbers: list[int]) -> list[int]:
        """Return the starts of all memory that some numbers, and addresses kept there, point to."""
        found: dict[int, None] = {}
        waiting = [*numbers]
        while waiting:
            value = waiting.pop()
            at = bisect.bisect_right(self._sorted, value) - 1
            start = self._sorted[at] if at >= 0 else 0
            if at < 0 or start in found or value >= start + self.areas[start][0]:
                continue
            found[start] = None
            if self.areas[start][1]:
                waiting += (ctypes.c_int64 * (self.areas[start][0] // 8)).from_address(start)
        return [*found]


def main(cells: list[str]) -> None:
    machine = pretend()[LINUX]
    memory, calls = Memory(), 0
    made = tempfile.TemporaryDirectory()
    folder = Path(made.name)
    from tidegate.engine.backends.llvm.jit import compile as jit
    from tidegate.nn import Recurrent

    (folder / "driver.c").write_text(DRIVER)

    def linked(self: jit.Compiled, spec: jit.Spec) -> None:
        text, slots = jit._emit(spec, "kernel")
        program = folder / f"{len([*folder.iterdir()])}"
        program.with_suffix(".o").write_bytes(machine.emit_object(optimised(text, LINUX, machine)))
        command = ["aarch64-linux-gnu-gcc", "-O1", "-static", "-o", program, "driver.c", f"{program}.o", "-lm"]
        subprocess.run(command, cwd=folder, check=True)
        self.table, self.thread_entry = slots, 0
        self._arguments = operator.itemgetter(*sorted(slots, key=slots.__getitem__))
        self._array = array = ctypes.c_int64 * len(slots)

        def call(table: Any, part: int, parts: int) -> None:
            nonlocal calls
            assert (part, parts) == (0, 1)
            calls += 1
            numbers = [*(array.from_address(table) if isinstance(table, int) else table)]
            reached = memory.reached(numbers)
            given = folder / "call"
            with given.open("wb") as file:
                file.write(struct.pack(f"<{len(numbers) + 2}q", len(numbers), *numbers, len(reached)))
                for start in reached:
                    size, addresses, _ = memory.areas[start]
                    file.write(struct.pack("<3q", start, size, addresses) + ctypes.string_at(start, size))
            subprocess.run(["qemu-aarch64", program, given], check=True)
            with given.open("rb") as file:
                for start in reached:
                    size, addresses, _ = memory.areas[start]
                    if not addresses:
                        ctypes.memmove(start, file.read(size), size)

        self.call = call

    jit.Compiled.__init__ = linked
    torch.set_num_threads(1)
    for name in cells:
        worst, before = 0.0, calls
        for batch, hidden, dtype in ((1, 33, torch.float32), (9, 33, torch.float32), (3, 20, torch.float64)):
            torch.manual_seed(SEED)
            layer = Recurrent(name, 5, hidden, dtype=dtype)
            x = torch.randn(4, batch, 5, dtype=dtype)
            lengths = torch.randint(0, 5, (batch,)) if batch > 1 else None
            found = _results(layer, x, lengths, "llvm")
            expected = _results(layer.to(torch.float64), x.double(), lengths, "reference")
            for one, other in zip(found, expected, strict=True):
                scale = (1 if dtype == torch.float32 else 1e-9) * (1 + float(other.abs().max()))
                worst = max(worst, float((one - other).abs().max()) / scale)
        print(json.dumps({"cell": name, "calls": calls - before, "worst": worst}))


def _results(layer: Any, x: torch.Tensor, lengths: torch.Tensor | None, backend: str) -> list[torch.Tensor]:
    """Return output, final states and all gradients, with weights for each result so that none cancels."""
    from tidegate.nn.layered import by_name

    layer.backend = by_name(backend)
    layer.zero_grad()
    x = x.clone().requires_grad_()
    output, state = layer(x, lengths=lengths)
    states = [state] if isinstance(state, torch.Tensor) else [*state]
    torch.stack([(k + 1) * it.sin().sum() for k, it in enumerate([output, *states])]).sum().backward()
    gradients = [x.grad, *[p.grad for p in layer.parameters()]]
    return [it.detach().double().clone() for it in [output, *states, *gradients] if it is not None]


if __name__ == "__main__":
    main(sys.argv[1:])
