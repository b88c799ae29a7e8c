"""States of models in C are saved and loaded, on any layout of the weights; files of weights are checked."""

from __future__ import annotations

import ctypes
import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.export.c_programs import as_library, needs_compiler
from torch import nn

import tidegate
from tidegate import export
from tidegate.export.graph.model_digest import model_digest
from tidegate.export.graph.models import graph_of
from tidegate.tasks.classify.task import Classifier, ClassifyConfig

pytestmark = needs_compiler


class Called:
    """A model's code, embedded, with a state."""

    def __init__(self, model: nn.Module, folder: Path, vector: Any):
        self.c = as_library(export.c(model, folder, embed=True, vector=vector, check=False))
        for name in ("state_size", "saved_size"):
            getattr(self.c, f"model_{name}").restype = ctypes.c_size_t
        self.model = ctypes.c_void_p()
        self.c.model_embedded(ctypes.byref(self.model))
        self.state = ctypes.create_string_buffer(self.c.model_state_size() + 8)
        self.c.model_reset(ctypes.byref(self.model), self.state)

    def block(self, *inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        y = np.empty((len(inputs[0]), self.c.model_outputs()), np.float32)
        *given, to = (it.ctypes.data_as(ctypes.c_void_p) for it in (*inputs, y))
        self.c.model_block(ctypes.byref(self.model), self.state, *given, len(y), to)
        return y

    def saved(self) -> bytes:
        found = ctypes.create_string_buffer(self.c.model_saved_size())
        self.c.model_save_state(self.state, found)
        return found.raw

    def load(self, saved: bytes) -> int:
        return self.c.model_load_state(self.state, saved, ctypes.c_size_t(len(saved)))


def pooled() -> Classifier:
    from tidegate.data.columns import Preprocessing

    fitted = {"input": "frames", "mean": [0.0] * 3, "deviation": [1.0] * 3, "labels": ["x", "y"]}
    return Classifier(ClassifyConfig(hidden_size=9, bidirectional=False, pooling="mean"), Preprocessing(fitted))


def layers() -> nn.Module:
    return nn.Sequential(tidegate.nn.LSTM(3, 19, 2), nn.Linear(19, 4))


@pytest.mark.parametrize("cell", ["gru", "time_lstm"])
def test_steps_are_those_of_a_block_where_inputs_are_large(cell: str, tmp_path: Path) -> None:
    """A block multiplies the inputs of two steps at once."""
    torch.manual_seed(0)
    model = nn.Sequential(tidegate.nn.Recurrent(cell, 64, 48), nn.Linear(48, 2)).eval()
    called = Called(model, tmp_path / "code", 64)
    x = torch.randn(7, 64)
    masks = {"dt": torch.rand(7, 1)} if cell == "time_lstm" else {}
    given = [x.numpy(), *(it.numpy() for it in masks.values())]
    whole = called.block(*given)
    with torch.no_grad():
        expected = model[1](model[0](x[:, None], masks=masks)[0][:, 0])
    np.testing.assert_allclose(whole, expected, rtol=1e-5, atol=1e-6)
    called.c.model_reset(ctypes.byref(called.model), called.state)
    steps = [called.block(*(it[n : n + 1] for it in given)) for n in range(7)]
    np.testing.assert_array_equal(np.concatenate(steps), whole)


@pytest.mark.parametrize("made", [layers, pytest.param(pooled, marks=pytest.mark.slow)])
def test_a_saved_state_goes_on_elsewhere(made: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, x = made().eval(), np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    first, other = Called(model, tmp_path / "wide", 64), Called(model, tmp_path / "narrow", 16)
    whole = first.block(x)
    first.c.model_reset(ctypes.byref(first.model), first.state)
    first.block(x[:25])
    saved = first.saved()
    first.block(x[:7])
    assert first.load(saved) == 0
    assert first.saved() == saved
    np.testing.assert_array_equal(first.block(x[25:]), whole[25:])
    assert other.load(saved) == 0
    assert other.saved() == saved
    np.testing.assert_allclose(other.block(x[25:]), whole[25:], rtol=1e-5, atol=1e-6)
    digest = bytes.fromhex(re.search(r'_DIGEST "(\w+)"', (tmp_path / "wide" / "model.h").read_text())[1])  # type: ignore[index]
    assert saved[:8] + saved[16:48] == b"TIDESTAT" + digest
    if made is layers:  # the numbers are little-endian float32: h and c of each layer
        assert len(saved) == 48 + 4 * 4 * 19
    before = first.saved()
    assert first.load(saved[:-1]) == 1
    assert first.load(b"x" + saved[1:]) == 2
    assert first.load(saved[:8] + b"\2" + saved[9:]) == 2
    assert first.load(saved[:30] + bytes([saved[30] ^ 1]) + saved[31:]) == 3
    assert first.saved() == before


def test_the_digest_is_of_equations_and_numbers() -> None:
    torch.manual_seed(0)
    one = nn.Sequential(tidegate.nn.GRU(3, 5), nn.Tanh())
    digest = model_digest(graph_of(one))
    assert digest == model_digest(graph_of(one))
    assert digest != model_digest(graph_of(nn.Sequential(one[0], nn.Sigmoid())))
    assert digest != model_digest(graph_of(nn.Sequential(one[0])))
    with torch.no_grad():
        one.get_parameter("0.weight_hh_l0")[1, 2] += 1e-6
    assert digest != model_digest(graph_of(one))


def test_weights_are_loaded_only_if_they_are_the_models(tmp_path: Path) -> None:
    folder = export.c(nn.Linear(3, 2), tmp_path / "code", check=False)
    library, weights = as_library(folder), (folder / "model.bin").read_bytes()
    text = (folder / "model.h").read_text()
    assert f'MODEL_WEIGHTS_DIGEST "{hashlib.sha256(weights[64:]).hexdigest()}"' in text
    memory = ctypes.create_string_buffer(len(weights) + 64)

    def load(given: bytes, shift: int = 0) -> int:
        at = -(-ctypes.addressof(memory) // 16) * 16 + shift
        ctypes.memmove(at, given, len(given))
        return library.model_load(ctypes.byref(ctypes.c_void_p()), ctypes.c_void_p(at), ctypes.c_size_t(len(given)))

    other = (export.c(nn.Linear(3, 2), tmp_path / "other", check=False) / "model.bin").read_bytes()
    assert load(weights) == 0
    assert load(weights[:-4]) == load(b"") == 1
    assert load(b"TIDEGATF" + weights[8:]) == load(weights[:8] + b"\2" + weights[9:]) == 2
    assert load(other) == 3
    assert [load(weights, shift) for shift in (1, 2, 3, 4)] == [4, 4, 4, 0]


ELSEWHERE = r"""
#include <stdio.h>
#include "model.h"
int main(void) {
  static model_model model;
  static model_state state;
  static unsigned char saved[MODEL_SAVED];
  const float x[3] = {0.5f, -1.0f, 2.0f};
  float y[MODEL_OUTPUTS];
  model_embedded(&model);
  FILE *const file = fopen("saved", "rb");
  if (!file || model_load_state(&state, saved, fread(saved, 1, sizeof saved, file)) != 0) return 1;
  model_step(&model, &state, x, y);
  for (int k = 0; k < MODEL_OUTPUTS; ++k) printf("%.9g\n", (double)y[k]);
  return 0;
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["aarch64-linux-gnu", "arm-linux-gnueabihf", "riscv64-linux-gnu"])
def test_a_state_goes_on_on_another_processor(machine: str, tmp_path: Path) -> None:
    compiler, runner = f"{machine}-gcc", f"qemu-{machine.partition('-')[0]}"
    if shutil.which(compiler) is None or shutil.which(runner) is None:
        pytest.skip(f"no {compiler} or {runner} on this machine")
    torch.manual_seed(0)
    here = Called(layers().eval(), tmp_path / "code", 64)
    here.block(np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32))
    (tmp_path / "code" / "saved").write_bytes(here.saved())
    (tmp_path / "code" / "main.c").write_text(ELSEWHERE)
    command = [compiler, "-std=c11", "-O2", "-static", "-o", "main", "main.c", "model.c", "model_weights.c", "-lm"]
    subprocess.run(command, cwd=tmp_path / "code", check=True, capture_output=True)
    found = subprocess.run([runner, "./main"], cwd=tmp_path / "code", check=True, capture_output=True, text=True).stdout
    expected = here.block(np.array([[0.5, -1, 2]], np.float32))[0]
    np.testing.assert_allclose(np.array(found.split(), float), expected, rtol=1e-5, atol=1e-6)
