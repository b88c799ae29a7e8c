"""The kernels' elementary functions against mpmath's, in units in the last place."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from tests.harness import one_thread  # noqa: F401

import tidegate.cells as language
from tidegate.cells import Step, cell
from tidegate.engine import Weights, run

ALLOWED = 4  # units in the last place
MP = mpmath.mp.clone()
MP.prec = 200


def _softplus(v: Any) -> Any:
    return MP.log1p(MP.exp(v))


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "sigmoid": (lambda v: 1 / (1 + MP.exp(-v)), -86, 86),
    "tanh": (MP.tanh, -30, 30),
    "exp": (MP.exp, -86, 86),
    "log": (MP.log, 1e-30, 1e30),
    "softplus": (_softplus, -86, 86),
    "relu": (lambda v: max(v, MP.mpf(0)), -86, 86),
    "absolute": (abs, -86, 86),
    "sqrt": (MP.sqrt, 1e-30, 1e30),
    "sin": (MP.sin, -1e9, 1e9),
    "cos": (MP.cos, -1e9, 1e9),
}


def points(low: float, high: float) -> np.ndarray:
    """Even and logarithmic points, and some near 0 and 1, where digits are lost if anywhere."""
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(math.log(1e-12), math.log(high), 300))
    found = [rng.uniform(low, high, 300), sizes, -sizes, rng.normal(0, 1, 300), 1 + rng.normal(0, 1e-3, 100)]
    found.append(math.pi / 2 * np.rint(np.exp(rng.uniform(0, 14, 200))))  # where sine and cosine are small
    every = np.concatenate(found)
    return every[(every >= low) & (every <= high)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("backend", ["llvm", "reference"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_right_to_four_units_in_the_last_place(name: str, backend: str, dtype: torch.dtype) -> None:
    function, (exact, low, high) = getattr(language, name), FUNCTIONS[name]

    @cell(gates="n", states="h", bias=False)
    def applied(x: Any) -> Step:
        return Step(h=function(x.n))

    given = torch.from_numpy(points(low, high)).to(dtype)
    weights = Weights(w_ih=torch.ones(1, 1, dtype=dtype))
    found = run(applied, given.view(1, -1, 1), weights, backend=backend).output.flatten().numpy()
    worst = 0.0
    for v, y in zip(given.numpy(), found, strict=True):
        right = exact(MP.mpf(float(v)))
        nearest = found.dtype.type(float(right))
        unit = float(np.spacing(abs(nearest)))
        if abs(nearest) >= np.finfo(found.dtype).tiny:
            worst = max(worst, float(abs(MP.mpf(float(y)) - right)) / unit)
    assert worst <= ALLOWED


BY_PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "remainder": lambda a, b: a % b,
    "where_at_most": lambda a, b: language.where(a <= b, b - a, b),
    "where_less": lambda a, b: language.where(a < b, b - a, b),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", BY_PAIRS)
def test_remainders_and_choices_are_torchs_to_the_bit(name: str, dtype: torch.dtype) -> None:
    @cell(gates="a b", states="h", bias=False)
    def applied(x: Any) -> Step:
        return Step(h=BY_PAIRS[name](x.a, x.b))

    rng = np.random.default_rng(0)
    some = np.concatenate([[0.0, -0.0, 1.0, -1.0, 0.1, 3.0], rng.normal(0, 1, 6), 10.0 ** rng.uniform(-9, 9, 6)])
    pairs = torch.tensor([(sign * a, b) for a in some for b in some for sign in (1, -1)]).to(dtype)
    weights = Weights(w_ih=torch.eye(2, dtype=dtype))
    for given in (pairs, -pairs):
        found, expected = (run(applied, given[None], weights, backend=name).output for name in ("llvm", "reference"))
        assert torch.equal(found.isnan(), expected.isnan())
        assert torch.equal(found.nan_to_num(7), expected.nan_to_num(7))


def test_every_function_of_the_language_is_tested() -> None:
    tested = {*FUNCTIONS, *BY_PAIRS, "minimum", "maximum", "normalize", "softmax", "cumsum", "unit_sum", "unit_mean"}
    operations = {"add", "sub", "mul", "div", "neg"}
    from tidegate.cells.language.operations import OPERATIONS

    assert tested | operations == set(OPERATIONS)
