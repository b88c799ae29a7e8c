"""The biases of a stage's accumulators, summed in two operations whatever the order of the gates."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from tidegate.engine.backends.triton.kernel_spec import KernelSpec
from tidegate.engine.backends.triton.launch.run_kernel import Launch
from tidegate.engine.call import Call
from tidegate.engine.kernels import arguments

# "input" for one of W_k x, "recur" for one of a recurrent product, "" for zero; and its gate's place.
Bias = tuple[str, int]


@functools.lru_cache(maxsize=512)
def biases_of(
    spec: KernelSpec, inputs: tuple[str, ...], products: tuple[str, ...]
) -> tuple[tuple[tuple[Bias, ...], ...], ...]:
    """Return the biases of each stage: in every row one of each accumulator, as many rows as the most that one has."""
    gates, values = {"input": inputs, "recur": products}, spec.program.values
    found = []
    for stage in spec.stages:
        parts = [[values[k] for k in own if values[k].op in gates] for own in stage.parts]
        own = [[(value.op, gates[value.op].index(value.name)) for value in part] for part in parts]
        rows = range(max(map(len, own), default=0))
        found.append(tuple(tuple(bias[row] if row < len(bias) else ("", 0) for bias in own) for row in rows))
    return tuple(found)


def set_biases(launch: Launch, call: Call) -> None:
    """Set the sums of the biases of each stage's accumulators, in float32."""
    for n, rows in enumerate(biases_of(launch.spec, call.cell.input_gates, call.cell.recurrent_gates)):
        if rows:
            launch.given[arguments.bias(n)] = _summed(call, rows)


def _summed(call: Call, rows: tuple[tuple[Bias, ...], ...]) -> Tensor:
    """Return the sum of each accumulator's biases, (accumulators * H,) in float32."""
    size, given = call.hidden_size, {"input": call.weights.b_ih, "recur": call.weights.b_hh}
    by_gate = {op: bias.split(size) for op, bias in given.items() if bias is not None}
    if not by_gate:
        return torch.zeros(len(rows[0]) * size, dtype=torch.float32, device=call.x.device)
    zero = call.x.new_zeros(size if any(op not in by_gate for row in rows for op, _ in row) else 0)
    parts = [by_gate[op][gate] if op in by_gate else zero for row in rows for op, gate in row]
    return torch.cat(parts).view(len(rows), -1).sum(0, dtype=torch.float32)
