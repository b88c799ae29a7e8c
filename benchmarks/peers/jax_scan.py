"""``jax.lax.scan`` under ``jax.jit``."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor

from benchmarks.contender import Contender, gradients
from benchmarks.equations import STATES, STEPS, Library, input_part
from benchmarks.problem import Problem, Setting

name = "JAX scan"
packages = ("jax",)


def supports(setting: Setting) -> bool:
    """Every cell, one layer, one direction, all steps."""
    return setting.cell in STEPS and setting.case.kind == ""


def prepare(problem: Problem) -> Contender:
    """The scan, compiled for these sizes at its first call."""
    share_threads()
    import jax  # pyright: ignore[reportMissingImports]
    import jax.numpy as jnp  # pyright: ignore[reportMissingImports]

    lib = Library(
        linear=lambda x, w, b: x @ w.T + b,
        plus=lambda a, x, w: a + x @ w.T,
        split=lambda a, n: jnp.split(a, n, -1),
        sigmoid=jax.nn.sigmoid,
        tanh=jnp.tanh,
    )
    cell = problem.setting.cell

    def forward(x: Any, w: Any) -> Any:
        step = STEPS[cell](lib, w)
        zero = jnp.zeros((x.shape[1], w["weight_hh_l0"].shape[1]), x.dtype)

        def scanned(state: Any, part: Any) -> Any:
            state = step(part, state)
            return state, state[0]

        return jax.lax.scan(scanned, (zero,) * STATES[cell], input_part(lib, cell, w, x))[1]

    weights = {name: jnp.asarray(value.detach().numpy()) for name, value in problem.parameters.items()}
    return jax_solver(problem, forward, weights, lambda found: {name: to_torch(value) for name, value in found.items()})


def jax_solver(problem: Problem, forward: Any, weights: Any, ours: Any) -> Contender:
    """A contender made of JAX.

    Args:
        problem: what to solve.
        forward: input (T, B, I) and weights to output (T, B, H).
        weights: in the form ``forward`` takes.
        ours: from gradients in that form to gradients by our names.
    """
    import jax  # pyright: ignore[reportMissingImports]
    import jax.numpy as jnp  # pyright: ignore[reportMissingImports]

    x, cotangent = jnp.asarray(problem.x.numpy()), jnp.asarray(problem.cotangent.numpy())

    def train(x: Any, weights: Any, cotangent: Any) -> Any:
        output, backward = jax.vjp(forward, x, weights)
        return output, backward(cotangent)

    inference, training = jax.jit(forward), jax.jit(train)

    def infer() -> Any:
        return jax.block_until_ready(inference(x, weights))

    def step() -> Any:
        return jax.block_until_ready(training(x, weights, cotangent))

    def results(solved: Any) -> dict[str, Tensor]:
        if problem.setting.mode == "inference":
            return {"output": to_torch(solved)}
        output, (of_x, of_weights) = solved
        return {"output": to_torch(output), "gradient of x": to_torch(of_x)} | gradients(ours(of_weights))

    return Contender(infer if problem.setting.mode == "inference" else step, results)


def share_threads() -> None:
    """As many threads as PyTorch's; JAX reads it when it first computes."""
    os.environ["NPROC"] = str(torch.get_num_threads())


def to_torch(value: Any) -> Tensor:
    """A copy of an array as a tensor."""
    import numpy as np

    return torch.from_numpy(np.array(value))
