"""What people write who come from PyTorch: each is refused with the line and with what to write instead."""

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tidegate.cells import Step, cell, maximum, sigmoid, tanh, where
from tidegate.errors import CellError

LINEAR, WEIGHTS = torch.nn.Linear(4, 4), torch.ones(4)


def assigned(x: Any) -> Any:
    x.n = tanh(x.n)
    return x.n


def added_in_place(x: Any, r: Any) -> Any:
    v = x.n
    v += r.n
    return v


# One line each: the line of the lambda is the line of the fault.
WRITTEN: dict[str, tuple[Any, str]] = {
    "torch.tanh": (lambda x, r, s: torch.tanh(x.n), r"torch\.tanh is .*: write tanh\(v\)"),
    "torch.sigmoid_": (lambda x, r, s: torch.sigmoid_(x.n), r"write sigmoid\(v\)"),
    "torch.softmax": (lambda x, r, s: torch.softmax(x.n, -1), r"torch\.softmax is .*write softmax\(v\)"),
    "torch.sqrt": (lambda x, r, s: torch.sqrt(x.n), r"write sqrt\(v\), with"),
    "torch.clamp": (lambda x, r, s: torch.clamp(x.n, 0, 1), r"write maximum\(minimum\(v, high\), low\)"),
    "torch.where": (lambda x, r, s: torch.where(torch.ones(4) > 0, x.n, r.n), r"choose by a mask"),
    "torch.cat": (lambda x, r, s: torch.cat([x.n, r.n]), r"torch\.cat is .*Declare a gate for each part"),
    "torch.matmul": (lambda x, r, s: torch.matmul(WEIGHTS, x.n), r"r\(\"k\", v\)"),
    "torch.sin": (lambda x, r, s: torch.sin(x.n), r"torch\.sin is .*: write sin\(v\), with"),
    "torch.tensor": (lambda x, r, s: torch.tensor([x.n]), r"len\(\)|index|float\(\)|RuntimeError|TypeError"),
    "torch.zeros_like": (lambda x, r, s: torch.zeros_like(x.n), r"write a number instead"),
    "torch.dropout": (lambda x, r, s: F.dropout(x.n, 0.1), r"variational_dropout\(cell, rate\)"),
    "F.silu": (lambda x, r, s: F.silu(x.n), r"write v \* sigmoid\(v\)"),
    "F.normalize": (lambda x, r, s: F.normalize(x.n, dim=-1), r"normal"),
    "F.layer_norm": (lambda x, r, s: F.layer_norm(x.n, (4,)), r"write normalize\(v\)"),
    "special.expit": (lambda x, r, s: torch.special.expit(x.n), r"write sigmoid\(v\)"),
    "a module": (lambda x, r, s: LINEAR(x.n), r"linear is .*a product with a weight matrix"),
    "a module of x": (lambda x, r, s: LINEAR(x), r"x itself is not a value"),
    "nn.Tanh": (lambda x, r, s: torch.nn.Tanh()(x.n), r"write tanh\(v\)"),
    "nn.GRUCell": (lambda x, r, s: torch.nn.GRUCell(4, 4)(x.n), r"\.dim is not in the cell language"),
    "v.tanh()": (lambda x, r, s: x.n.tanh(), r"\.tanh is .*: write tanh\(v\)"),
    "v.sigmoid_()": (lambda x, r, s: x.n.sigmoid_(), r"write sigmoid\(v\)"),
    "v.mean()": (lambda x, r, s: x.n.mean(-1), r"the operations of .* across hidden units are normalize"),
    "v.pow()": (lambda x, r, s: x.n.pow(2), r"write v \* v for v \*\* 2"),
    "v.add_()": (lambda x, r, s: x.n.add_(r.n), r"write v \+ w"),
    "v.chunk()": (lambda x, r, s: x.n.chunk(4, -1), r"Declare a gate for each part"),
    "v.detach()": (lambda x, r, s: s.h.detach(), r"gradients flow through every operation"),
    "v.shape": (lambda x, r, s: x.n * s.h.shape[0], r"traced without values, sizes"),
    "v.erfinv()": (lambda x, r, s: x.n.erfinv(), r"\.erfinv is .*it has"),
    "numpy.tanh": (lambda x, r, s: np.tanh(x.n), r"numpy\.tanh is .*: write tanh\(v\)"),
    "numpy.maximum": (lambda x, r, s: np.maximum(x.n, 0), r"write maximum\(v, w\)"),
    "numpy.sum": (lambda x, r, s: np.sum(x.n), r"numpy\.add|across hidden units are|\.sum"),
    "numpy.where": (lambda x, r, s: np.where(True, x.n, r.n), r"numpy\.where is .*choose by a mask"),
    "numpy.array": (lambda x, r, s: np.array(x.n), r"array"),
    "an array": (lambda x, r, s: np.ones(4) * x.n, r"a NumPy array is .*declared in parameters="),
    "an array on the right": (lambda x, r, s: x.n * np.ones(4), r"ndarray, which is .*declared in parameters="),
    "a tensor": (lambda x, r, s: x.n * WEIGHTS, r"a Tensor, which is .*declared in parameters="),
    "a tensor on the left": (lambda x, r, s: WEIGHTS * x.n, r"a tensor is .*declared in parameters="),
    "1 over a tensor": (lambda x, r, s: WEIGHTS / x.n, r"a tensor is .*declared in parameters="),
    "a tensor minus": (lambda x, r, s: WEIGHTS - x.n, r"a tensor is .*declared in parameters="),
    "a tensor @": (lambda x, r, s: WEIGHTS @ x.n, r"a product with a weight matrix"),
    "a tensor in maximum": (lambda x, r, s: maximum(x.n, WEIGHTS), r"maximum\(\) was given a Tensor"),
    "a parameter": (lambda x, r, s: x.n + torch.nn.Parameter(WEIGHTS), r"declared in parameters="),
    "abs": (lambda x, r, s: abs(x.n), r"abs\(\) is .*: write absolute\(v\)"),
    "max": (lambda x, r, s: max(x.n, r.n), r"maximum\(v, w\) for max\(v, w\)"),
    "min": (lambda x, r, s: min(x.n, r.n, 1), r"minimum\(v, w\) for min\(v, w\)"),
    "max of one": (lambda x, r, s: max(x.n), r"iteration"),
    "sum": (lambda x, r, s: sum(x.n), r"iteration"),
    "round": (lambda x, r, s: round(x.n), r"round\(\) is not"),
    "pow": (lambda x, r, s: pow(x.n, 2), r"v \* v for v \*\* 2"),
    "pow of three": (lambda x, r, s: pow(x.n, 2, 3), r"v \* v for v \*\* 2"),
    "2 ** v": (lambda x, r, s: 2**x.n, r"v \* v for v \*\* 2"),
    "divmod": (lambda x, r, s: divmod(x.n, 2), r"divmod\(\) is not"),
    "//": (lambda x, r, s: 1 // r.n, r"// is not in the cell language: it has \+ - \* / %.*where, normalize"),
    "@": (lambda x, r, s: x.n @ r.n, r"@ is .*a product with a weight matrix"),
    "~": (lambda x, r, s: ~x.n, r"write 1 - v"),
    "&": (lambda x, r, s: x.n & r.n, r"& is not"),
    "==": (lambda x, r, s: x.n if x.n == 0 else r.n, r"== is .*choose by a mask"),
    "!=": (lambda x, r, s: x.n if x.n != 0 else r.n, r"!= is .*choose by a mask"),
    ">": (lambda x, r, s: (x.n > 0) * x.n, r"\* was given a comparison.*where\(a > b, v, w\).*choose by a mask"),
    "if >": (lambda x, r, s: x.n if x.n > 0 else r.n, r"a test by if.*Choose by where\(a > b"),
    "a chain": (lambda x, r, s: where(0 < x.n < 1, x.n, 0), r"a test by if.*Choose by where\(a > b"),
    "where a gate": (lambda x, r, s: where(x.n, r.n, 0), r"where\(\) was given Expression for a condition"),
    "where a number": (lambda x, r, s: where(1 > 0, x.n, 0), r"where\(\) was given bool for a condition"),
    "where two numbers": (lambda x, r, s: x.n * where(x.n > 0, 1, 0), r"where\(\) was given two numbers"),
    "> of a tensor": (lambda x, r, s: where(x.n > WEIGHTS, x.n, 0), r"> was given a Tensor.*declared in parameters"),
    "if": (lambda x, r, s: x.n if s.h else r.n, r"a test by if"),
    "or": (lambda x, r, s: x.n or r.n, r"a test by if"),
    "in": (lambda x, r, s: 1 in x.n, r"in is not"),
    "an index": (lambda x, r, s: x.n[0], r"an index is .*cannot be cut"),
    "a slice": (lambda x, r, s: x.n[..., :2], r"an index is .*cannot be cut"),
    "for": (lambda x, r, s: list(x.n), r"iteration"),
    "unpacking": (lambda x, r, s: maximum(*x.n), r"iteration"),
    "len": (lambda x, r, s: x.n / len(x.n), r"len\(\) is not"),
    "float": (lambda x, r, s: float(x.n), r"float\(\).*traced without values"),
    "math.exp": (lambda x, r, s: math.exp(x.n), r"Functions of Python's math take numbers"),
    "math.floor": (lambda x, r, s: math.floor(x.n), r"floor\(\) is not"),
    "range": (lambda x, r, s: range(x.n), r"use as an index"),
    "a format": (lambda x, r, s: f"{x.n:.2f}", r"the format '.2f' is not"),
    "v()": (lambda x, r, s: x.n(r.n), r"write \* for a product"),
    "+=": (lambda x, r, s: added_in_place(x, r), r"Write v = v \+ w"),
    "x.n = v": (lambda x, r, s: assigned(x), r"it assigns to x\.n"),
    "a complex number": (lambda x, r, s: 1j * x.n, r"\* was given complex; it takes .*real numbers"),
    "None": (lambda x, r, s: x.n + None, r"\+ was given NoneType"),
    "nan": (lambda x, r, s: float("nan") * x.n, r"\* was given nan"),
    "two numbers": (lambda x, r, s: maximum(1, 2) * x.n, r"raised TypeError: clamp\(\) received [^\n]*$"),
    "True": (lambda x, r, s: x.n * True, r"\* was given bool"),
    "x": (lambda x, r, s: tanh(x + r.n), r"x itself is not a value; x\.k is W_k x_t \+ b_k.* Write x\.n"),
    "x first": (lambda x, r, s: tanh(x * 2), r"x itself is not a value"),
    "tanh(x)": (lambda x, r, s: tanh(x), r"x itself is not a value"),
    "torch.tanh(x)": (lambda x, r, s: torch.tanh(x), r"x itself is not a value"),
    "x @ W": (lambda x, r, s: x @ WEIGHTS, r"x itself is not a value"),
    "W @ x": (lambda x, r, s: WEIGHTS @ x, r"x itself is not a value"),
    "x[0]": (lambda x, r, s: x[0], r"x itself is not a value"),
    "x, h = ...": (lambda x, r, s: [*x], r"x itself is not a value"),
    "s": (lambda x, r, s: x.n + s, r"s itself is not a value; .*Write s\.h"),
    "r(v)": (lambda x, r, s: x.n + r(s.h), r"r\(\.\.\.\) takes the name of a gate and a vector"),
    "r(v, k)": (lambda x, r, s: x.n + r(s.h, "n"), r"r\(\.\.\.\) takes the name of a gate and a vector"),
    "r(k, s)": (lambda x, r, s: x.n + r("n", s), r"s itself is not a value"),
    "r(k, tensor)": (lambda x, r, s: x.n + r("n", WEIGHTS), r"was given Tensor; it takes a vector"),
    "a state as a gate": (lambda x, r, s: x.h, r"uses x\.h, but gates='n' has no 'h'\. Did you mean s\.h\?"),
    "a gate as a state": (lambda x, r, s: s.n, r"uses s\.n, .* Did you mean x\.n or r\.n\?"),
    "any other error": (lambda x, r, s: tanh(x.n) + int("?"), r"raised ValueError: invalid literal"),
    "too many arguments": (lambda x, r, s: sigmoid(*[x.n, r.n]), r"raised TypeError: sigmoid\(\) takes 1"),
}


@pytest.mark.parametrize("what", WRITTEN)
def test_what_the_language_lacks_is_refused_with_its_line(what: str) -> None:
    body, message = WRITTEN[what]

    def mine(x: Any, r: Any, s: Any) -> Step:
        return Step(h=body(x, r, s))

    with pytest.raises(CellError, match=message) as error:
        cell(gates="n")(mine)
    inner = {"+=": added_in_place.__code__.co_firstlineno + 2, "x.n = v": assigned.__code__.co_firstlineno + 1}
    line = inner.get(what, body.__code__.co_firstlineno)
    assert str(error.value).startswith(f"Cell 'mine' ({__file__}, line {line}): ")


def line_of(fn: Any, offset: int = 0) -> str:
    return f"test_refusals.py, line {fn.__code__.co_firstlineno + offset}\\): "


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda v: None, r"returned None; it must return Step\(h=\.\.\., c=\.\.\.\)"),
        (lambda v: (v, v), "returned tuple; it must return Step"),
        (lambda v: torch.ones(3), "returned Tensor; it must return Step"),
        (lambda v: Step(h=v), "its Step has no 'c', which is declared in states='h c'"),
        (lambda v: Step(h=v, C=v), "its Step has no 'c', .*; it has 'C', which is not"),
        (lambda v: Step(h=v, c=v, f=v), r"has 'f', which is not declared .* given as gates=dict\(f=\.\.\.\)"),
        (lambda v: Step(h=v, c=torch.ones(3)), "'c' in its Step is Tensor, not an expression"),
        (lambda v: Step(h=v, c=None), "'c' in its Step is None, not an expression"),
        (lambda v: Step(h=v, c=v, **dict[str, Any](gates=[v])), "gates in its Step is list; it takes values by name"),
        (lambda v: Step(h=v, c=v, gates={"a b": v}), "'a b' among the gates of its Step is not a plain name"),
    ],
)
def test_a_wrong_result_is_refused_with_the_line_of_the_return(returned: Any, message: str) -> None:
    def mine(x: Any) -> Step:
        return returned(x.n)

    with pytest.raises(CellError, match=line_of(mine, 1) + ".*" + message):
        cell(gates="n", states="h c")(mine)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (dict(gates=["n", "k"]), "gates was given as list; .* gates='n k'"),
        (dict(gates=("n",)), "gates was given as tuple; .* gates='n'"),
        (dict(gates="n", states=["h"]), "states was given as list; .* states='h'"),
        (dict(gates="n", states=None), "states was given as NoneType"),
        (dict(gates="n", parameters={"a": 0.5}), "parameters was given as dict"),
        (dict(gates="n", masks=["m"]), "masks was given as list"),
        (dict(gates="n, k"), "'n,' in gates is not a plain name. Names are separated by blanks: gates='n k'"),
        (dict(gates="n;k"), "separated by blanks: gates='n k'"),
        (dict(gates="n", states="h,c"), "separated by blanks: states='h c'"),
        (
            dict(gates="n", parameters="a=0.5, b"),
            "'a=0.5,' in parameters is not a name and a number. Names are separated by blanks",
        ),
        (dict(gates="n", parameters="a = 0.5"), "none around =: parameters="),
        (dict(gates="n", parameters="a=nan"), "'a=nan' in parameters is not a name and a number"),
        (dict(gates="n k"), "gate 'k' is declared but neither"),
    ],
)
def test_a_wrong_declaration_is_refused_with_the_line_of_the_definition(declared: Any, message: str) -> None:
    def mine(x: Any) -> Step:
        return Step(h=x.n)

    with pytest.raises(CellError, match=line_of(mine) + ".*" + message):
        cell(**declared)(mine)


def test_arguments_of_a_torch_module_are_refused() -> None:
    def forward(input: Any, hidden: Any) -> Step:
        return Step(h=input)

    with pytest.raises(CellError, match=line_of(forward) + "its function takes input, hidden; a step's arguments are"):
        cell(gates="n")(forward)


@pytest.mark.parametrize("given", [torch.nn.Linear(2, 2), torch.tanh, partial(lambda x: x), None, "n"])
def test_something_else_than_a_function_is_refused(given: Any) -> None:
    with pytest.raises(CellError, match="above a function of one step; it was given"):
        cell(gates="n")(given)


def test_a_decorator_without_brackets_is_refused() -> None:
    def mine(x: Any) -> Step:
        return Step(h=x.n)

    with pytest.raises(CellError, match=r"write @cell\(gates="):
        cell(mine)  # pyright: ignore[reportArgumentType]


def test_a_fault_in_a_function_that_the_step_calls_names_that_line() -> None:
    def squash(v: Any) -> Any:
        return v.tanh()

    def mine(x: Any, r: Any) -> Step:
        return Step(h=squash(x.n + r.n))

    with pytest.raises(CellError, match=line_of(squash, 1)):
        cell(gates="n")(mine)


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), np.float16(0.5), 0.5])
@pytest.mark.parametrize(
    "body", [lambda a, v: a * v, lambda a, v: v * a, lambda a, v: a + v / a, lambda a, v: a - v, lambda a, v: a / v]
)
def test_numbers_of_numpy_are_numbers_on_either_side(number: Any, body: Any) -> None:
    @cell(gates="n")
    def with_numpy(x: Any) -> Step:
        return Step(h=body(number, x.n))

    @cell(gates="n")
    def plain(x: Any) -> Step:
        return Step(h=body(0.5, x.n))

    assert with_numpy.text() == plain.text()
    v = torch.tensor([0.25, 2.0])
    assert body(number, v).tolist() == body(0.5, v).tolist()


def test_symbols_can_be_printed_and_asked_for_attributes() -> None:
    @cell(gates="n")
    def mine(x: Any) -> Step:
        assert f"{x.n}" == repr(x.n) == "<input n>"
        assert not hasattr(x.n, "tanh")
        assert not hasattr(x, "k")
        return Step(h=tanh(x.n))

    assert mine.text() == "h_t = tanh(W_n x_t + b_n)"
