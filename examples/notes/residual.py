"""Depth beside time: a residual network that reads a whole sequence at once, with as many layers as it has steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tidegate.errors import ArgumentError


class ResidualNetwork(nn.Module):
    """A residual network (He et al. 2016, Identity Mappings in Deep Residual Networks), small and plain.

    ::

        h_0 = W_in x + b_in
        h_{k+1} = h_k + V_k tanh(W_k h_k + b_k),  k = 0 .. K-1
        y = W_out h_K + b_out

    dh_{k+1}/dh_k = 1 + V_k diag(tanh') W_k: the 1 lets gradients pass, as c_t = c_{t-1} + ... does in an LSTM whose
    forget gate is open. With shared weights it is a recurrent network that reads nothing after its first step. V starts
    as torch's linear layers do, divided by sqrt(K) (Radford et al. 2019), so that the sum of K terms keeps its size.

    Args:
        features: I, of the input.
        hidden_size: H.
        depth: K.
        outputs: of y.
        shared: one W, V and b for all layers.

    Raises:
        ArgumentError: a size is less than 1.
    """

    def __init__(self, features: int, hidden_size: int, depth: int, outputs: int = 1, *, shared: bool = False) -> None:
        super().__init__()
        sizes = {"features": features, "hidden_size": hidden_size, "depth": depth, "outputs": outputs}
        for name, size in sizes.items():
            if size < 1:
                raise ArgumentError(f"{name} must be at least 1, got {size}")
        self.depth = depth
        made = 1 if shared else depth
        self.first = nn.Linear(features, hidden_size)
        self.inner = nn.ModuleList(nn.Linear(hidden_size, hidden_size) for _ in range(made))
        self.outer = nn.ModuleList(nn.Linear(hidden_size, hidden_size, bias=False) for _ in range(made))
        self.last = nn.Linear(hidden_size, outputs)
        with torch.no_grad():
            for parameter in self.outer.parameters():
                parameter.div_(depth**0.5)

    def hidden(self, x: Tensor) -> list[Tensor]:
        """Inputs (N, I) to h_0 .. h_K, each (N, H)."""
        h = [self.first(x)]
        for k in range(self.depth):
            own = k % len(self.inner)  # 0 where weights are shared
            h.append(h[-1] + self.outer[own](torch.tanh(self.inner[own](h[-1]))))
        return h

    def forward(self, x: Tensor) -> Tensor:
        """Inputs (N, I) to (N, outputs)."""
        return self.last(self.hidden(x)[-1])

    def gradients(self, x: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """The gradient of each input's loss with respect to h_0 .. h_K.

        Args:
            x: (N, I).
            loss: from the outputs (N, outputs) to the losses (N,), each of its own row alone.

        Returns:
            (K + 1, N, H), detached.
        """
        with torch.enable_grad():
            h = self.hidden(x.detach().requires_grad_())
            return torch.stack(torch.autograd.grad(loss(self.last(h[-1])).sum(), h)).detach()
