"""Features of the cell language that few published cells use, against NumPy, on every backend."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.harness import GENERAL, Split, check_parity, one_thread, poisoned_allocations  # noqa: F401
from tests.witnesses import Paper
from tests.witnesses.cases import Case, covering, some_lengths, some_resets
from tests.witnesses.lstm import projected_lstm
from tests.witnesses.paper import sigmoid as sigmoid_of
from tests.witnesses.paper import tanh as tanh_of

from tidegate.cells import Step, cell, lstm, normalize, projected, sigmoid, tanh
from tidegate.engine import Backend, Weights, run

ANY_BACKEND = pytest.mark.parametrize("backend", GENERAL, ids=lambda backend: backend.name)
KERNELS = pytest.mark.parametrize(
    "backend", [b for b in GENERAL if b.name != "reference"], ids=lambda backend: backend.name
)
RAGGED = Case(T=7, B=5, H=33, lengths=some_lengths(7, 5, 0), resets=some_resets(7, 5, 1))


@cell(gates="f g", states="h c", parameters="u v w")
def normalized(x: Any, r: Any, s: Any, p: Any) -> Step:
    f = sigmoid(p.u * normalize(x.f) + p.v * normalize(r.f))
    g = tanh(x.g + r.g)
    c = f * s.c + (1 - f) * g
    return Step(h=tanh(p.w * normalize(c) + s.h), c=c, gates=dict(f=f, g=g))


def _normalize(v: np.ndarray) -> np.ndarray:
    centred = v - v.mean()
    return centred / np.sqrt((centred * centred).mean() + v.dtype.type(1e-5))


def _normalized(x: Any, s: Any, w: Any) -> Any:
    f = sigmoid_of(w["u"] * _normalize(w["W_f"] @ x + w["b_f"]) + w["v"] * _normalize(w["U_f"] @ s["h"] + w["d_f"]))
    g = tanh_of(w["W_g"] @ x + w["U_g"] @ s["h"] + w["b_g"])
    c = f * s["c"] + (1 - f) * g
    return {"h": tanh_of(w["w"] * _normalize(c) + s["h"]), "c": c}, {"f": f, "g": g}


GATES = ("f", "g")
NORMALIZED = Paper("normalized", _normalized, GATES, GATES, ("h", "c"), GATES, ("u", "v", "w"), split_bias=("f",))


@cell(gates="f g k", states="h c e", parameters="u")
def products(x: Any, r: Any, s: Any, p: Any) -> Step:
    f = sigmoid(x.f + r("f", s.c))
    e = tanh(r("k", p.u) + 0.5 * s.e)
    g = tanh(x.g + r("g", s.e) + s.h)
    return Step(h=g + f, c=f * s.c + e, e=e, gates=dict(f=f, g=g))


def _products(x: Any, s: Any, w: Any) -> Any:
    f = sigmoid_of(w["W_f"] @ x + w["U_f"] @ s["c"] + w["b_f"])
    e = tanh_of(w["U_k"] @ w["u"] + w["d_k"] + 0.5 * s["e"])
    g = tanh_of(w["W_g"] @ x + w["U_g"] @ s["e"] + w["b_g"] + s["h"])
    return {"h": g + f, "c": f * s["c"] + e, "e": e}, {"f": f, "g": g}


PRODUCTS = Paper("products", _products, GATES, ("f", "g", "k"), ("h", "c", "e"), GATES, ("u",), split_bias=("k",))

PAIRS = {"normalized": (normalized, NORMALIZED), "products": (products, PRODUCTS)}
NAMES = pytest.mark.parametrize("name", PAIRS)


@KERNELS
@NAMES
@pytest.mark.parametrize("case", covering(2, seed=7), ids=lambda case: case.name)
def test_parity(name: str, case: Case, backend: Backend) -> None:
    it, paper = PAIRS[name]
    check_parity(backend, it, case, paper=paper)


@ANY_BACKEND
@NAMES
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_a_run_in_two_parts_and_on_uninitialised_memory_is_the_same(name: str, reverse: bool, backend: Backend) -> None:
    it, paper = PAIRS[name]
    check_parity(Split(backend, at=3), it, replace(RAGGED, reverse=reverse), paper=paper)
    with poisoned_allocations():
        check_parity(backend, it, replace(RAGGED, reverse=reverse, dtype="float32"), paper=paper)


@KERNELS
@pytest.mark.parametrize("outputs", [3, *(pytest.param(count, marks=pytest.mark.slow) for count in (1, 20))])
def test_projected_parity(outputs: int, backend: Backend) -> None:
    paper = replace(projected_lstm, name="projected")  # torch's own has no more outputs than units
    for case in covering(2, seed=11)[outputs % 3 :: 3]:
        check_parity(backend, projected(lstm), replace(case, projection=outputs), paper=paper)
    for reverse in (False, True):
        ragged = replace(RAGGED, projection=outputs, reverse=reverse)
        check_parity(Split(backend, at=3), projected(lstm), ragged, paper=paper)
        with poisoned_allocations():
            check_parity(backend, projected(lstm), ragged, paper=paper)


@ANY_BACKEND
@pytest.mark.parametrize("units", [1, 16, 33])
@pytest.mark.parametrize("batch", [1, 9])
def test_normalized_vectors_have_mean_zero_and_variance_one(batch: int, units: int, backend: Backend) -> None:
    @cell(gates="h")
    def plain(x: Any) -> Step:
        return Step(h=normalize(x.h))

    x = 3 + 100 * torch.randn(4, batch, 3, dtype=torch.float64)
    weights = Weights(torch.randn(units, 3, dtype=torch.float64))
    output = run(plain, x, weights, backend=backend).output
    torch.testing.assert_close(output.mean(-1), torch.zeros(4, batch, dtype=torch.float64), atol=1e-12, rtol=0)
    variance = torch.full((4, batch), float(units > 1), dtype=torch.float64)
    torch.testing.assert_close(output.var(-1, correction=0), variance, atol=1e-6, rtol=0)
