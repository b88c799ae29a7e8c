"""Costs against known counts, and the messages of the engine's errors."""

from typing import Any

import pytest
import torch

from tidegate.cells import CELLS, Step, cell, gru, lstm, projected, tanh
from tidegate.engine import Backend, Record, Weights, cost, negate_gate, run
from tidegate.errors import ArgumentError, BackendError
from tidegate.nn import Recurrent


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("bias", [True, False])
def test_parameters_are_those_a_layer_has(name: str, bias: bool) -> None:
    layer = Recurrent(name, 7, 5, bias=bias)
    assert cost(name, 7, 5, bias=bias).parameters == sum(p.numel() for p in layer.parameters())


@pytest.mark.parametrize(("kind", "proj_size"), [("RNN", 0), ("GRU", 0), ("LSTM", 0), ("LSTM", 3)])
def test_parameters_with_two_biases_are_torchs(kind: str, proj_size: int) -> None:
    name = {"RNN": "rnn_tanh", "GRU": "gru", "LSTM": "lstm"}[kind]
    layer = torch.nn.LSTM(7, 5, proj_size=3) if proj_size else getattr(torch.nn, kind)(7, 5)
    expected = sum(p.numel() for p in layer.parameters())
    it = projected(lstm) if proj_size else name
    assert cost(it, 7, 5, two_biases=True, proj_size=proj_size).parameters == expected


def test_the_lstms_costs_by_hand() -> None:
    c = cost("lstm", 50, 100)
    assert c.parameters == 20_000 + 40_000 + 400
    assert c.product_flops == 2 * 60_000
    # per unit: 4 bias and 4 gate sums, 4 gates, f*c, i*g, their sum, tanh(c), o*tanh(c)
    assert c.pointwise_flops == 100 * (4 + 4 + 4 + 3 + 2)
    assert c.flops == c.product_flops + c.pointwise_flops
    assert c.weight_bytes == 4 * 60_400
    assert c.state_bytes == 4 * 200
    assert c.saved_bytes == 4 * 600
    assert c.step_bytes == 4 * (60_400 + 50 + 400)
    half = cost("lstm", 50, 100, batch=8, itemsize=2)
    assert half.flops == 8 * c.flops
    assert half.step_bytes == 2 * (60_400 + 8 * 450)


def weights(i: int = 3, h: int = 4) -> Weights:
    return Weights(torch.randn(4 * h, i), torch.randn(4 * h, h), torch.randn(4 * h))


def one_tensor() -> Any:
    return torch.zeros(2, 4)


BAD: dict[str, tuple[Any, str]] = {
    "2-D x": (lambda: run(lstm, torch.randn(5, 3), weights()), r"x must be \(steps, batch, inputs\)"),
    "other inputs": (lambda: run(lstm, torch.randn(5, 2, 2), weights()), r"w_ih must be of shape \(16, 2\)"),
    "one state": (lambda: run(lstm, torch.randn(5, 2, 3), weights(), [torch.zeros(2, 4)]), "has the states h c"),
    "bare state": (lambda: run(lstm, torch.randn(5, 2, 3), weights(), one_tensor()), "given one tensor"),
    "state's shape": (
        lambda: run(lstm, torch.randn(5, 2, 3), weights(), [torch.zeros(2, 4), torch.zeros(2, 5)]),
        r"state c must have shape \(2, 4\); it has \(2, 5\)",
    ),
    "no weights": (lambda: run(lstm, torch.randn(5, 2, 3), Weights()), "lstm needs weights"),
    "no recurrent weights": (
        lambda: run(lstm, torch.randn(5, 2, 3), Weights(torch.randn(16, 3))),
        "w_hh must be of shape .*it is missing",
    ),
    "weights not wanted": (
        lambda: run("min_gru", torch.randn(5, 2, 3), Weights(torch.randn(8, 3), torch.randn(8, 4))),
        "w_hh must not be given",
    ),
    "peepholes not wanted": (
        lambda: run(
            lstm, torch.randn(5, 2, 3), Weights(torch.randn(16, 3), torch.randn(16, 4), p=dict(p=torch.ones(4)))
        ),
        "per-unit vectors",
    ),
    "an unknown record": (lambda: run(lstm, torch.randn(5, 2, 3), weights(), record="q"), "it has no 'q'"),
    "every zeroth": (lambda: run(lstm, torch.randn(5, 2, 3), weights(), record=Record(("i",), 0)), "at least 1"),
    "an unknown backend": (
        lambda: run(lstm, torch.randn(5, 2, 3), weights(), backend="cuda"),
        "choose one of: .*reference",
    ),
    "masks not wanted": (
        lambda: run(lstm, torch.randn(5, 2, 3), weights(), masks={"keep": torch.ones(5, 2, 4)}),
        "takes the masks",
    ),
    "an unknown gate": (lambda: negate_gate(gru, weights(), "q"), "gates r z n, not 'q'"),
}


@pytest.mark.parametrize("mistake", BAD)
def test_invalid_arguments_raise(mistake: str) -> None:
    call, message = BAD[mistake]
    with pytest.raises(ArgumentError, match=message):
        call()


def test_an_explicit_backend_never_falls_back() -> None:
    class Picky(Backend):
        name = "picky"

        def unsupported(self, call: Any) -> list[str]:
            return ["it likes no cell", "nor any input"]

        def run(self, call: Any) -> Any:
            raise AssertionError("must not be called")

    with pytest.raises(BackendError, match="'picky' cannot run lstm: it likes no cell; nor any input"):
        run(lstm, torch.randn(5, 2, 3), weights(), backend=Picky())


def test_zero_steps_keep_the_state_and_results_name_their_backend() -> None:
    state = (torch.randn(2, 4), torch.randn(2, 4))
    result = run(lstm, torch.randn(0, 2, 3), weights(), state, record="all")
    assert result.output.shape == result.record["i"].shape == (0, 2, 4)
    assert all(torch.equal(a, b) for a, b in zip(result.state, state, strict=True))
    assert run(lstm, torch.randn(2, 2, 3), weights(), backend="reference").backend == "reference"
    assert run(lstm, torch.randn(2, 2, 3), weights()).backend == "llvm"


def test_masks_reach_the_step_they_are_for() -> None:
    @cell(gates="h", masks="keep")
    def zoned(x: Any, r: Any, s: Any, m: Any) -> Step:
        return Step(h=m.keep * s.h + (1 - m.keep) * tanh(x.h + r.h))

    w = Weights(torch.randn(4, 3), torch.randn(4, 4))
    keep = torch.zeros(3, 2, 4)
    keep[1, 0] = 1
    result = run(zoned, torch.randn(3, 2, 3), w, masks={"keep": keep})
    assert torch.equal(result.output[1, 0], result.output[0, 0])
    assert not torch.equal(result.output[1, 1], result.output[0, 1])
    with pytest.raises(ArgumentError, match=r"takes the masks \['keep'\], given \[\]"):
        run(zoned, torch.randn(3, 2, 3), w)
    with pytest.raises(ArgumentError, match=r"mask 'keep' must have shape \(3, 2, 4\)"):
        run(zoned, torch.randn(3, 2, 3), w, masks={"keep": keep[:1]})


@pytest.mark.parametrize(("keeps", "lets_new_in"), [("gru", "gru_z_new"), ("gru_original", "gru_original_z_new")])
def test_the_two_readings_of_z_convert_exactly(keeps: str, lets_new_in: str) -> None:
    torch.manual_seed(0)
    w_ih, w_hh, b_ih, b_hh = (torch.randn(*size, dtype=torch.float64) for size in ((12, 3), (12, 4), (12,), (12,)))
    w = Weights(w_ih, w_hh, b_ih, b_hh)
    x = torch.randn(9, 2, 3, dtype=torch.float64)
    one = run(keeps, x, w, record="all")
    other = run(lets_new_in, x, negate_gate(keeps, w, "z"), record="all")
    torch.testing.assert_close(one.output, other.output, atol=1e-14, rtol=1e-13)
    torch.testing.assert_close(one.record["z"], 1 - other.record["z"], atol=1e-14, rtol=1e-13)
    back = negate_gate(lets_new_in, negate_gate(keeps, w, "z"), "z")
    assert back.w_hh is not None
    assert torch.equal(back.w_hh, w_hh)
