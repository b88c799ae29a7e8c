"""Drop-ins for ``torch.nn.RNN``, ``LSTM`` and ``GRU``.

Constructor arguments and their positions, parameter names, their order and their initial values for a seed,
``state_dict``, shapes and errors are torch's. They subclass ``torch.nn.RNNBase``, which Dynamo compiles, and not
``torch.nn.LSTM``, which it refuses to trace.
"""

from __future__ import annotations

from operator import is_
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from tidegate.cells import Cell, gru, lstm, projected, rnn_relu, rnn_tanh
from tidegate.engine import Backend, Weights
from tidegate.nn.initialise import Init, check_init, initialise
from tidegate.nn.interop.torch_steps import is_quick, step_operator
from tidegate.nn.layered import Layered, S, by_name
from tidegate.nn.stack import dropout

_CELLS = {"LSTM": lstm, "GRU": gru, "RNN_TANH": rnn_tanh, "RNN_RELU": rnn_relu}
Device = torch.device | str | int | None


class _DropIn(Layered[S], nn.RNNBase):
    """Torch's parameters, Tidegate's forward."""

    two_biases = True

    def __init__(
        self,
        mode: str,
        *torchs: Any,
        init: Init,
        forget_bias: float | None,
        backend: str | Backend | None,
        recompute: bool,
    ):
        cell = _CELLS[mode]
        # Set first: RNNBase's constructor ends by calling reset_parameters.
        self.__dict__.update(
            cell=cell, init=init, forget_bias=forget_bias, backend=by_name(backend), recompute=recompute
        )
        check_init(cell, init, forget_bias, bias=True)
        nn.RNNBase.__init__(self, mode, *torchs)
        check_init(cell, init, forget_bias, self.bias)
        self.cell = self.own_cell()

    def own_cell(self) -> Cell:
        """Return the cell with the equations of torch's layer."""
        return projected(_CELLS[self.mode]) if self.proj_size else _CELLS[self.mode]

    def extra_repr(self) -> str:
        """Return what torch's layer shows, and Tidegate's options that differ from their defaults."""
        shown = [nn.RNNBase.extra_repr(self)]
        shown += [f"cell={self.cell.name}"] if self.cell.digest != self.own_cell().digest else []
        return ", ".join([*shown, *self._own_options()])

    def reset_parameters(self) -> None:
        """Initialise the parameters as ``init`` and ``forget_bias`` specify."""
        initialise(dict(self.named_parameters()), self.cell, self.hidden_size, self.init, self.forget_bias)

    def layer_weights(self, layer: int, direction: int) -> Weights:
        """Return the weights of one layer and direction from torch's parameters: see `Layered.layer_weights`."""
        row = layer * (1 + self.bidirectional) + direction
        names, first = self._all_weights[row], sum(map(len, self._all_weights[:row]))
        own = {name.partition("_l")[0]: self._current(name, first + k) for k, name in enumerate(names)}
        return Weights(
            w_ih=own["weight_ih"],
            w_hh=own["weight_hh"],
            b_ih=own.get("bias_ih"),
            b_hh=own.get("bias_hh"),
            w_hr=own.get("weight_hr"),
        )

    def _quick_step(self, input: Any, hx: Any, reset: Any) -> tuple[Tensor, S] | None:
        """Run one step on PyTorch's operator; None if that is not quicker, or if something is unusual."""
        if torch.compiler.is_compiling() or type(input) is not Tensor or input.dim() != 3:
            return None
        time, weights, own = int(self.batch_first), self._flat_weights, self._parameters.values()
        if input.shape[time] != 1 or self.bidirectional or self.backend is not None or self.layer_cells:
            return None
        # Weights that are no parameters are computed, by a parametrization or a hook.
        if len(weights) != len(own) or not all(map(is_, weights, own)) or {*map(type, weights)} != {nn.Parameter}:
            return None
        if reset is not None and not _is_flags(reset, input.shape[:2]):
            return None
        x, operator, layers = input.select(time, 0), step_operator(self.cell), self.num_layers
        each = len(weights) // layers
        by_layer: Any = [weights[k : k + each] for k in range(0, len(weights), each)]
        if (
            operator is None
            or x.shape[1] != self.input_size
            or not all(is_quick(x, *own[:2]) for own in by_layer[:2])  # the others are of the second one's size
        ):
            return None
        shape, count = (layers, x.shape[0], self.hidden_size), len(self.cell.states)
        given = hx if isinstance(hx, tuple) else (hx,) * (count if hx is None else 1)
        if len(given) != count:
            return None
        if hx is None:
            states = ((x.new_zeros(shape[1:]),) * count,) * layers
        elif all(type(s) is Tensor and s.shape == shape and s.dtype == x.dtype and s.is_cpu for s in given):
            if reset is not None:
                given = [s.masked_fill(reset.view(-1, 1), 0) for s in given]
            states = tuple(zip(*[s.unbind(0) for s in given], strict=True))
        else:
            return None
        final = []
        for layer in range(layers):
            if layer and self.dropout and self.training:
                x = dropout(x[None], self.dropout, locked=self.locked_dropout)[0]
            before = states[layer]
            made = operator(x, before if count > 1 else before[0], *by_layer[layer])
            final.append(made if count > 1 else (made,))
            x = final[-1][0]
        # Copies, so that output and states can be changed in place.
        after = tuple([torch.stack(s) for s in zip(*final, strict=True)])
        return torch.stack((x,), time), cast(S, after if count > 1 else after[0])

    def _current(self, name: str, k: int) -> Any:
        """Return a weight as torch's layers read it: from the attribute, if that was exchanged, else from the list."""
        flat, reference = self._flat_weights[k], self._flat_weight_refs[k]
        own = getattr(self, name, None)
        return flat if own is None or (reference is not None and own is reference()) else own


class LSTM(_DropIn[tuple[Tensor, Tensor]]):
    """A drop-in for ``torch.nn.LSTM``, running `tidegate.cells.lstm`.

    ::

        i_t = σ(W_i x_t + U_i h_{t-1} + b_i)     f_t = σ(W_f x_t + U_f h_{t-1} + b_f)
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)  o_t = σ(W_o x_t + U_o h_{t-1} + b_o)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t          h_t = o_t ⊙ tanh(c_t)

    Additions to torch's arguments, all keyword-only: ``init`` ("torch" or "keras"), ``forget_bias``, ``backend`` and
    ``recompute`` (see `Recurrent`); ``lengths=`` and ``reset=`` in `forward`; ``.trace(...)`` returns gate activations
    and states by name.

    Example:
        >>> import torch, tidegate
        >>> layer = tidegate.nn.LSTM(8, 16, batch_first=True)
        >>> output, (h_n, c_n) = layer(torch.randn(2, 5, 8), lengths=[5, 3])
        >>> layer.trace(torch.randn(2, 5, 8))[0, 0]["f"].shape
        torch.Size([2, 5, 16])
    """

    torch_class = nn.LSTM

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        init: Init = "torch",
        forget_bias: float | None = None,
        backend: str | Backend | None = None,
        recompute: bool = False,
    ):
        torchs = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size)
        own = dict[str, Any](init=init, forget_bias=forget_bias, backend=backend, recompute=recompute)
        super().__init__("LSTM", *torchs, device, dtype, **own)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """Return the shape of c_0, as ``torch.nn.LSTM`` does: (layers * directions, B, H)."""
        rows, batch, _ = self.get_expected_hidden_size(input, batch_sizes)
        return rows, batch, self.hidden_size


class GRU(_DropIn[Tensor]):
    """A drop-in for ``torch.nn.GRU``, running `tidegate.cells.gru` (reset after the product, z keeps the past).

    ::

        r_t = σ(W_r x_t + U_r h_{t-1} + b_r)                    z_t = σ(W_z x_t + U_z h_{t-1} + b_z)
        n_t = tanh(W_n x_t + b_n + r_t ⊙ (U_n h_{t-1} + b'_n))  h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}

    Keyword-only additions: see `LSTM`.
    """

    torch_class = nn.GRU

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: Literal[0] = 0,
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        init: Init = "torch",
        forget_bias: float | None = None,
        backend: str | Backend | None = None,
        recompute: bool = False,
    ):
        _refuse_proj_size(proj_size)
        torchs = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0)
        own = dict[str, Any](init=init, forget_bias=forget_bias, backend=backend, recompute=recompute)
        super().__init__("GRU", *torchs, device, dtype, **own)


class RNN(_DropIn[Tensor]):
    """A drop-in for ``torch.nn.RNN``: h_t = tanh(W_h x_t + U_h h_{t-1} + b_h), or relu with nonlinearity="relu".

    Keyword-only additions: see `LSTM`.
    """

    torch_class = nn.RNN

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: Literal[0] = 0,
        device: Device = None,
        dtype: torch.dtype | None = None,
        *,
        init: Init = "torch",
        forget_bias: float | None = None,
        backend: str | Backend | None = None,
        recompute: bool = False,
    ):
        _refuse_proj_size(proj_size)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        self.__dict__["nonlinearity"] = nonlinearity
        torchs = (input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0)
        own = dict[str, Any](init=init, forget_bias=forget_bias, backend=backend, recompute=recompute)
        super().__init__(f"RNN_{nonlinearity.upper()}", *torchs, device, dtype, **own)


def _is_flags(reset: Any, shape: torch.Size) -> bool:
    return type(reset) is Tensor and reset.dtype is torch.bool and reset.shape == shape and reset.is_cpu


def _refuse_proj_size(proj_size: int) -> None:
    if proj_size:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
