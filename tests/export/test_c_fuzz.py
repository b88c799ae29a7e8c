"""Altered files of weights and states are refused or harmless, under sanitizers; no cell's code has a warning."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.export.c_programs import STRICT, language_run
from tests.export.test_c_export import COMPOSED
from tests.fuzz.mutate import mutated

import tidegate
from tidegate import export
from tidegate.cells import CELLS
from tidegate.export.c.int8_products import Int8Products
from tidegate.export.c.interface.header_file import header
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.product_loops import FLOAT32
from tidegate.export.c.source_files import source
from tidegate.export.graph.models import graph_of
from tidegate.text.tokenizers.tokenizer import CharacterTokenizer

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("gcc") is None, reason="no GCC on this machine")]
COPIES = 1000
DRIVER = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"

/* Read a name after another; load the file as weights or as a state, and run the model if that is accepted. */
int main(void) {
  static model_state state;
  static char name[4096];
  float y[MODEL_OUTPUTS];
  unsigned char saved[MODEL_SAVED];
  uint64_t seed = 1;
  while (scanf("%4095s", name) == 1) {
    FILE *const file = fopen(name, "rb");
    if (!file) return 2;
    fseek(file, 0, SEEK_END);
    const size_t size = (size_t)ftell(file);
    rewind(file);
    char *const bytes = malloc(size + 1);
    if (!bytes || fread(bytes, 1, size, file) != size) return 2;
    fclose(file);
    char *const own = malloc(size ? size : 1); /* its end is guarded */
    if (!own) return 2;
    memcpy(own, bytes, size);
    model_model model;
    BEFORE;
    const int refused = LOADS;
    if (refused == 0) {
      AFTER;
      for (int n = 0; n < 5; ++n) {
        model_step(&model, &state, n, y);
        const int token = model_sample(y, 0.7f, 4, 0.9f, 0.01f, &seed);
        if (token < -1 || token >= MODEL_OUTPUTS) abort();
      }
      model_save_state(&state, saved);
      if (model_load_state(&state, saved, sizeof saved) != 0) abort();
    }
    printf("%d\\n", refused);
    free(own);
    free(bytes);
  }
  return 0;
}
"""


def copies(whole: bytes, folder: Path) -> list[Path]:
    """Altered copies of a file: as any file is altered, and with other numbers behind a head that is accepted."""
    folder.mkdir()
    found, chance = [], random.Random(1)
    for n in range(COPIES):
        altered = mutated(whole, n)
        if n % 2:  # numbers of any bits, also such as are not numbers
            numbers = bytearray(whole)
            for _ in range(chance.randrange(1, 40)):
                at = chance.randrange(64, len(whole) - 4)
                numbers[at : at + 4] = chance.choice(
                    [chance.randbytes(4), b"\xff\xff\xff\x7f", b"\x01\x00\x80\xff", b"\xff\xff\x7f\x7f"]
                )
            altered = bytes(numbers)
        found.append(folder / f"{n}")
        found[-1].write_bytes(altered)
    return found


@pytest.mark.parametrize("weights", ["float32", "int8"])
@pytest.mark.parametrize("kind", ["weights", "state"])
def test_altered_files_are_refused_or_harmless(kind: str, weights: Any, tmp_path: Path) -> None:
    run = language_run(CharacterTokenizer("abcdefghi"))
    folder = export.c(run, tmp_path / "code", embed=kind == "state", weights=weights, check=False)
    if kind == "weights":
        loads, after = "model_load(&model, own, size)", "model_reset(&model, &state)"
        before = "(void)0"
        whole = (folder / "model.bin").read_bytes()
    else:
        loads, after = "model_load_state(&state, own, size)", "(void)0"
        before = "model_embedded(&model); model_reset(&model, &state)"
        digest = next(it for it in (folder / "model.h").read_text().split('"') if len(it) == 64)
        numbers = 2 * 12
        whole = b"TIDESTAT" + struct.pack("<II", 1, numbers) + bytes.fromhex(digest) + bytes(4 * numbers)
    text = DRIVER.replace("BEFORE", before).replace("LOADS", loads).replace("AFTER", after)
    (folder / "main.c").write_text(text)
    sanitized = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover")
    sources = ["main.c", "model.c", *(["model_weights.c"] if kind == "state" else [])]
    subprocess.run(["gcc", "-std=c11", *sanitized, "-o", "main", *sources, "-lm"], cwd=folder, check=True)
    given = [folder / "whole", *copies(whole, tmp_path / "copies")]
    given[0].write_bytes(whole)
    ended = subprocess.run(
        [folder / "main"], input="\n".join(map(str, given)), capture_output=True, text=True, check=False,
        env={"ASAN_OPTIONS": "detect_leaks=0"},
    )  # fmt: skip
    assert not ended.returncode, ended.stderr[-3000:]
    said = ended.stdout.split()
    assert len(said) == 1 + COPIES
    assert said[0] == "0"
    assert {"0", "1"} <= {*said} <= {"0", "1", "2", "3"}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("products", [FLOAT32, Int8Products()], ids=["float32", "int8"])
def test_every_cell_compiles_without_a_warning(compiler: str, products: Any, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} on this machine")
    made = {cell: tidegate.nn.Recurrent(cell, 7, 37, backend="reference") for cell in CELLS}
    for layer in (*made.values(), *(make() for make in COMPOSED.values())):
        code = ModelCode(graph_of(layer.eval()), products=products)
        (tmp_path / "model.h").write_text(header(code))
        (tmp_path / "model.c").write_text(source(code))
        command = [compiler, *STRICT, "-O1", "-fsyntax-only", "model.c"]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert not ended.returncode, f"{layer}\n{ended.stderr}"
