"""The cell language: what a definition yields, and which errors it raises."""

import math
from typing import Any

import pytest
import torch

from tidegate.cells import (
    OPERATIONS,
    Step,
    cell,
    get_cell,
    gru,
    gru_original,
    lstm,
    maximum,
    min_gru,
    minimum,
    normalize,
    peephole_lstm,
    projected,
    sigmoid,
    tanh,
)
from tidegate.engine import program
from tidegate.engine.kernels.stages import stages_of
from tidegate.errors import CellError


def test_analysis_of_the_lstm() -> None:
    assert lstm.gates == lstm.input_gates == lstm.recurrent_gates == lstm.presummed_gates == ("i", "f", "g", "o")
    assert lstm.states == ("h", "c")
    assert lstm.recorded == ("i", "f", "g", "o", "h", "c")


def test_analysis_distinguishes_the_two_grus() -> None:
    assert gru.presummed_gates == ("r", "z")
    assert gru.direct_gates == ("r", "z", "n")
    assert gru_original.presummed_gates == ("r", "z", "n")
    assert gru_original.direct_gates == ("r", "z")


def test_a_product_of_a_vector_made_inside_the_step_begins_a_stage() -> None:
    def stages(name: str) -> int:
        return len(stages_of(program(get_cell(name)), fused_input=True, in_memory=frozenset({"h"})))

    assert (stages("lstm"), stages("gru"), stages("gru_original"), stages("layer_norm_lstm")) == (1, 1, 2, 5)


def test_min_gru_has_no_recurrent_product() -> None:
    assert min_gru.recurrent_gates == ()


def test_equal_expressions_are_one_value_of_the_program() -> None:
    @cell(gates="a")
    def twice(x: Any, r: Any) -> Step:
        return Step(h=tanh(x.a + r.a) * sigmoid(tanh(x.a + r.a)))

    ops = [value.op for value in program(twice).values]
    assert ops.count("tanh") == ops.count("add") == 1
    for k, value in enumerate(program(twice).values):
        assert all(arg < k for arg in value.args)


def test_text_and_latex_are_written_from_the_trace() -> None:
    assert lstm.text().splitlines()[4:] == ["c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t", "h_t = o_t ⊙ tanh(c_t)"]
    assert r"p_{o} \odot c_{t}" in peephole_lstm.latex()
    assert r"\operatorname{relu}\left(" in get_cell("rnn_relu").latex()
    assert gru_original.text().splitlines()[2] == "n_t = tanh(W_n x_t + U_n (r_t ⊙ h_{t-1}) + b_n)"
    assert projected(lstm).text().splitlines()[-1] == "h_t = W_{proj} (o_t ⊙ tanh(c_t))"


def test_brackets_keep_the_meaning() -> None:
    @cell(gates="a b", parameters="gain", masks="keep")
    def odd(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
        a = tanh(p.gain * normalize(x.a + r.a) + maximum(r.b, 0) * -2)
        return Step(h=m.keep * s.h - (1 - (1 - m.keep)) * (a - (x.b - a)) / (2 - a), gates=dict(a=a))

    assert odd.text().splitlines() == [
        "a_t = tanh(gain ⊙ normalize(W_a x_t + U_a h_{t-1} + b_a) + max(U_b h_{t-1} + b'_b, 0) (-2))",
        "h_t = keep_t ⊙ h_{t-1} - (1 - (1 - keep_t)) ⊙ (a_t - (W_b x_t + b_b - a_t)) / (2 - a_t)",
    ]
    assert odd.presummed_gates == ("a",)


@pytest.mark.parametrize(
    ("build", "alone"),
    [
        (lambda x, r: tanh(x.a + r.a) + sigmoid(x.a), True),
        (lambda x, r: tanh(x.a + (r.a + 1)), False),
        (lambda x, r: tanh((x.a + 1) + r.a) + sigmoid(x.a + 1), True),
        (lambda x, r: x.a * r.a, True),
        (lambda x, r: tanh(x.a + x.a + r.a), True),
        (lambda x, r: x.a + r.a, False),
    ],
    ids=["x again", "nested sum", "a shared partial sum", "product", "twice", "no activation"],
)
def test_a_gate_is_presummed_only_if_its_parts_never_part(build: Any, alone: bool) -> None:
    @cell(gates="a")
    def it(x: Any, r: Any) -> Step:
        return Step(h=build(x, r))

    assert it.presummed_gates == (() if alone else ("a",))


@pytest.mark.parametrize("op", OPERATIONS)
def test_operations_on_tensors(op: str) -> None:
    """Each row computes what its name says, against an independent formula in float64."""
    a, b = torch.tensor([-1.5, 0.25, 3.0], dtype=torch.float64), torch.tensor([2.0, -0.5, 0.75], dtype=torch.float64)
    expected = {
        "add": a + b,
        "sub": a - b,
        "mul": a * b,
        "div": a / b,
        "neg": -a,
        "sigmoid": 1 / (1 + (-a).exp()),
        "tanh": (a.exp() - (-a).exp()) / (a.exp() + (-a).exp()),
        "relu": a * (a > 0),
        "exp": a.exp(),
        "log": b.abs().log(),
        "softplus": (1 + a.exp()).log(),
        "absolute": (a * a).sqrt(),
        "minimum": torch.tensor([-1.5, -0.5, 0.75], dtype=torch.float64),
        "maximum": torch.tensor([2.0, 0.25, 3.0], dtype=torch.float64),
        "sqrt": b.abs() ** 0.5,
        "sin": torch.tensor([math.sin(-1.5), math.sin(0.25), math.sin(3)], dtype=torch.float64),
        "cos": torch.tensor([math.cos(-1.5), math.cos(0.25), math.cos(3)], dtype=torch.float64),
        "remainder": torch.tensor([0.5, -0.25, 0.0], dtype=torch.float64),  # with the sign of b
        "softmax": a.exp() / a.exp().sum(),
        "cumsum": torch.tensor([-1.5, -1.25, 1.75], dtype=torch.float64),
        "unit_sum": torch.tensor([1.75] * 3, dtype=torch.float64),
        "unit_mean": torch.tensor([1.75 / 3] * 3, dtype=torch.float64),
        "where_at_most": torch.tensor([-3.0, -0.5, 0.75], dtype=torch.float64),
        "where_less": torch.tensor([-3.0, -0.5, 0.75], dtype=torch.float64),
        "normalize": (a - a.mean()) / ((a - a.mean()) ** 2).mean().add(1e-5).sqrt(),
    }
    two = op in ("add", "sub", "mul", "div", "minimum", "maximum", "remainder")
    given = (a, b) if two else (b.abs() if op in ("log", "sqrt") else a,)
    given = (a, b, 2 * a, b) if op.startswith("where") else given
    torch.testing.assert_close(OPERATIONS[op].compute(*given), expected[op])


def test_minimum_and_maximum_take_numbers_on_either_side() -> None:
    v = torch.tensor([-1.0, 0.5, 2.0])
    assert minimum(v, 1).tolist() == minimum(1, v).tolist() == [-1.0, 0.5, 1.0]
    assert maximum(v, 0).tolist() == maximum(0, v).tolist() == [0.0, 0.5, 2.0]


FAULTS: dict[str, tuple[dict[str, Any], Any, str]] = {
    "undeclared gate": (dict(gates="a"), lambda x: Step(h=x.b), "uses x.b, but gates='a' has no 'b'"),
    "undeclared product": (dict(gates="a"), lambda x, r: Step(h=x.a + r.b), "uses r.b, but gates='a' has no 'b'"),
    "undeclared state": (dict(gates="a"), lambda x, s: Step(h=x.a + s.c), "uses s.c, but states='h' has no 'c'"),
    "a vector's start": (
        dict(gates="a", parameters="w=one"),
        lambda x, p: Step(h=x.a * p.w),
        "'w=one' in parameters is not a name and a number",
    ),
    "undeclared vector": (dict(gates="a"), lambda x, p: Step(h=x.a * p.w), "uses p.w, but parameters='' has no 'w'"),
    "unused gate": (dict(gates="a b"), lambda x: Step(h=x.a), "gate 'b' is declared but neither x.b nor r.b"),
    "unused vector": (dict(gates="a", parameters="w"), lambda x: Step(h=x.a), "parameter 'w' is declared but not used"),
    "missing state": (dict(gates="a", states="h c"), lambda x: Step(h=x.a), "Step has no 'c'"),
    "extra state": (dict(gates="a"), lambda x: Step(h=x.a, c=x.a), "Step has 'c', which is not declared"),
    "number for a state": (dict(gates="a"), lambda x: Step(h=0.0), "'h' in its Step is 0.0"),
    "no step": (dict(gates="a"), lambda x: x.a, "returned Expression; it must return Step"),
    "a name twice": (dict(gates="a a"), lambda x: Step(h=x.a), "contains a name twice"),
    "not a name": (dict(gates="a-b"), lambda x: Step(h=x.a), "'a-b' in gates is not a plain name"),
    "no state at all": (dict(gates="a", states=""), lambda x: Step(), "it has no state"),
    "a state among the gates": (
        dict(gates="a"),
        lambda x: Step(h=x.a, gates=dict(h=x.a)),
        "'h' is both a state and a gate's value",
    ),
    "another argument": (dict(gates="a"), lambda x, y: Step(h=x.a), "its function takes y"),
    "a string": (dict(gates="a"), lambda x: Step(h=x.a + "1"), r"\+ was given str"),
    "product of a number": (dict(gates="a"), lambda x, r: Step(h=x.a + r("a", 2)), "given int; it takes a vector"),
    "two operands": (
        dict(gates="a"),
        lambda x, r, s: Step(h=x.a + r.a + r("a", 2 * s.h)),
        "gate 'a' are used on two different vectors",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_badly_formed_cell_raises_at_definition(fault: str) -> None:
    declared, fn, message = FAULTS[fault]
    fn.__name__ = "mine"
    with pytest.raises(CellError, match=message) as error:
        cell(**declared)(fn)
    assert str(error.value).startswith("Cell 'mine' (")
