"""A layer of a published file without Tidegate: `torch.nn`, or Keras' equations in NumPy."""

from __future__ import annotations

import fnmatch
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from tidegate.errors import BenchmarkError

Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Torch:
    """A layer of `torch.nn`, whose weights are loaded strictly.

    Attributes:
        kind: the class.
        sizes: what its constructor is given: inputs, units and layers.
        prefix: of its weights' names in the file.
        both: whether it is bidirectional.
        short: whether the names are those of `SHORT`.
    """

    kind: Literal["LSTM", "GRU", "LSTMCell"]
    sizes: tuple[int, ...]
    prefix: str
    both: bool = False
    short: bool = False

    def outputs(self, path: Path, x: Tensor) -> Tensor:
        """Return the outputs on input of shape (steps, batch, features), computed in its dtype."""
        held = _state_dict(path)
        weights = {
            name.removeprefix(self.prefix): torch.as_tensor(value).to(x.dtype)
            for name, value in held.items()
            if name.startswith(self.prefix)
        }
        if self.short:
            weights = {SHORT[name]: value for name, value in weights.items() if name in SHORT}
        options = {"bidirectional": True} if self.both else {}
        layer = getattr(nn, self.kind)(*self.sizes, **options).to(x.dtype)
        layer.load_state_dict(weights, strict=True)
        with torch.no_grad():
            if self.kind != "LSTMCell":
                return layer(x)[0]
            state, found = None, []
            for row in x:
                state = layer(row, state)
                found.append(state[0])
            return torch.stack(found)


@dataclass(frozen=True)
class Keras:
    """A layer of Keras.

    Attributes:
        kind: the class; a GRU's reset gate acts after the product if it has two biases.
        groups: for each direction a pattern of the HDF5 group of its kernel, recurrent kernel and bias.
        names: of the three arrays.
        gate: the function of the gates.
    """

    kind: Literal["LSTM", "GRU", "CuDNNLSTM"]
    groups: tuple[str, ...]
    names: tuple[str, str, str] = ("kernel:0", "recurrent_kernel:0", "bias:0")
    gate: Literal["sigmoid", "hard_sigmoid"] = "sigmoid"

    def outputs(self, path: Path, x: Tensor) -> Tensor:
        """Return the outputs on input of shape (steps, batch, features), computed in its dtype."""
        import h5py

        content: Path | io.BytesIO = path
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                content = io.BytesIO(archive.read("model.weights.h5"))
        run, rows, found = RUNS[self.kind], x.numpy(), []
        with h5py.File(content, "r") as file:
            for n, group in enumerate(self.groups):
                arrays = [np.asarray(_only(file, f"{group}/{name}"), rows.dtype) for name in self.names]
                turn = -1 if n else 1  # a backward layer reads from the end, and its outputs are turned back
                found.append(run(rows[::turn], arrays, GATES[self.gate])[::turn])
        return torch.from_numpy(np.concatenate(found, -1))


def _state_dict(path: Path) -> dict[str, Tensor | np.ndarray]:
    """Return all tensors of a file, those of nested dictionaries by names with dots."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path))
    held: dict[str, Tensor | np.ndarray] = {}
    waiting = [("", torch.load(path, map_location="cpu", weights_only=True))]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Tensor):
            held[name] = value
        elif isinstance(value, dict):
            waiting += [(f"{name}.{key}" if name else str(key), own) for key, own in value.items()]
    return held


def _only(file: Any, pattern: str) -> Any:
    """Return the array of an HDF5 file whose name matches.

    Raises:
        BenchmarkError: there is none, or there are several.
    """
    names: list[str] = []
    file.visit(names.append)
    found = fnmatch.filter(names, pattern)
    if len(found) != 1:
        raise BenchmarkError(f"{file.filename} has {len(found)} arrays {pattern}, not one.")
    return file[found[0]]


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def _hard_sigmoid(a: np.ndarray) -> np.ndarray:
    """Keras' function up to version 2."""
    return np.clip(0.2 * a + 0.5, 0, 1)


def _lstm(x: np.ndarray, arrays: Sequence[np.ndarray], gate: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    kernel, recurrent, bias = arrays
    h = c = np.zeros((x.shape[1], len(recurrent)), x.dtype)
    found: Arrays = []
    for row in x:
        i, f, new, o = np.split(row @ kernel + h @ recurrent + bias, 4, -1)
        c = gate(f) * c + gate(i) * np.tanh(new)
        h = gate(o) * np.tanh(c)
        found.append(h)
    return np.stack(found)


def _cudnn_lstm(x: np.ndarray, arrays: Sequence[np.ndarray], gate: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Run an LSTM whose blocks are cuDNN's matrices: (units, inputs) in memory, whatever their shape."""
    kernel, recurrent, bias = arrays
    blocks = [np.ascontiguousarray(it).reshape(len(recurrent), -1).T for it in np.split(kernel, 4, -1)]
    turned = [it.T for it in np.split(recurrent, 4, -1)]
    return _lstm(x, (np.hstack(blocks), np.hstack(turned), sum(np.split(bias, 2))), gate)  # type: ignore[arg-type]


def _gru(x: np.ndarray, arrays: Sequence[np.ndarray], gate: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    kernel, recurrent, biases = arrays
    after = biases.ndim == 2
    bias, recurrent_bias = biases if after else (biases, np.zeros_like(biases))
    units, found = len(recurrent), []
    h = np.zeros((x.shape[1], units), x.dtype)
    for row in x:
        x_z, x_r, x_n = np.split(row @ kernel + bias, 3, -1)
        h_z, h_r, h_n = np.split(h @ recurrent + recurrent_bias, 3, -1)
        z, r = gate(x_z + h_z), gate(x_r + h_r)
        h = z * h + (1 - z) * np.tanh(x_n + (r * h_n if after else (r * h) @ recurrent[:, 2 * units :]))
        found.append(h)
    return np.stack(found)


RUNS = {"LSTM": _lstm, "GRU": _gru, "CuDNNLSTM": _cudnn_lstm}
GATES = {"sigmoid": _sigmoid, "hard_sigmoid": _hard_sigmoid}
SHORT = {"w_ih": "weight_ih_l0", "w_hh": "weight_hh_l0", "b_ih": "bias_ih_l0", "b_hh": "bias_hh_l0"}
