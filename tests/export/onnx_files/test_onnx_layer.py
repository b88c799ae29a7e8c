"""A layer in ONNX Runtime gives what its paper says, at every length, also where ONNX Runtime itself forgets states."""

from typing import Any

import numpy as np
import pytest
import torch
from tests.engine.random_cells import random_call, random_cell
from tests.export.onnx_files.sessions import layer_model, operators, run
from tests.witnesses import PAPERS
from tests.witnesses.cases import Case, inputs
from tests.witnesses.derivative import witness

import tidegate
from tidegate.cells import (
    CELLS,
    Cell,
    Step,
    cell,
    cumsum,
    exp,
    get_cell,
    maximum,
    minimum,
    relu,
    sigmoid,
    softmax,
    softplus,
    tanh,
    unit_mean,
    unit_sum,
    variational_dropout,
    where,
    with_heads,
    zoneout,
)
from tidegate.engine import Weights
from tidegate.engine import run as run_engine

FUSED = {
    "lstm": "LSTM", "peephole_lstm": "LSTM", "coupled_lstm": "LSTM", "odyssey_niaf": "LSTM", "odyssey_noaf": "LSTM",
    "odyssey_cifg": "LSTM", "gru": "GRU", "gru_original": "GRU", "gru_z_new": "GRU", "gru_original_z_new": "GRU",
    "mgu": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN",
}  # fmt: skip


def check(name: str, case: Case) -> list[str]:
    """Compare a layer with its paper in float64; return the operators of its graph."""
    paper, made = PAPERS[name], inputs(PAPERS[name], case)
    tensors = {key: torch.from_numpy(value) for key, value in made.items()}
    weights = Weights(
        **{key: tensors.get(key) for key in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")},
        p={it: tensors[it] for it in paper.parameters},
    )
    own = get_cell(name)
    lengths = case.lengths is not None
    proto = layer_model(own, weights, case.I, lengths=lengths, start=case.start, reverse=case.reverse)
    given = {key: value for key, value in made.items() if key == "x" or key.startswith(("mask ", "initial "))}
    given |= {"lengths": np.array(case.lengths)} if lengths else {}
    expected, _ = witness(paper, case, made, "float64")
    for key, found in run(proto, given).items():
        assert found.shape == expected[key].shape, key
        np.testing.assert_allclose(found, expected[key], rtol=2e-5, atol=2e-5, err_msg=f"{name} {key} {case.name}")
    return operators(proto)


@pytest.mark.parametrize("name", PAPERS)
def test_a_layer_gives_what_its_paper_says(name: str) -> None:
    # A sequence without steps keeps its initial state, in both directions; padding is NaN.
    for reverse in (False, True):
        found = check(name, Case(T=7, B=3, H=5, I=4, lengths=(0, 7, 4), reverse=reverse))
        assert FUSED.get(name, "Scan") in found
    check(name, Case(T=1, B=1, H=1, I=1, start=False, bias="input"))
    check(name, Case(T=9, B=2, H=4, I=3, bias="none", reverse=True))


def test_every_cell_is_tried() -> None:
    assert {*PAPERS} == {*CELLS}


def of_layer(layer: Any) -> list[str]:
    """Compare a layer with the reference; return the operators of its graph."""
    torch.manual_seed(3)
    weights = layer.eval().layer_weights(0, 0).map(torch.Tensor.detach)
    for tensor in weights.tensors():
        tensor.uniform_(-0.7, 0.7)
    return of_reference(layer.cell, weights, layer.input_size)


def of_reference(own: Cell, weights: Weights, inputs: int) -> list[str]:
    """Compare a layer with the reference; return the operators of its graph."""
    hidden = weights.hidden_size(own)
    sizes = [hidden if weights.w_hr is None else weights.w_hr.shape[0], *[hidden] * (len(own.states) - 1)]
    found: list[str] = []
    for reverse, steps, batch in ((False, 6, 3), (True, 5, 4)):
        lengths = not reverse
        proto = layer_model(own, weights, inputs, lengths=lengths, start=True, reverse=reverse)
        x, states = torch.randn(steps, batch, inputs), [torch.rand(batch, size) for size in sizes]
        valid, masks = (
            torch.tensor([steps, 0, 2, 3][:batch]),
            {it: torch.rand(steps, batch, hidden) for it in own.masks},
        )
        given = (
            {"x": x}
            | ({"lengths": valid} if lengths else {})
            | {f"mask {it}": own_mask for it, own_mask in masks.items()}
        )
        given |= {f"initial {it}": state for it, state in zip(own.states, states, strict=True)}
        results = run(proto, {key: value.numpy() for key, value in given.items()})
        exact, rounded = (
            run_engine(
                own, x.to(dtype), weights.map(lambda it, to=dtype: it.to(to)), [it.to(dtype) for it in states],
                lengths=valid if lengths else None, reverse=reverse,
                masks={key: it.to(dtype) for key, it in masks.items()},
                backend="reference",
            )
            for dtype in (torch.float64, torch.float32)
        )  # fmt: skip
        wanted = zip((exact.output, *exact.state), (rounded.output, *rounded.state), strict=True)
        for value, (right, near) in zip(results.values(), wanted, strict=True):
            allowed = 1e-5 * max(1.0, float(right.abs().max())) + 8 * float((right - near).abs().max())
            assert np.abs(value - right.numpy()).max() <= allowed
        found = operators(proto)
    return found


COMPOSED = {
    "projected": lambda: tidegate.nn.LSTM(4, 7, proj_size=3),
    "heads": lambda: tidegate.nn.Recurrent(with_heads(get_cell("gru_original"), 2), 4, 6),
    "zoneout": lambda: tidegate.nn.Recurrent(zoneout(get_cell("lstm"), 0.3), 4, 5),
    "variational dropout": lambda: tidegate.nn.Recurrent(variational_dropout(get_cell("gru"), 0.3), 4, 5),
}


@pytest.mark.parametrize("kind", COMPOSED)
def test_composed_cells(kind: str) -> None:
    layer = COMPOSED[kind]()
    assert "Scan" in of_layer(layer)


def test_a_users_cell_with_everything_that_is_not_pointwise() -> None:
    @cell(gates="a b d", states="h n", parameters="w", scalars="k", masks="m=0.5")
    def mixed(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
        share = softmax(x.a + r.a) * unit_mean(x.b)  # unit_mean(x.b): one number, before the loop
        inner = r("d", share * s.n)
        middle = cumsum(unit_sum(s.h) * p.k) + unit_mean(p.w) * m.m
        h = tanh(where(inner <= middle, inner, x.b)) % 0.7
        n = maximum(minimum(exp(-middle), 0.9), p.w) * sigmoid(x.d)
        return Step(h=h, n=n)

    of_layer(tidegate.nn.Recurrent(mixed, 3, 6))


def test_states_that_depend_on_no_state_or_on_nothing() -> None:
    @cell(gates="a", states="h c d", parameters="w", scalars="k")
    def open_loop(x: Any, s: Any, p: Any) -> Step:
        return Step(h=tanh(x.a) * p.k, c=p.w * 2, d=unit_sum(s.h))

    of_layer(tidegate.nn.Recurrent(open_loop, 3, 5))


def hard_sigmoid(v: Any) -> Any:
    return maximum(minimum(0.2 * v + 0.5, 1), 0)


@cell(gates="inp out keep new", states="y memory", parameters="see")
def of_other_names(x: Any, r: Any, s: Any, p: Any) -> Step:
    memory = softplus(r.new + x.new) * hard_sigmoid(r.inp + x.inp) + s.memory * hard_sigmoid(x.keep + r.keep)
    return Step(y=tanh(memory) * hard_sigmoid(x.out + p.see * memory + r.out), memory=memory)


@cell(gates="f g o", states="h c")
def with_i_from_f(x: Any, r: Any, s: Any) -> Step:
    f = sigmoid(x.f + r.f)
    c = f * s.c + (1 - f) * tanh(x.g + r.g)
    return Step(h=sigmoid(x.o + r.o) * c, c=c)


@cell(gates="z r n", states="h")
def relu_gru(x: Any, r: Any, s: Any) -> Step:
    z = hard_sigmoid(x.z + r.z)
    return Step(h=s.h * z + relu(r.n * hard_sigmoid(x.r + r.r) + x.n) * (1 - z))


@pytest.mark.parametrize(("own", "operator"), [(of_other_names, "LSTM"), (with_i_from_f, "LSTM"), (relu_gru, "GRU")])
def test_a_users_cell_with_the_equations_of_an_operator(own: Cell, operator: str) -> None:
    assert operator in of_layer(tidegate.nn.Recurrent(own, 4, 5))


@cell(gates="i f g o", states="h c")
def lstm(x: Any, r: Any, s: Any) -> Step:
    i, f, o = sigmoid(x.i + r.i), sigmoid(x.f + r.f), sigmoid(x.o + r.o)
    c = f * s.c + i * tanh(x.g + r.g)
    return Step(h=o * tanh(s.c), c=c)  # of the step before


@cell(gates="i f g o", states="h c", parameters="p")
def o_sees_the_state_before(x: Any, r: Any, s: Any, p: Any) -> Step:
    i, f, o = sigmoid(x.i + r.i), sigmoid(x.f + r.f), sigmoid(x.o + r.o + p.p * s.c)
    c = f * s.c + i * tanh(x.g + r.g)
    return Step(h=o * tanh(c), c=c)


@cell(gates="i f g o", states="h c", scalars="p")
def with_a_scalar(x: Any, r: Any, s: Any, p: Any) -> Step:
    i, f, o = sigmoid(x.i + r.i + p.p * s.c), sigmoid(x.f + r.f), sigmoid(x.o + r.o)
    c = f * s.c + i * tanh(x.g + r.g)
    return Step(h=o * tanh(c), c=c)


@cell(gates="z r n", states="h")
def hard_gru_z_new(x: Any, r: Any, s: Any) -> Step:
    z = hard_sigmoid(x.z + r.z)  # whose 1 - φ(a) need not be φ(-a)
    return Step(h=s.h * (1 - z) + tanh(r("n", s.h * hard_sigmoid(x.r + r.r)) + x.n) * z)


@cell(gates="z r n", states="h")
def two_activations(x: Any, r: Any, s: Any) -> Step:
    z = sigmoid(x.z + r.z)
    return Step(h=s.h * z + tanh(r.n * tanh(x.r + r.r) + x.n) * (1 - z))


@cell(gates="a b", states="h")
def crossed(x: Any, r: Any) -> Step:
    return Step(h=tanh(x.a + r.b) + 0 * (x.b + r.a))


@pytest.mark.parametrize(
    "own",
    [lstm, o_sees_the_state_before, with_a_scalar, hard_gru_z_new, two_activations, crossed],
    ids=lambda it: it.name,
)
def test_a_users_cell_with_almost_the_equations_of_an_operator(own: Cell) -> None:
    assert "Scan" in of_layer(tidegate.nn.Recurrent(own, 4, 5))


@pytest.mark.parametrize("seed", range(20))
def test_random_cells(seed: int) -> None:
    own = random_cell(seed)
    made = random_call(own, seed).tensors
    weights = Weights(
        **{key: made.get(key) for key in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")},
        p={it: made[f"p {it}"] for it in own.parameters},
    )
    of_reference(own, weights, made["x"].shape[2])
