"""Drop-ins for ``torch.nn.RNNCell``, ``LSTMCell`` and ``GRUCell``, which run one step at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from tidegate.cells import Cell, gru, lstm, rnn_relu, rnn_tanh
from tidegate.engine import Weights
from tidegate.engine.run import checked_call, run_call
from tidegate.nn.checks import check_dtype, check_state_dtypes
from tidegate.nn.exact_state import exact, shown
from tidegate.nn.interop.cell_module import CellModule
from tidegate.nn.interop.per_sample import has_expanded_weights, run_by_sample
from tidegate.nn.interop.torch_steps import is_quick, step_operator


class _CellDropIn(CellModule, nn.RNNCellBase):
    """Torch's parameters with one step of Tidegate's cell."""

    cell: Cell

    def _step(self, input: Tensor, state: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        if input.dim() == 2:
            new = self._quick_step(input, state)
            if new is not None:
                return new
        return self._checked_step(input, state)

    def _quick_step(self, x: Tensor, state: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
        """Run a step on PyTorch's operator, which has its own checks; None if it has to be a kernel."""
        if torch.compiler.is_compiling():  # asked first: what is traced would depend on the size of the batch
            return None
        own = self._parameters
        try:  # weights that are no parameters are computed, by a parametrization or a hook
            w_ih, w_hh, b_ih, b_hh = own["weight_ih"], own["weight_hh"], own["bias_ih"], own["bias_hh"]
        except KeyError:
            return None
        if type(w_ih) is not nn.Parameter or type(w_hh) is not nn.Parameter or not is_quick(x, w_ih, w_hh):
            return None
        operator, count = step_operator(self.cell), len(self.cell.states)
        if operator is None:
            return None
        if state is None:
            state = (x.new_zeros((x.shape[0], self.hidden_size)),) * count
        elif any(value.dim() != 2 for value in state):
            return None
        made = operator(x, state if count > 1 else state[0], w_ih, w_hh, b_ih, b_hh)
        return made if count > 1 else (made,)

    def _checked_step(self, input: Tensor, state: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        name = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for k, value in enumerate(state or ()):
            if value.dim() not in (1, 2):
                which = "hidden" if len(self.cell.states) == 1 else f"hx[{k}]"
                raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {value.dim()}D instead")
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if x.shape[1] != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {x.shape[1]} expected {self.input_size}")
        if state is not None:
            state = tuple(value if batched else value.unsqueeze(0) for value in state)
            for k, value in enumerate(state):
                if value.shape[0] != x.shape[0]:
                    raise RuntimeError(
                        f"Input batch size {x.shape[0]} doesn't match hidden{k} batch size {value.shape[0]}"
                    )
                if value.shape[1:] != (self.hidden_size,):
                    got = value.shape[1] if value.dim() > 1 else 1
                    raise RuntimeError(
                        f"hidden{k} has inconsistent hidden_size: got {got}, expected {self.hidden_size}"
                    )
            check_state_dtypes(x, state[:1])  # torch promotes c
            state = tuple(exact(value) for value in state)
        check_dtype(x, self.weight_ih)
        if has_expanded_weights(self):
            new = self._run_by_sample(x, state)
        else:
            new = (None if batched else self._quick_step(x, state)) or self._run(x, state)
        return tuple(shown(value if batched else value.squeeze(0), self.weight_ih.dtype) for value in new)

    def _run(self, x: Tensor, state: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        """Run one step on x (B, I)."""
        weights = Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        # Not `run`: one step may be traced by torch.jit, which has no loop to record.
        return run_call(checked_call(self.cell, x.unsqueeze(0), weights, state)).state

    def _run_by_sample(self, x: Tensor, state: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        def run(x: Tensor, state: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
            new = self._run(x[None], None if state is None else tuple(value[None] for value in state))
            return tuple(value.squeeze(0) for value in new)

        return run_by_sample(self, run, (x, state), (0, 0), 0)


class RNNCell(_CellDropIn):
    """A drop-in for ``torch.nn.RNNCell``: h' = tanh(W x + b + U h + b'), or relu with nonlinearity="relu"."""

    torch_class = nn.RNNCell

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__(input_size, hidden_size, bias, num_chunks=1, device=device, dtype=dtype)
        if nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {nonlinearity}")
        self.nonlinearity = nonlinearity
        self.cell = self.cell_of(nonlinearity)

    @staticmethod
    def cell_of(nonlinearity: str) -> Cell:
        """Return the cell with a nonlinearity, "tanh" or "relu"."""
        return rnn_tanh if nonlinearity == "tanh" else rnn_relu

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Run one step: input (B, I) or (I,), hx (B, H) or (H,); returns h'."""
        return self._step(input, None if hx is None else (hx,))[0]

    if TYPE_CHECKING:

        def __call__(self, input: Tensor, hx: Tensor | None = None) -> Tensor: ...  # noqa: D102


class LSTMCell(_CellDropIn):
    """A drop-in for ``torch.nn.LSTMCell``, one step of `tidegate.cells.lstm`."""

    torch_class = nn.LSTMCell
    cell = lstm

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: torch.dtype | None = None
    ):
        super().__init__(input_size, hidden_size, bias, num_chunks=4, device=device, dtype=dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Run one step: input (B, I) or (I,), hx = (h, c) each (B, H) or (H,); returns (h', c')."""
        h, c = self._step(input, None if hx is None else self._pair(hx))
        return h, c

    if TYPE_CHECKING:

        def __call__(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]: ...  # noqa: D102

    def _pair(self, hx: Any) -> tuple[Tensor, Tensor]:
        if isinstance(hx, Tensor):
            raise TypeError("lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, not Tensor")
        h_and_c = tuple(hx)
        if len(h_and_c) != 2:
            raise RuntimeError("lstm_cell expects two hidden states")
        return h_and_c


class GRUCell(_CellDropIn):
    """A drop-in for ``torch.nn.GRUCell``, one step of `tidegate.cells.gru`."""

    torch_class = nn.GRUCell
    cell = gru

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: torch.dtype | None = None
    ):
        super().__init__(input_size, hidden_size, bias, num_chunks=3, device=device, dtype=dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Run one step: input (B, I) or (I,), hx (B, H) or (H,); returns h'."""
        return self._step(input, None if hx is None else (hx,))[0]

    if TYPE_CHECKING:

        def __call__(self, input: Tensor, hx: Tensor | None = None) -> Tensor: ...  # noqa: D102
