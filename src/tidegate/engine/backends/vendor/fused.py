"""The layers that PyTorch has, and the operators that run them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tidegate.cells import gru, lstm, projected, rnn_relu, rnn_tanh
from tidegate.engine.weights import Weights


@dataclass(frozen=True)
class FusedLayer:
    """One of PyTorch's layers.

    Attributes:
        mode: PyTorch's name of its equations.
        operator: runs it; it takes the states as a list if there are two.
        two_states: whether there is a cell state.
        proj: whether the output is projected.
    """

    mode: str
    operator: Callable[..., tuple[Tensor, ...]]
    two_states: bool = False
    proj: bool = False

    def run(
        self,
        data: Tensor,
        batch_sizes: Tensor | None,
        states: Sequence[Tensor],
        weights: list[Tensor],
        *,
        biased: bool,
        layers: int,
        bidirectional: bool,
    ) -> tuple[Tensor, list[Tensor]]:
        """Run layers over padded sequences (T, B, I), or over packed ones (steps, I).

        Args:
            data: the input.
            batch_sizes: of packed sequences, on the CPU; None for padded ones.
            states: the initial states (layers * directions, B, ·).
            weights: those of all layers and directions, as ``torch.nn.RNNBase`` lists them.
            biased: whether there are biases among them.
            layers: the number of layers.
            bidirectional: whether there are two directions.

        Returns:
            The output, and the final states.
        """
        hx: Any = [*states] if self.two_states else states[0]
        # PyTorch keeps what backward needs only in training mode; without dropout it changes nothing else.
        training = torch.is_grad_enabled() and any(t.requires_grad for t in (data, *states, *weights))
        how = (weights, biased, layers, 0.0, training, bidirectional)
        made = (
            self.operator(data, hx, *how, False) if batch_sizes is None else self.operator(data, batch_sizes, hx, *how)
        )
        return made[0], [*made[1:]]

    def listed(self, weights: Weights, *, biased: bool) -> list[Tensor]:
        """Return the weights of a layer in PyTorch's order; a bias that is not there is zero if there is another."""
        assert weights.w_ih is not None
        assert weights.w_hh is not None
        biases = [weights.b_ih, weights.b_hh] if biased else []
        rows = weights.w_ih.shape[:1]
        found = [weights.w_ih, weights.w_hh, *(weights.w_ih.new_zeros(rows) if b is None else b for b in biases)]
        return [*found, weights.w_hr] if weights.w_hr is not None else found

    def described(self, x: Tensor) -> str:
        """Name the layer and the library that runs it on the device of x."""
        title = "projected LSTM" if self.proj else self.mode.partition("_")[0]
        return f"PyTorch's own {title}, {_library(x)}"


def fused_layer(digest: str) -> FusedLayer:
    """Return the layer with the equations of that digest.

    Raises:
        KeyError: PyTorch has none.
    """
    return fused_layers()[digest]


@functools.cache
def fused_layers() -> dict[str, FusedLayer]:
    """Return PyTorch's layers by the digest of their equations, and not by name: a user's cell may be called lstm."""
    return {
        lstm.digest: FusedLayer("LSTM", torch._VF.lstm, two_states=True),
        projected(lstm).digest: FusedLayer("LSTM", torch._VF.lstm, two_states=True, proj=True),
        gru.digest: FusedLayer("GRU", torch._VF.gru),
        rnn_tanh.digest: FusedLayer("RNN_TANH", torch._VF.rnn_tanh),
        rnn_relu.digest: FusedLayer("RNN_RELU", torch._VF.rnn_relu),
    }


def _library(x: Tensor) -> str:
    if x.is_cpu:
        return "on the CPU"
    if not x.is_cuda:
        return f"on {x.device.type}"
    if torch.version.hip:
        return "MIOpen"
    if not torch._VF.cudnn_is_acceptable(x):
        return "without cuDNN"
    version = torch.backends.cudnn.version() or 0
    return f"cuDNN {version // 10000}.{version % 10000 // 100}"
