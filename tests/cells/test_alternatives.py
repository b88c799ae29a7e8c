"""The formulas that stand in for PyTorch's functions compute the same."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

import tidegate.cells
from tidegate.cells import OPERATIONS, Step, cell
from tidegate.cells.language.alternatives import FORMULAS, LANGUAGE, REASONS

V = torch.tensor([0.1, 0.4, 0.9, 0.25], dtype=torch.float64)
W = torch.tensor([2.0, -0.5, 0.3, -1.5], dtype=torch.float64)
A = torch.tensor([0.5, 1.5, -2.0, 0.25], dtype=torch.float64)
POSITIVE = {"log", "sqrt", "rsqrt", "log2", "log10", "log1p", "logit"}
OTHER_ARGUMENTS: dict[str, Any] = {
    "clamp": (-0.2, 0.3),
    "clip": (-0.2, 0.3),
    "clamp_min": (-0.2,),
    "clamp_max": (0.3,),
    "lerp": (W, A),
    "addcmul": (W, A),
    "addcdiv": (W, A),
    "prelu": (torch.tensor([0.25], dtype=torch.float64),),
    "layer_norm": ((4,),),
    "softmax": (-1,),
    "cumsum": (-1,),
}
NOT_TORCH = {"fabs": torch.abs, "truediv": torch.div, "expit": torch.special.expit}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_computes_what_torchs_function_does(name: str) -> None:
    functional = torch.nn.functional
    compute = NOT_TORCH.get(name) or getattr(torch, name, None) or getattr(functional, name)
    v = V if name in POSITIVE else V * torch.tensor([1.0, -1.0, 5.0, -8.0], dtype=torch.float64)
    if name == "layer_norm":
        compute = functional.layer_norm
    two = "w" in FORMULAS[name].replace("low", "")
    given = OTHER_ARGUMENTS.get(name, (W,) if two else ())
    options = {"approximate": "tanh"} if name == "gelu" else {}
    names = {it: getattr(tidegate.cells, it) for it in tidegate.cells.__all__}
    names |= {"v": v, "w": W, "a": A, "low": -0.2, "high": 0.3, "p": SimpleNamespace(a=0.25)}
    torch.testing.assert_close(eval(FORMULAS[name], names), compute(v, *given, **options))


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_can_be_traced(name: str) -> None:
    declared: Any = dict(gates="v w b", parameters="a", masks="low high")

    @cell(**declared)
    def it(x: Any, r: Any, p: Any, m: Any) -> Step:
        names = {it: getattr(tidegate.cells, it) for it in tidegate.cells.__all__}
        names |= {"v": x.v, "w": x.w, "a": p.a, "p": p, "low": m.low, "high": m.high}
        return Step(h=eval(FORMULAS[name], names) + x.v + x.w + r.b + p.a + m.low + m.high)

    assert it.text()


def test_the_description_of_the_language_names_its_operations() -> None:
    functions = {name for name in OPERATIONS if hasattr(tidegate.cells, name)}
    assert len(functions) > 5
    for name in functions:
        assert name in LANGUAGE
    assert not FORMULAS.keys() & REASONS.keys()
