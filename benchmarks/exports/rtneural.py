"""An LSTM with a dense layer in RTNeural, compiled for its size, from a checkout of RTNeural."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmarks.exports.cases import Case
from benchmarks.exports.commands import run

BACKENDS = {  # with the largest alignment that each accepts
    "xsimd": ["-DRTNEURAL_USE_XSIMD=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=64"],
    "Eigen": ["-DRTNEURAL_USE_EIGEN=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=32"],
    "STL": ["-DRTNEURAL_USE_STL=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=16"],
}
PROGRAM = """\
#include <RTNeural/RTNeural.h>
#include <chrono>

constexpr int units = {units}, frames = {frames};
static RTNeural::ModelT<float, 1, 1, RTNeural::LSTMLayerT<float, 1, units>, RTNeural::DenseT<float, units, 1>> model;

using Rows = std::vector<std::vector<float>>;

extern "C" void begin(const float *w, const float *u, const float *b, const float *head, const float *bias) {{
  Rows of_input(1, std::vector<float>(4 * units)), of_state(units, std::vector<float>(4 * units));
  for (int row = 0; row < 4 * units; ++row) {{
    of_input[0][row] = w[row];
    for (int k = 0; k < units; ++k) of_state[k][row] = u[row * units + k];
  }}
  auto &lstm = model.get<0>();
  lstm.setWVals(of_input);
  lstm.setUVals(of_state);
  lstm.setBVals(std::vector<float>(b, b + 4 * units));
  model.get<1>().setWeights(Rows(1, std::vector<float>(head, head + units)));
  model.get<1>().setBias(bias);
}}

extern "C" void outputs(const float *x, float *y) {{
  model.reset();
  for (int n = 0; n < frames; ++n) y[n] = model.forward(x + n);
}}

extern "C" double seconds(const float *x, long calls) {{
  int frame = 0;
  volatile float y = 0;
  const auto start = std::chrono::steady_clock::now();
  for (long n = 0; n < calls; ++n) {{
    y = model.forward(x + frame);
    frame = frame + 1 < frames ? frame + 1 : 0;
  }}
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}}
"""


class RTNeural:
    """A case of one LSTM of one input and a dense layer, by one of RTNeural's backends.

    Args:
        case: the model.
        checkout: the folder of RTNeural; ``modules`` has Eigen.
        xsimd: the folder of xsimd.
        backend: one of `BACKENDS`.
        folder: where the library is written.
    """

    def __init__(self, case: Case, checkout: Path, xsimd: Path, backend: str, folder: Path):
        recurrent, head = cast(nn.LSTM, case.model[0]), cast(nn.Linear, case.model[1])
        (folder / f"{backend}.cpp").write_text(PROGRAM.format(units=recurrent.hidden_size, frames=len(case.x)))
        library = folder / f"rtneural_{backend}.so"
        flags = ["-std=c++17", "-O3", "-march=native", *BACKENDS[backend]]
        folders = [checkout, checkout / "modules" / "Eigen", checkout / "modules" / "json", xsimd / "include"]
        command = ["g++", *flags, "-w", *(f"-I{it}" for it in folders), "-shared", "-fPIC"]
        command += ["-o", str(library), str(folder / f"{backend}.cpp")]
        run(command)
        self._library: Any = ctypes.CDLL(str(library))
        self._library.seconds.restype = ctypes.c_double
        w = dict(recurrent.named_parameters())
        bias = w["bias_ih_l0"] + w["bias_hh_l0"]
        given = [w["weight_ih_l0"], w["weight_hh_l0"], bias, head.weight, head.bias]
        self._kept = [it.detach().contiguous() for it in given]
        self._library.begin(*(ctypes.c_void_p(it.data_ptr()) for it in self._kept))
        self._x = case.x.contiguous()

    def outputs(self) -> Tensor:
        """Return the outputs for all samples, from the beginning, (T, 1)."""
        y = torch.empty(len(self._x), 1)
        self._library.outputs(ctypes.c_void_p(self._x.data_ptr()), ctypes.c_void_p(y.data_ptr()))
        return y

    def seconds(self, calls: int) -> float:
        """Return the seconds of a number of steps."""
        return self._library.seconds(ctypes.c_void_p(self._x.data_ptr()), ctypes.c_long(calls))
