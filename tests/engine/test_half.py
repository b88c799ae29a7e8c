"""bfloat16 and float16: computed in float32, returned in the input's dtype, but for states; and autocast.

Where products are in bfloat16 (`test_bfloat16_products.py`), some of these tests are of what other processors do.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tidegate.cells import CELLS, Step, cell, tanh
from tidegate.engine import Weights, run
from tidegate.engine.backends.llvm import LLVM
from tidegate.errors import BackendError
from tidegate.nn import GRU, LSTM, RNN, Recurrent

HALF = [torch.bfloat16, torch.float16]
ROUNDING = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}  # half a unit in the last place, relative


@cell(gates="h", states="h", parameters="decay", masks="keep")
def masked(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    n = tanh(x.h + r.h)
    return Step(h=m.keep * (p.decay * s.h + (1 - p.decay) * n), gates=dict(n=n))


def training_step(it: Any, given: dict[str, Tensor], backend: str, **more: Any) -> dict[str, Tensor]:
    """Results and gradients of a run of exactly these numbers, in any dtype."""
    leaves = {name: value.detach().clone().requires_grad_(not name.startswith("mask")) for name, value in given.items()}
    weights = Weights(
        leaves["w_ih"], leaves.get("w_hh"), leaves.get("b_ih"), p={name: leaves[f"p {name}"] for name in it.parameters}
    )
    state = [leaves[f"state {name}"] for name in it.states]
    masks = {name: leaves[f"mask {name}"] for name in it.masks}
    result = run(it, leaves["x"], weights, state, masks=masks, record=it.recorded, backend=backend, **more)
    found = {"output": result.output, **{f"final {n}": s for n, s in zip(it.states, result.state, strict=True)}}
    found |= {f"recorded {name}": value for name, value in result.record.items()}
    torch.manual_seed(1)
    # The gradients that arrive have few digits, so that every dtype has them exactly.
    cotangents = [torch.randint(-4, 5, value.shape).to(value.dtype) / 4 for value in found.values()]
    wanted = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    gradients = torch.autograd.grad(
        list(found.values()), list(wanted.values()), cotangents, allow_unused=True, materialize_grads=True
    )
    return found | {f"gradient of {name}": g for name, g in zip(wanted, gradients, strict=True)}


def numbers(it: Any) -> dict[str, Tensor]:
    torch.manual_seed(0)
    steps, batch, inputs, units = 6, 9, 3, 17
    g_x, g_r = len(it.input_gates), len(it.recurrent_gates)
    given = {"x": torch.randn(steps, batch, inputs), "w_ih": torch.randn(g_x * units, inputs)}
    given |= {"w_hh": 0.3 * torch.randn(g_r * units, units)} if g_r else {}
    given |= {"b_ih": torch.randn(g_x * units)}
    given |= {f"p {name}": torch.rand(units) for name in it.parameters}
    given |= {f"state {name}": torch.randn(batch, units) for name in it.states}
    return given | {f"mask {name}": torch.randint(0, 2, (steps, batch, units)).float() for name in it.masks}


@pytest.mark.parametrize(
    "it", [*(CELLS[n] for n in ("lstm", "gru", "rnn_tanh", "min_gru")), masked], ids=lambda c: c.name
)
@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_results_are_float64s_to_one_rounding(it: Any, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(LLVM), "multiplies_bfloat16", lambda _: False)
    given = {name: value.to(dtype) for name, value in numbers(it).items()}
    exact = training_step(it, {name: value.double() for name, value in given.items()}, "reference")
    found = training_step(it, given, "llvm")
    for name, value in found.items():
        assert value.dtype == (torch.float32 if name.startswith("final") else dtype), name
        # One rounding of the result, and what float32 loses on the way.
        torch.testing.assert_close(
            value.double(), exact[name], rtol=1.01 * ROUNDING[dtype], atol=2e-5, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_each_gradient_has_the_dtype_of_its_tensor(dtype: torch.dtype) -> None:
    it = CELLS["lstm"]
    given = {name: value.to(dtype) if name == "x" else value for name, value in numbers(it).items()}
    found = training_step(it, given, "llvm")
    assert found["output"].dtype == found["recorded f"].dtype == dtype
    assert found["final c"].dtype == torch.float32
    for name, value in given.items():
        assert found[f"gradient of {name}"].dtype == value.dtype


def test_mixed_float64_and_complex_dtypes_raise() -> None:
    it = CELLS["lstm"]
    given = numbers(it) | {"w_hh": numbers(it)["w_hh"].double()}
    with pytest.raises(BackendError, match="float64 is mixed with other dtypes"):
        training_step(it, given, "llvm")
    given = {name: value.to(torch.complex64) for name, value in numbers(it).items()}
    with pytest.raises(BackendError, match=r"it computes in float32 and float64, not torch\.complex64"):
        training_step(it, given, "llvm")


@pytest.mark.filterwarnings("ignore:TF32 acceleration")  # which mkldnn.flags looks at
@pytest.mark.parametrize(("ours", "theirs"), [(LSTM, nn.LSTM), (RNN, nn.RNN), (GRU, nn.GRU)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_autocast_gives_the_dtypes_of_torchs_lstm(ours: Any, theirs: Any, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer, other = ours(3, 17, dtype=dtype, backend="llvm"), theirs(3, 17, dtype=dtype)
    layer.load_state_dict(other.state_dict())
    x = torch.randn(6, 4, 3, dtype=dtype)
    with torch.autocast("cpu", torch.bfloat16):
        output, state = layer(x)
        # oneDNN has no LSTM in bfloat16 on processors without AVX-512.
        has_lstm = "AVX512" in torch.backends.cpu.get_cpu_capability()
        with torch.backends.mkldnn.flags(enabled=has_lstm):
            expected, _ = other(x)
    states = state if isinstance(state, tuple) else (state,)
    own = torch.float64 if dtype == torch.float64 else torch.bfloat16
    assert output.dtype == own
    # torch's states have the output's dtype; ours are not rounded, so that nothing is lost between calls.
    assert all(value.dtype == (torch.float64 if own == torch.float64 else dtype) for value in states)
    # torch.nn.GRU's float32 output under autocast is a product in bfloat16 that met a float32 state, as LSTM's is
    # without oneDNN.
    assert expected.dtype == own or theirs is nn.GRU or (theirs is nn.LSTM and not has_lstm)
    torch.testing.assert_close(
        output.double(), expected.double(), rtol=0, atol=1e-12 if own == dtype == torch.float64 else 0.03
    )
    with torch.autocast("cpu", torch.bfloat16):  # a backward under autocast, too, computes in float32
        gradients = torch.autograd.grad(output.double().sin().sum(), list(layer.parameters()), retain_graph=True)
    again = torch.autograd.grad(output.double().sin().sum(), list(layer.parameters()))
    assert all(g.dtype == dtype for g in gradients)
    assert all(torch.equal(a, b) for a, b in zip(gradients, again, strict=True))


def test_autocast_rounds_only_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(LLVM), "multiplies_bfloat16", lambda _: False)
    torch.manual_seed(0)
    layer, x = Recurrent("peephole_lstm", 3, 17, backend="llvm"), torch.randn(6, 4, 3)
    exact = layer(x)[0]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(x)[0], exact.bfloat16())
        assert torch.equal(layer(x.bfloat16().float())[0], layer(x.bfloat16())[0])


@pytest.mark.parametrize("kind", ["bfloat16", "autocast"])
def test_compiled_half_precision_is_the_same(kind: str) -> None:
    dtype = torch.bfloat16 if kind == "bfloat16" else torch.float32
    layer, x = GRU(3, 5, dtype=dtype, backend="llvm"), torch.randn(4, 2, 3, dtype=dtype)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    found = []
    for run_layer in (compiled, layer):
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == "autocast"):
            output, state = run_layer(x)
        gradients = torch.autograd.grad(output.float().sin().sum() + state.float().sum(), list(layer.parameters()))
        found.append([output, state, *gradients])
    torch.testing.assert_close(*found)
