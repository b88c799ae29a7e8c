"""Plain PyTorch, step by step: it defines what `run` computes, and every other backend is tested against it.

The cell's function runs on tensors, so autograd, double backward, ``jvp`` and ``vmap`` work as for any PyTorch code.
On devices other than the CPU, where each operation of each step is a launch, cells whose states are affine in
themselves are run for all steps at once (`tidegate.engine.kernels.scan`), with other roundings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from tidegate.cells import Cell, Step
from tidegate.engine.call import Backend, Call, Result
from tidegate.engine.kernels.scan import can_be_scanned, run_by_scan
from tidegate.engine.profiling import profiled
from tidegate.engine.weights import Weights


class _Names:
    """``x``, ``s``, ``p`` and ``m`` on tensors. (Not types.SimpleNamespace: Dynamo cannot trace that.)"""

    def __init__(self, values: Mapping[str, Tensor]):
        for name, value in values.items():
            setattr(self, name, value)


class _Recurrent:
    """``r`` on tensors: ``r.k`` is U_k h_{t-1} + b'_k, ``r("k", v)`` is U_k v + b'_k.

    Args:
        tables: the recurrent weights.
        output: h_{t-1}.
        valid: (B, 1), the rows to compute; None for all.
    """

    def __init__(self, tables: _Tables, output: Tensor, valid: Tensor | None):
        self._tables, self._valid = tables, valid
        if tables.direct:
            products = _product(output, tables.w_direct, tables.b_direct, tables.heads)
            products = _only_valid(products, valid)
            for gate, product in zip(tables.direct, products.chunk(len(tables.direct), -1), strict=True):
                setattr(self, gate, product)

    def __call__(self, gate: str, vector: Tensor) -> Tensor:
        w, b = self._tables.by_gate[gate]
        return _only_valid(_product(_only_valid(vector, self._valid), w, b, self._tables.heads), self._valid)

    def project(self, vector: Tensor) -> Tensor:
        assert self._tables.w_hr is not None
        return _only_valid(linear(_only_valid(vector, self._valid), self._tables.w_hr), self._valid)


@dataclass(frozen=True)
class _Tables:
    """The recurrent weights, cut by gate once per run."""

    by_gate: dict[str, tuple[Tensor, Tensor | None]]
    direct: tuple[str, ...]
    w_direct: Tensor | None
    b_direct: Tensor | None
    w_hr: Tensor | None
    heads: int


def _product(vector: Tensor, w: Tensor | None, b: Tensor | None, heads: int) -> Tensor:
    """Return the products of a vector (..., H) with the matrices of some gates, block-diagonal if there are heads."""
    assert w is not None
    if heads == 1:
        return linear(vector, w, b)
    size = w.shape[1]
    blocks, parts = w.reshape(-1, heads, size, size), vector.unflatten(-1, (heads, size))
    made = torch.einsum("gaij,...aj->...gai", blocks, parts).flatten(-3)
    return made if b is None else made + b


def _tables(cell: Cell, weights: Weights) -> _Tables:
    gates, w, b = cell.recurrent_gates, weights.w_hh, weights.b_hh
    if w is None:
        return _Tables({}, (), None, None, weights.w_hr, cell.heads)
    rows = w.chunk(len(gates))
    biases = (None,) * len(gates) if b is None else b.chunk(len(gates))
    by_gate = dict(zip(gates, zip(rows, biases, strict=True), strict=True))
    direct = cell.direct_gates
    if direct == gates:
        return _Tables(by_gate, direct, w, b, weights.w_hr, cell.heads)
    places = [gates.index(gate) for gate in direct]
    w_direct = torch.cat([rows[k] for k in places]) if direct else None
    b_direct = None if b is None or not direct else torch.cat([b.chunk(len(gates))[k] for k in places])
    return _Tables(by_gate, direct, w_direct, b_direct, weights.w_hr, cell.heads)


def run_by_steps(call: Call) -> Result:
    """Run a checked call step by step."""
    cell, x, weights = call.cell, call.x, call.weights
    steps, batch, _ = x.shape
    masks = call.masks
    valid = reset = None
    if call.lengths is not None:
        valid = (torch.arange(steps, device=x.device)[:, None] < call.lengths).unsqueeze(-1)
        # Selected, not multiplied: padding may hold NaN, and NaN times a gradient of zero is NaN.
        x = _only_valid(x, valid)
        masks = {name: _only_valid(mask, valid) for name, mask in masks.items()}
    if call.reset is not None:
        reset = call.reset.unsqueeze(-1)
        if valid is not None:
            reset = reset & valid
    # Padding is computed too, and left out afterwards. The cell may have an infinite slope there, which turns gradients
    # of zero into NaN inside the step; selection of everything that enters it keeps them from all gradients.
    gate_inputs = {gate: _only_valid(part, valid) for gate, part in _gate_inputs(cell, x, weights).items()}
    tables = _tables(cell, weights)
    # Cut into steps at once: the gradient of each x[t] by itself would be as large as that of x.
    inputs_at = {gate: part.unbind() for gate, part in gate_inputs.items()}
    masks_at = {name: mask.unbind() for name, mask in masks.items()}

    state = call.state
    outputs: list[Tensor] = [x.new_empty(0)] * steps
    recorded: dict[str, list[Tensor]] = {name: [] for name in call.record.names} if call.record else {}
    order = range(steps - 1, -1, -1) if call.reverse else range(steps)
    for t in order:
        before = state
        border = t + 1 if call.reverse else t  # a flag at t separates t-1 and t, in either direction
        if reset is not None and border < steps:
            before = tuple(s.where(~reset[border], s.new_zeros(())) for s in state)
        here = None if valid is None else valid[t]
        before = tuple(_only_valid(s, here) for s in before)
        symbols: dict[str, Any] = {
            "x": _Names({gate: parts[t] for gate, parts in inputs_at.items()}),
            "r": _Recurrent(tables, before[0], here),
            "s": _Names(dict(zip(cell.states, before, strict=True))),
            "p": _Names({name: _only_valid(vector, here) for name, vector in weights.p.items()}),
            "m": _Names({name: parts[t] for name, parts in masks_at.items()}),
        }
        step: Step = cell.fn(**{name: symbols[name] for name in cell.arguments})
        new = tuple(_rows(step.states[name], batch) for name in cell.states)
        state = new if here is None else tuple(n.where(here, s) for n, s in zip(new, state, strict=True))
        outputs[t] = _only_valid(new[0], here)
        if call.record and t % call.record.every == 0:
            for name, values in recorded.items():
                value = step.gates[name] if name in step.gates else step.states[name]
                values.append(_only_valid(_rows(value, batch), here))
    sizes = {name: s.shape[1] for name, s in zip(cell.states, state, strict=True)}
    return Result(
        output=torch.stack(outputs) if steps else x.new_zeros(0, batch, state[0].shape[1]),
        state=state,
        record={name: _stack(values, call, sizes.get(name, call.hidden_size)) for name, values in recorded.items()},
        backend=REFERENCE.name,
    )


def _gate_inputs(cell: Cell, x: Tensor, weights: Weights) -> dict[str, Tensor]:
    """Return x.k = W_k x_t + b_k for all steps at once."""
    if weights.w_ih is None:
        return {}
    parts = linear(x, weights.w_ih, weights.b_ih).chunk(len(cell.input_gates), -1)
    return dict(zip(cell.input_gates, parts, strict=True))


def _rows(value: Tensor, batch: int) -> Tensor:
    """Expand a value without a batch dimension (one made of weight vectors only) to all rows."""
    return value if value.dim() == 2 else value.expand(batch, -1)


def _only_valid(value: Tensor, valid: Tensor | None) -> Tensor:
    """Return a value with zeros past the lengths."""
    return value if valid is None else value.where(valid, value.new_zeros(()))


def _stack(values: list[Tensor], call: Call, size: int) -> Tensor:
    if call.reverse:
        values = values[::-1]
    return torch.stack(values) if values else call.x.new_zeros(0, call.x.shape[1], size)


class ReferenceBackend(Backend):
    """The reference backend: it runs every call, on every device."""

    name = "reference"

    def unsupported(self, call: Call) -> list[str]:
        """Return an empty list: the reference runs everything."""
        del call
        return []

    def run(self, call: Call) -> Result:
        """Run a checked call."""
        with profiled(call.cell):
            return run_by_scan(call, self.name) if _is_scanned(call) else run_by_steps(call)

    def note(self, call: Call) -> str:
        """Say whether all steps are run at once."""
        return "all steps at once" if _is_scanned(call) else ""


def _is_scanned(call: Call) -> bool:
    return call.x.device.type != "cpu" and can_be_scanned(call)


REFERENCE = ReferenceBackend()
