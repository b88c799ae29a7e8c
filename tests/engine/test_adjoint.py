"""A Program and its adjoint, interpreted step by step, against autograd through the reference."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from tidegate.cells import (
    CELLS,
    OPERATIONS,
    Cell,
    Step,
    absolute,
    cell,
    cos,
    cumsum,
    exp,
    log,
    lstm,
    maximum,
    minimum,
    normalize,
    peephole_lstm,
    projected,
    relu,
    sigmoid,
    sin,
    softmax,
    softplus,
    sqrt,
    tanh,
    unit_mean,
    unit_sum,
    where,
)
from tidegate.engine import Program, Weights, program, run
from tidegate.engine.program.adjoint import adjoint
from tidegate.engine.program.program import PRODUCTS

STEPS, BATCH, INPUTS, UNITS, PROJECTED = 5, 3, 2, 4, 3


@cell(gates="a b d", states="h c", parameters="gain bias", masks="keep")
def everything(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    a = tanh(p.gain * normalize(x.a + r.a) + p.bias + r("d", s.c))
    b = sigmoid(x.b + r("b", a * s.h) + minimum(a, s.c) - maximum(s.c, -0.3))
    c = m.keep * s.c + (1 - m.keep) * (a + softplus(b) * absolute(s.c) / (1 + exp(-b)))
    turned = sqrt(1 + absolute(a)) * sin(3 * c % (1 + b)) + where(a < b, cos(a), c) - where(c >= 0.1, a, 0)
    ordered = cumsum(softmax(2 * a)) * unit_sum(a * c) - unit_mean(a * s.h)
    return Step(h=b * tanh(c) + log(1.5 + b) - relu(a) + turned + ordered, c=c, gates=dict(a=a, b=b))


def interpret(
    step: Program, leaf: Callable[[str, str], Tensor], product: Callable[[str, str, Tensor], Tensor]
) -> list[Tensor]:
    """All values of one step."""
    extra = {
        "at_most": lambda a, b: (a <= b).double(),
        "unit_max": lambda v: v.amax(-1, keepdim=True).expand_as(v),
        "cumsum_reversed": lambda v: v.flip(-1).cumsum(-1).flip(-1),
        "rsqrt": torch.rsqrt,
    }
    values: list[Tensor] = []
    for value in step.values:
        args = [values[k] for k in value.args]
        if value.op == "constant":
            values.append(torch.tensor(value.number, dtype=torch.float64))
        elif value.op in PRODUCTS:
            values.append(product(value.op, value.name, args[0]))
        elif args:
            values.append(extra[value.op](*args) if value.op in extra else OPERATIONS[value.op].compute(*args))
        else:
            values.append(leaf(value.op, value.name))
    return values


def gradients(
    it: Cell, leaves: Mapping[str, Tensor], weights: Weights, masks: Any, reset: Tensor, cotangents: Any
) -> Any:
    """Run Program and adjoint by hand; the gradients by the names of ``leaves``."""
    forward, names = program(it), [n for n in it.recorded if n != it.states[0]]
    back = adjoint(forward, (it.states[0], *names), it.masks)
    products = [value for value in forward.values if value.op == "recur"]
    operands = {v.name: forward.values[v.args[0]].name for v in products if forward.values[v.args[0]].op == "state"}
    u, b = (
        {} if w is None else dict(zip(it.recurrent_gates, w.chunk(len(it.recurrent_gates)), strict=True))
        for w in (weights.w_hh, weights.b_hh)
    )

    def product(op: str, gate: str, v: Tensor) -> Tensor:
        if op.startswith("project"):
            assert weights.w_hr is not None
            return v @ (weights.w_hr.T if op == "project" else weights.w_hr)
        return v @ u[gate].T + b.get(gate, 0) if op == "recur" else v @ u[gate]

    x = leaves["x"]
    parts = dict(
        zip(it.input_gates, (x @ leaves["w_ih"].T + leaves.get("b_ih", 0)).chunk(len(it.input_gates), -1), strict=True)
    )
    state = {name: leaves[f"initial {name}"] for name in it.states}
    before, kept = [], []
    for t in range(STEPS):
        state = {name: value.masked_fill(reset[t][:, None], 0) for name, value in state.items()}
        before.append(state)
        given = {
            "input": {k: v[t] for k, v in parts.items()},
            "state": state,
            "parameter": weights.p,
            "mask": {k: v[t] for k, v in masks.items()},
        }
        values = interpret(forward, lambda op, name, given=given: given[op][name], product)
        kept.append(values)
        state = {name: values[k] for name, k in forward.states.items()}
    carried = {f"d {name}": cotangents[f"final {name}"] for name in it.states}
    carried |= {
        v.name: torch.zeros(BATCH, UNITS).double()
        for v in back.program.values
        if v.op == "state" and v.name not in carried
    }
    made: dict[str, list[Tensor]] = {}
    for t in reversed(range(STEPS)):
        given = {
            "cotangent": {k: v[t] for k, v in cotangents.items() if not k.startswith("final")},
            "state": carried,
            "saved": {name: kept[t][k] for name, k in back.saved.items()},
            "before": before[t],
            "parameter": weights.p,
            "mask": {k: v[t] for k, v in masks.items()},
        }
        values = interpret(back.program, lambda op, name, given=given: given[op][name], product)
        carried = {
            name: (values[k] + torch.zeros_like(carried[name])).masked_fill(reset[t][:, None], 0)
            for name, k in back.program.states.items()
        }
        for name, k in {**back.program.gates, **back.program.sums}.items():
            made.setdefault(name, []).insert(0, values[k])
    whole = {name: torch.stack(values).flatten(0, 1) for name, values in made.items()}
    by_input = torch.cat([whole[f"x.{gate}"] for gate in it.input_gates], -1)
    found = {"x": (by_input @ leaves["w_ih"]).view_as(x), "w_ih": by_input.T @ x.flatten(0, 1), "b_ih": by_input.sum(0)}
    if it.recurrent_gates:
        previous = {g: torch.stack([b[name] for b in before]).flatten(0, 1) for g, name in operands.items()}
        operand = {g: whole[f"operand r.{g}"] if f"operand r.{g}" in whole else previous[g] for g in it.recurrent_gates}
        found["w_hh"] = torch.cat([whole[f"r.{g}"].T @ operand[g] for g in it.recurrent_gates])
        found["b_hh"] = torch.cat([whole[f"r.{gate}"].sum(0) for gate in it.recurrent_gates])
    if it.projected:
        found["w_hr"] = whole["project"].T @ whole["operand project"]
    found |= {name: whole[name].sum(0) for name in back.program.sums}
    found |= {f"mask {name}": whole[f"m.{name}"].view(STEPS, BATCH, UNITS) for name in it.masks}
    for name in it.states:
        found[f"initial {name}"] = carried[f"d {name}"]
    for gate, name in operands.items():
        found[f"initial {name}"] = found[f"initial {name}"] + carried[f"d r.{gate}"] @ u[gate]
    return found


@pytest.mark.parametrize(
    "it", [*CELLS.values(), everything, projected(lstm), projected(peephole_lstm)], ids=lambda c: c.name
)
def test_the_adjoint_is_the_derivative(it: Cell) -> None:
    torch.manual_seed(0)

    def leaf(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    output = PROJECTED if it.projected else UNITS
    g_x, g_r = len(it.input_gates), len(it.recurrent_gates)
    leaves = {"x": leaf(STEPS, BATCH, INPUTS), "w_ih": leaf(g_x * UNITS, INPUTS)}
    leaves |= {"w_hh": leaf(g_r * UNITS, output)} if g_r else {}
    leaves |= {"b_ih": leaf(g_x * UNITS)} if it.bias else {}
    leaves |= {"b_hh": leaf(g_r * UNITS)} if g_r and it.bias else {}
    leaves |= {"w_hr": leaf(output, UNITS)} if it.projected else {}
    leaves |= {f"p.{name}": leaf(UNITS) for name in it.parameters}
    leaves |= {f"initial {n}": leaf(BATCH, UNITS if k else output) for k, n in enumerate(it.states)}
    weights = Weights(
        leaves["w_ih"],
        leaves.get("w_hh"),
        leaves.get("b_ih"),
        leaves.get("b_hh"),
        {name: leaves[f"p.{name}"] for name in it.parameters},
        leaves.get("w_hr"),
    )
    masks = {name: torch.rand(STEPS, BATCH, UNITS).double().requires_grad_() for name in it.masks}
    leaves |= {f"mask {name}": mask for name, mask in masks.items()}
    reset = torch.rand(STEPS, BATCH) < 0.3
    names = [name for name in it.recorded if name != it.states[0]]
    state = [leaves[f"initial {name}"] for name in it.states]
    result = run(it, leaves["x"], weights, state, reset=reset, record=names, masks=masks, backend="reference")
    results = {it.states[0]: result.output, **result.record}
    results |= {f"final {name}": value for name, value in zip(it.states, result.state, strict=True)}
    cotangents = {name: torch.randn_like(value) for name, value in results.items()}
    expected = torch.autograd.grad(
        list(results.values()), list(leaves.values()), list(cotangents.values()), materialize_grads=True
    )
    with torch.no_grad():
        found = gradients(it, leaves, weights, masks, reset, cotangents)
    for name, value in zip(leaves, expected, strict=True):
        torch.testing.assert_close(found[name], value, atol=1e-11, rtol=1e-9, msg=lambda m, n=name: f"{n}: {m}")


def test_values_that_are_cheap_to_compute_again_are_not_saved_for_backward() -> None:
    assert set(adjoint(program(lstm), ("h",)).saved) == {"i", "f", "g", "o", "c"}  # not tanh(c)
    assert set(adjoint(program(CELLS["coupled_lstm"]), ("h",)).saved) == {"i", "g", "o", "c"}  # not f = 1 - i
    assert set(adjoint(program(CELLS["rnn_tanh"]), ("h",)).saved) == {"h"}
    assert len(adjoint(program(CELLS["gru"]), ("h",)).saved) == 4  # r, z, n, and the product that r multiplies
