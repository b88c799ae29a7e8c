"""``keras.layers.LSTM``, ``GRU`` and ``SimpleRNN`` of Keras 3 on JAX, under ``jax.jit``."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor

from benchmarks.contender import Contender
from benchmarks.peers.jax_scan import jax_solver, share_threads, to_torch
from benchmarks.problem import Problem, Setting

name = "Keras"
packages = ("keras", "jax")
LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "SimpleRNN"}
GATES = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn_tanh": (0,)}  # Keras stacks z r n; each order is its own inverse


def supports(setting: Setting) -> bool:
    """The three cells that Keras has, one layer, one direction, all steps."""
    return setting.cell in LAYERS and setting.case.kind == ""


def prepare(problem: Problem) -> Contender:
    """A layer of Keras with our weights."""
    share_threads()
    os.environ["KERAS_BACKEND"] = "jax"  # read when Keras is imported: its fastest backend on a CPU
    import jax.numpy as jnp  # pyright: ignore[reportMissingImports]
    import keras  # pyright: ignore[reportMissingImports]

    cell, size = problem.setting.cell, problem.setting.case.size
    layer = getattr(keras.layers, LAYERS[cell])(size, return_sequences=True)
    layer.build((None, None, size))
    layer.set_weights([value.numpy() for value in _to_keras(cell, problem.parameters)])
    fixed = [variable.value for variable in layer.non_trainable_variables]

    def forward(x: Any, weights: Any) -> Any:
        return jnp.swapaxes(layer.stateless_call(weights, fixed, jnp.swapaxes(x, 0, 1))[0], 0, 1)

    return jax_solver(
        problem,
        forward,
        [variable.value for variable in layer.trainable_variables],
        lambda found: _from_keras(cell, [to_torch(value) for value in found]),
    )


def _reordered(value: Tensor, cell: str) -> Tensor:
    """The gates, stacked on the first axis, in the other library's order."""
    parts = value.chunk(len(GATES[cell]))
    return torch.cat([parts[k] for k in GATES[cell]])


def _to_keras(cell: str, w: dict[str, Tensor]) -> list[Tensor]:
    """Kernel (I, G H), recurrent kernel (H, G H), and one bias, or for the GRU two."""
    w_ih, w_hh, b_ih, b_hh = (_reordered(value.detach(), cell) for value in w.values())
    return [w_ih.t(), w_hh.t(), torch.stack([b_ih, b_hh]) if cell == "gru" else b_ih + b_hh]


def _from_keras(cell: str, found: list[Tensor]) -> dict[str, Tensor]:
    """Gradients of ours: where Keras has one bias for two, both have its gradient."""
    w_ih, w_hh, bias = found
    b_ih, b_hh = (bias[0], bias[1]) if cell == "gru" else (bias, bias)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    values = (w_ih.t(), w_hh.t(), b_ih, b_hh)
    return {name: _reordered(value, cell) for name, value in zip(names, values, strict=True)}
