"""`Recurrent`: layers of any cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.cells import Cell, get_cell, projected, with_heads
from tidegate.engine import Backend, Weights
from tidegate.errors import ArgumentError
from tidegate.nn.initialise import Init, check_init, initialise
from tidegate.nn.layered import Layered, by_name
from tidegate.nn.layout import EngineInput
from tidegate.nn.stack import stacked

LAYER = re.compile(r"_l(\d+)")  # in the name of a parameter


class Recurrent(Layered[Any]):
    """Layers of any cell, one of Tidegate's by name or your own.

    Parameters are named as in torch: ``weight_ih_l0``, ``weight_hh_l0``, with ``_reverse`` for the second direction,
    each only if the cell has such products. There is one bias per gate, ``bias_l0``; a recurrent product that is not
    simply added to its gate's input part (the n of ``gru``) has its own in ``bias_hh_l0``. Vectors with one weight per
    hidden unit are ``unit_NAME_l0``, scalars ``scalar_NAME_l0``, a projection is ``weight_hr_l0``. Noise, such as that
    of a `tidegate.cells.zoneout` cell, is drawn while the module is ``training``; otherwise it has its expectation.

    Args:
        cell: the cell or its name.
        input_size: features of the input.
        hidden_size: H, the number of hidden units of a layer; or that of each layer, such as (1150, 1150, 400). The
            attribute ``hidden_size`` is then the largest; states are as large, with zeros after those of smaller
            layers, and there is no ``proj_size``.
        num_layers: layers; each reads the output of the one before. Given sizes, it is their number.
        bias: whether gates have biases (biases that the equations name explicitly are always there).
        batch_first: input and output are (batch, steps, features).
        dropout: between layers, while training.
        bidirectional: a second set of weights reads each sequence from its last valid step to its first.
        proj_size: features of the projected output, if the cell allows a projection; 0 for none.
        heads: groups of hidden units that recurrent products stay within (`tidegate.cells.with_heads`);
            ``weight_hh_l0`` is (gates * H, H / heads).
        init: "torch" (uniform in ±1/sqrt(H)) or "keras" (Glorot, orthogonal, zero).
        forget_bias: the initial bias of gate f.
        learn_initial_state: the states with which a call without ``hx`` begins are parameters, ``initial_h_l0`` and so
            on, one vector for each state, layer and direction. They begin as zeros. Resets, which set states to zeros,
            are refused.
        backend: a backend by name; None takes the first that supports the cell.
        recompute: for long sequences: training saves about sqrt(T) steps instead of T, and runs forward twice.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        CellError: no cell has that name.
        ArgumentError: a size or option does not fit.

    Example:
        >>> import torch, tidegate
        >>> layer = tidegate.nn.Recurrent("peephole_lstm", 8, 16)
        >>> output, (h_n, c_n) = layer(torch.randn(5, 2, 8))
    """

    # Of layers saved whole by earlier versions.
    learn_initial_state = False
    sizes: tuple[int, ...] | None = None

    def __init__(
        self,
        cell: Cell | str,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        heads: int = 1,
        init: Init = "torch",
        forget_bias: float | None = None,
        learn_initial_state: bool = False,
        backend: str | Backend | None = None,
        recompute: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        cell = get_cell(cell)
        if isinstance(hidden_size, Sequence):
            hidden_size, num_layers = self._different_sizes(hidden_size, num_layers, proj_size)
        for name, size in dict(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers).items():
            if size < 1:
                raise ArgumentError(f"{name} must be at least 1, got {size}.")
        if not 0 <= dropout <= 1:
            raise ArgumentError(f"dropout must lie in 0..1, got {dropout}.")
        if not 0 <= proj_size < hidden_size:
            raise ArgumentError(f"proj_size must lie in 0..{hidden_size - 1} (less than hidden_size), got {proj_size}.")
        check_init(cell, init, forget_bias, bias)
        if not isinstance(heads, int) or heads < 1:
            raise ArgumentError(f"heads must be a whole number from 1 on, got {heads!r}.")
        cell = with_heads(cell, heads) if heads > 1 else cell
        if wrong := [size for size in self.sizes or (hidden_size,) if size % cell.heads]:
            raise ArgumentError(f"hidden_size must be a multiple of heads, {cell.heads}, got {wrong[0]}.")
        self.cell = projected(cell) if proj_size else cell
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self.init, self.forget_bias, self.backend, self.recompute = init, forget_bias, by_name(backend), recompute
        self.learn_initial_state = learn_initial_state
        for layer in range(num_layers):
            for direction in range(1 + bidirectional):
                for name, shape in {**self._shapes(layer), **self._initial_shapes(layer)}.items():
                    value = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                    self.register_parameter(name + _end(layer, direction), value)
        self.reset_parameters()

    def _different_sizes(self, sizes: Sequence[int], num_layers: int, proj_size: int) -> tuple[int, int]:
        """Note the size of each layer; return the largest, and their number."""
        if not sizes or min(sizes) < 1 or num_layers not in (1, len(sizes)) or proj_size:
            raise ArgumentError(
                f"hidden_size as a list needs sizes of at least 1, one for each layer, and no proj_size; got {sizes}, "
                f"num_layers={num_layers}, proj_size={proj_size}."
            )
        self.sizes = tuple(sizes)
        return max(sizes), len(sizes)

    def layer_size(self, layer: int) -> int:
        """Return the number of hidden units of a layer; ``hidden_size`` is the largest."""
        return self.hidden_size if self.sizes is None else self.sizes[layer]

    def _shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        cell, hidden = self.cell, self.layer_size(layer)
        shapes: dict[str, tuple[int, ...]] = {}
        if cell.input_gates:
            shapes["weight_ih"] = (len(cell.input_gates) * hidden, self.layer_input_size(layer))
        if cell.recurrent_gates:
            shapes["weight_hh"] = (len(cell.recurrent_gates) * hidden, (self.proj_size or hidden) // cell.heads)
        if self.bias and cell.bias and cell.input_gates:
            shapes["bias"] = (len(cell.input_gates) * hidden,)
        if self.bias and cell.own_bias_gates:
            shapes["bias_hh"] = (len(cell.own_bias_gates) * hidden,)
        shapes.update({self._name(name): (1 if name in cell.scalars else hidden,) for name in cell.parameters})
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, hidden)
        return shapes

    def _initial_shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        if not self.learn_initial_state:
            return {}
        hidden = self.layer_size(layer)
        sizes = [self.proj_size or hidden, *[hidden] * (len(self.cell.states) - 1)]
        return {f"initial_{name}": (size,) for name, size in zip(self.cell.states, sizes, strict=True)}

    def initial_state(self, batch: int) -> tuple[Tensor, ...] | None:
        """Return the learned states (layers * directions, B, ·) with which a call without ``hx`` begins, if any."""
        if not self.learn_initial_state:
            return None
        ends = [_end(layer, way) for layer in range(self.num_layers) for way in range(1 + self.bidirectional)]
        rows = [stacked([getattr(self, name + end) for end in ends]) for name in self._initial_shapes(0)]
        return tuple(row[:, None].expand(-1, batch, -1) for row in rows)

    def _checked_input(self, given: Any, hx: Any, lengths: Any, reset: Any, masks: Any) -> EngineInput:
        if self.learn_initial_state and reset is not None:
            raise ArgumentError(
                "reset= sets states to zeros, but this layer begins with learned states: run its sequences one by one, "
                "or make it with learn_initial_state=False."
            )
        made = super()._checked_input(given, hx, lengths, reset, masks)
        return made if made.state is not None else made._replace(state=self.initial_state(made.x.shape[1]))

    def _name(self, parameter: str) -> str:
        return f"scalar_{parameter}" if parameter in self.cell.scalars else f"unit_{parameter}"

    def reset_parameters(self) -> None:
        """Initialise the parameters as ``init`` and ``forget_bias`` specify."""
        for name, parameter in self.named_parameters():
            layer = int(LAYER.findall(name)[-1])
            initialise({name: parameter}, self.cell, self.layer_size(layer), self.init, self.forget_bias)

    def layer_weights(self, layer: int, direction: int) -> Weights:
        """Return the weights of one layer and direction."""
        end = _end(layer, direction)
        own = {name: getattr(self, name + end) for name in self._shapes(layer)}
        return Weights(
            w_ih=own.get("weight_ih"),
            w_hh=own.get("weight_hh"),
            b_ih=own.get("bias"),
            b_hh=self._recurrent_bias(own.get("bias_hh"), layer),
            p={name: own[self._name(name)] for name in self.cell.parameters},
            w_hr=own.get("weight_hr"),
        )

    def _recurrent_bias(self, own: Tensor | None, layer: int) -> Tensor | None:
        """Return the bias of all recurrent products: zero where a gate's one bias is added to its input part."""
        gates = self.cell.own_bias_gates
        if own is None or gates == self.cell.recurrent_gates:
            return own
        parts = dict(zip(gates, own.chunk(len(gates)), strict=True))
        zero = own.new_zeros(self.layer_size(layer))
        return torch.cat([parts.get(gate, zero) for gate in self.cell.recurrent_gates])

    def extra_repr(self) -> str:
        """Return the cell, the sizes, and the options that differ from their defaults."""
        shown = [self.cell.name, str(self.input_size), str(self.sizes or self.hidden_size)]
        defaults: dict[str, Any] = dict(num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False)
        defaults |= dict(proj_size=0, learn_initial_state=False)
        shown += [f"{name}={getattr(self, name)}" for name, value in defaults.items() if getattr(self, name) != value]
        return ", ".join([*shown, *self._own_options()])


def _end(layer: int, direction: int) -> str:
    return f"_l{layer}{'_reverse' if direction else ''}"
