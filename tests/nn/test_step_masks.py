"""Masks of a layer's steps: in every layout, layer and direction, with gradients, on every way to run a layer."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tidegate.cells import Step, cell, exp, get_cell, tanh, zoneout
from tidegate.errors import ArgumentError
from tidegate.nn import LSTM, Recurrent

LENGTHS = [6, 2, 4]


@cell(gates="n", states="h", masks="dt=1 feature")
def fading(x: Any, r: Any, s: Any, m: Any) -> Step:
    """One mask with a default value, and one that is different for each hidden unit."""
    kept = exp(-m.dt) * s.h
    return Step(h=kept + tanh(x.n + r.n + m.feature), gates=dict(kept=kept))


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def layer_of(it: Any = fading, backend: str | None = "llvm", **options: Any) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(it, 3, 5, dtype=torch.float64, backend=backend, **options)


X, DT, FEATURE = numbers(6, 3, 3), numbers(6, 3, seed=1), numbers(6, 3, 5, seed=2)


def by_hand(layer: Recurrent, x: Tensor, dt: Tensor, feature: Tensor) -> Tensor:
    """The output (T, directions * H) of one sequence without padding, from the equations."""
    for k in range(layer.num_layers):
        outputs = []
        for direction in range(1 + layer.bidirectional):
            w, h, made = layer.layer_weights(k, direction), x.new_zeros(5), {}
            assert w.w_ih is not None
            assert w.w_hh is not None
            assert w.b_ih is not None
            for t in reversed(range(len(x))) if direction else range(len(x)):
                h = torch.exp(-dt[t]) * h + torch.tanh(w.w_ih @ x[t] + w.w_hh @ h + w.b_ih + feature[t])
                made[t] = h
            outputs.append(torch.stack([made[t] for t in range(len(x))]))
        x = torch.cat(outputs, -1)
    return x


@pytest.mark.parametrize("backend", ["llvm", "reference"])
@pytest.mark.parametrize("options", [dict(), dict(num_layers=2, bidirectional=True)], ids=str)
def test_layers_directions_lengths_and_gradients(options: dict[str, Any], backend: str) -> None:
    layer = layer_of(backend=backend, **options)
    past = torch.arange(6)[:, None] >= torch.tensor(LENGTHS)
    dt = DT.masked_fill(past, float("nan")).requires_grad_()
    feature = FEATURE.masked_fill(past[..., None], float("nan")).requires_grad_()
    output = layer(X, lengths=LENGTHS, masks={"dt": dt, "feature": feature})[0]
    own_dt, own_feature = DT.clone().requires_grad_(), FEATURE.clone().requires_grad_()
    alone = [by_hand(layer, X[:n, k], own_dt[:n, k], own_feature[:n, k]) for k, n in enumerate(LENGTHS)]
    for k, expected in enumerate(alone):
        torch.testing.assert_close(output[: len(expected), k], expected)
    found = torch.autograd.grad(output.square().sum(), [dt, feature])
    expected = torch.autograd.grad([value.square().sum() for value in alone], [own_dt, own_feature])
    torch.testing.assert_close(found, expected)


def test_layouts() -> None:
    masks, options = {"dt": DT, "feature": FEATURE}, dict[str, Any](num_layers=2, bidirectional=True)
    expected = layer_of(**options)(X, lengths=LENGTHS, masks=masks)[0]
    first = {name: mask.transpose(0, 1) for name, mask in masks.items()}
    found = layer_of(**options, batch_first=True)(X.transpose(0, 1), lengths=LENGTHS, masks=first)[0]
    assert torch.equal(found.transpose(0, 1), expected)
    alone = layer_of(**options)(X[:2, 1], masks={name: mask[:2, 1] for name, mask in masks.items()})[0]
    torch.testing.assert_close(alone, expected[:2, 1])
    packed = {
        name: pack_padded_sequence(mask, torch.tensor(LENGTHS), enforce_sorted=False) for name, mask in masks.items()
    }
    x = pack_padded_sequence(X, torch.tensor(LENGTHS), enforce_sorted=False)
    torch.testing.assert_close(pad_packed_sequence(layer_of(**options)(x, masks=packed)[0])[0], expected)
    wide = {"dt": DT[..., None].expand(-1, -1, 5), "feature": FEATURE}
    assert torch.equal(layer_of(**options)(X, lengths=LENGTHS, masks=wide)[0], expected)
    halves = layer_of(**options)(X, masks={"dt": DT > 0.5, "feature": FEATURE})[0]
    assert torch.equal(halves, layer_of(**options)(X, masks={"dt": (DT > 0.5).double(), "feature": FEATURE})[0])


def test_a_mask_that_is_left_out_has_its_default_value() -> None:
    layer, ones = layer_of(), torch.ones_like(DT)
    expected = layer(X, masks={"dt": ones, "feature": FEATURE})[0]
    assert torch.equal(layer(X, masks={"feature": FEATURE})[0], expected)
    torch.testing.assert_close(expected[:, 0], by_hand(layer, X[:, 0], ones[:, 0], FEATURE[:, 0]))


def _traced(layer: Recurrent, masks: Any) -> Tensor:
    trace = layer.trace(X, masks=masks)
    assert trace[0, 0]["kept"].shape == (6, 3, 5)
    assert isinstance(trace.output, Tensor)
    return trace.output


def _compiled(layer: Recurrent, masks: Any) -> Tensor:
    torch._dynamo.reset()
    return torch.compile(layer, fullgraph=True, backend="aot_eager")(X, masks=masks)[0]


def _exported(layer: Recurrent, masks: Any) -> Tensor:
    return torch.export.export(layer, (X,), {"masks": masks}).module()(X, masks=masks)[0]


def _as_node(layer: Recurrent, masks: Any) -> Tensor:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor, dt: Tensor, feature: Tensor) -> Any:
            return self.layer(x, masks={"dt": dt, "feature": feature})

    return torch.fx.symbolic_trace(Model())(X, masks["dt"], masks["feature"])[0]


def _through_a_hook(layer: Recurrent, masks: Any) -> Tensor:
    def hook(_: Any, args: Any, given: Any) -> Any:
        return args, {**given, "masks": {**given["masks"], "dt": DT}}

    layer.register_forward_pre_hook(hook, with_kwargs=True)
    output = layer.trace(X, masks={**masks, "dt": 0 * DT}).output
    assert isinstance(output, Tensor)
    return output


@pytest.mark.parametrize(
    "way", [_traced, pytest.param(_compiled, marks=[pytest.mark.slow]), _exported, _as_node, _through_a_hook]
)
def test_ways_to_run(way: Callable[[Recurrent, Any], Tensor]) -> None:
    layer, masks = layer_of(num_layers=2), {"dt": DT, "feature": FEATURE}
    torch.testing.assert_close(way(layer, masks), layer_of(num_layers=2)(X, masks=masks)[0])


@pytest.mark.parametrize("backend", ["llvm", "reference"])
def test_step_by_step(backend: str) -> None:
    layer = layer_of(num_layers=2, backend=backend)
    stepper = layer.stepper(3)
    made = [stepper(X[t], masks={"dt": DT[t], "feature": FEATURE[t]}) for t in range(5)]
    made.append(stepper(X[5], masks={"feature": FEATURE[5]}))
    dt = torch.cat([DT[:5], torch.ones_like(DT[:1])])
    torch.testing.assert_close(torch.stack(made), layer(X, masks={"dt": dt, "feature": FEATURE})[0])
    alone = layer.stepper()
    one = alone(X[0, 0], masks={"dt": DT[0, 0], "feature": FEATURE[0, 0]})
    torch.testing.assert_close(one, made[0][0])
    with pytest.raises(ArgumentError, match="The masks feature have no default value"):
        stepper(X[0])
    with pytest.raises(ArgumentError, match=r"mask 'dt' must be of shape \(3,\) or \(3, 5\); it has \(2,\)"):
        stepper(X[0], masks={"dt": DT[0, :2], "feature": FEATURE[0]})


@pytest.mark.slow
def test_half_precision_steps() -> None:
    layer = layer_of(num_layers=2).bfloat16()
    x, dt, feature = (value.bfloat16() for value in (X, DT, FEATURE))
    expected = layer(x, masks={"dt": dt.float(), "feature": feature})[0]
    stepper = layer.stepper(3)
    made = [stepper(x[t], masks={"dt": dt[t], "feature": feature[t]}) for t in range(6)]
    torch.testing.assert_close(torch.stack(made), expected, atol=2e-2, rtol=2e-2)


def test_gradients_for_each_sequence() -> None:
    from torch.nn.utils import _per_sample_grad

    layer, masks = layer_of(backend=None), {"dt": DT, "feature": FEATURE}
    call: Any = _per_sample_grad.call_for_per_sample_grads(layer, batch_size=3, batch_first=False)
    call(X, masks=masks)[0].sum().backward()
    own: Any = layer.weight_ih_l0
    for k in range(3):
        one = slice(k, k + 1)
        output = layer(X[:, one], masks={name: mask[:, one] for name, mask in masks.items()})[0]
        torch.testing.assert_close(own.grad_sample[k], torch.autograd.grad(output.sum(), own)[0])


def test_noise_and_a_mask_of_the_callers() -> None:
    layer = layer_of(zoneout(get_cell("cfc"), 1.0))
    assert bool((layer(X, masks={"dt": DT})[0] == 0).all())  # drawn: every unit keeps its first state
    assert bool((layer(X, masks={"zoneout_h": torch.zeros_like(DT)})[0] != 0).any())  # given, so not drawn


REFUSED = {
    "missing": (dict(), r"takes the masks \['dt', 'feature'\], given \[\]"),
    "unknown": (dict(time=DT), "has the masks dt, feature; given 'time'"),
    "short": (
        dict(dt=DT[:5]),
        r"without features, \(6, 3\), or one number for each hidden unit, \(6, 3, 5\); .*\(5, 3\)",
    ),
    "wide": (dict(dt=numbers(6, 3, 4)), r"mask 'dt' must have .* it has \(6, 3, 4\)"),
    "deep": (dict(dt=numbers(6, 3, 5, 1)), r"mask 'dt' must have .* it has \(6, 3, 5, 1\)"),
    "dtype": (dict(dt=DT.float()), r"mask 'dt' has dtype torch.float32, the input torch.float64; convert it"),
    "packed": (dict(dt=pack_padded_sequence(DT, LENGTHS, enforce_sorted=False)), "must be a tensor, as the input is"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name: str) -> None:
    masks, words = REFUSED[name]
    with pytest.raises(ArgumentError, match=words):
        layer_of()(X, masks=masks)


def test_a_packed_input_needs_masks_packed_alike() -> None:
    x = pack_padded_sequence(X, torch.tensor(LENGTHS), enforce_sorted=False)
    with pytest.raises(ArgumentError, match="must be a PackedSequence, as the input is; given Tensor"):
        layer_of()(x, masks={"dt": DT, "feature": FEATURE})
    other = pack_padded_sequence(DT, torch.tensor([6, 4, 2]), enforce_sorted=False)
    with pytest.raises(ArgumentError, match="packed as the input is: with the same lengths, in the same order"):
        layer_of()(x, masks={"dt": other})


def test_a_drop_in_has_no_masks() -> None:
    with pytest.raises(ArgumentError, match="lstm has no masks; given 'dt'"):
        LSTM(3, 5)(X.float(), masks={"dt": DT.float()})
