"""A stepper gives the result of a whole run, also after changes of weights or state."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from tests.harness import all_threads  # noqa: F401
from torch import Tensor

from tidegate.cells import intervened, lstm
from tidegate.errors import ArgumentError
from tidegate.nn import GRU, LSTM, RNN, Layered, Recurrent

LAYERS: dict[str, Any] = {
    "LSTM": lambda **k: LSTM(3, 17, **k),
    "LSTM, wide": lambda **k: LSTM(40, 200, **k),
    "LSTM, two layers": lambda **k: LSTM(3, 17, num_layers=2, dropout=0.5, **k),
    "LSTM, projected": lambda **k: LSTM(3, 17, num_layers=2, proj_size=5, **k),
    "GRU": lambda **k: GRU(3, 16, num_layers=3, **k),
    "RNN, relu": lambda **k: RNN(3, 5, 2, "relu", **k),
    "gru_original": lambda **k: Recurrent("gru_original", 3, 17, **k),
    "layer_norm_lstm": lambda **k: Recurrent("layer_norm_lstm", 3, 17, 2, **k),
    "odyssey_fgr": lambda **k: Recurrent("odyssey_fgr", 3, 17, **k),
    "min_gru": lambda **k: Recurrent("min_gru", 3, 17, **k),
}
BACKENDS = [None, "reference"]


def states(value: Any) -> tuple[Tensor, ...]:
    return (value,) if isinstance(value, Tensor) else tuple(value)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("batch", [1, 2, 9])
@pytest.mark.parametrize("name", LAYERS)
def test_steps_give_the_result_of_a_run(name: str, batch: int, dtype: torch.dtype, backend: str | None) -> None:
    torch.manual_seed(0)
    layer: Layered = LAYERS[name](dtype=dtype, backend=backend).eval()
    x = torch.randn(6, batch, layer.input_size, dtype=dtype)
    stepper = layer.stepper(batch)
    found = torch.stack([stepper(step) for step in x])
    output, state = layer(x)
    close = {torch.bfloat16: 0.1, torch.float32: 2e-6, torch.float64: 1e-13}[dtype]
    torch.testing.assert_close(found, output, atol=close, rtol=close)
    for a, b in zip(states(stepper.state), states(state), strict=True):
        assert a.dtype == (torch.float32 if dtype == torch.bfloat16 else dtype)
        torch.testing.assert_close(a, b.to(a.dtype), atol=close, rtol=close)


@pytest.mark.parametrize("threads", [1, 2])
def test_large_layers_whose_hidden_units_threads_share(threads: int) -> None:
    torch.manual_seed(0)
    layer, x = LSTM(400, 530), torch.randn(5, 1, 400)
    try:
        torch.set_num_threads(threads)
        stepper = layer.stepper()
        found = torch.stack([stepper(step) for step in x])
    finally:
        torch.set_num_threads(1)
    torch.testing.assert_close(found, layer(x)[0], atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_changed_weights_are_used_and_the_state_is_kept(backend: str | None) -> None:
    torch.manual_seed(0)
    layer, x = LSTM(3, 17, num_layers=2, backend=backend), torch.randn(8, 1, 3)
    stepper = layer.stepper()
    state: Any = None
    other = LSTM(3, 17, num_layers=2).state_dict()
    changes: list[Any] = [
        lambda: None,
        lambda: layer.load_state_dict(other),
        lambda: torch.optim.SGD(layer.parameters(), 0.5).step(),
        lambda: setattr(layer, "weight_hh_l1", torch.nn.Parameter(torch.randn(68, 17))),
        lambda: setattr(layer.bias_ih_l0, "data", torch.randn(68)),
        lambda: setattr(layer, "cell", intervened(lstm, {"c": {3: 0.0}})),
        lambda: torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0"),
        lambda: layer.get_parameter("parametrizations.weight_hh_l0.original0").detach().mul_(2),
    ]
    for number, (step, change) in enumerate(zip(x, changes, strict=True)):
        for p in layer.parameters():
            p.grad = torch.ones_like(p)
        change()
        found = stepper(step)
        with torch.no_grad():
            output, state = layer(step[None], state)
        torch.testing.assert_close(found, output[0], atol=2e-6, rtol=2e-6, msg=lambda m, n=number: f"change {n}: {m}")


def test_the_state_can_be_read_set_and_reset() -> None:
    torch.manual_seed(0)
    layer, x = LSTM(3, 17, num_layers=2), torch.randn(4, 2, 3)
    stepper = layer.stepper(2)
    stepper(x[0])
    kept = stepper.state
    second = stepper(x[1])
    stepper(x[2])
    stepper.state = kept
    assert torch.equal(stepper(x[1]), second)
    stepper.reset(torch.tensor([False, True]))
    h, c = stepper.state
    assert not torch.cat([h[:, 1], c[:, 1]]).any()
    assert torch.cat([h[:, 0], c[:, 0]]).all()
    stepper.reset()
    assert not any(s.any() for s in states(stepper.state))
    torch.testing.assert_close(stepper(x[0]), layer(x[:1])[0][0], atol=2e-6, rtol=2e-6)


def test_one_sequence_needs_no_batch_dimension_and_views_are_fine() -> None:
    torch.manual_seed(0)
    layer, x = GRU(3, 17), torch.randn(6, 2).t()[:, ::2]
    assert not x.is_contiguous()
    stepper, unbatched = layer.stepper(2), layer.stepper()
    torch.testing.assert_close(stepper(x.expand(2, 3)), layer(x[None])[0][0], atol=2e-6, rtol=2e-6)
    torch.testing.assert_close(unbatched(x[0]), layer(x[None, :1])[0][0, 0], atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize("wrong", [torch.zeros(3), torch.zeros(2, 4), torch.zeros(2, 3).double(), torch.zeros(3, 3)])
def test_a_step_with_a_wrong_input_raises(wrong: Tensor) -> None:
    stepper = LSTM(3, 5).stepper(2)
    with pytest.raises(ArgumentError, match=r"A step needs an input of shape \(2, 3\), torch.float32 on cpu; got"):
        stepper(wrong)


def test_stepper_with_two_directions_or_a_wrong_state_raises() -> None:
    with pytest.raises(ArgumentError, match="bidirectional"):
        LSTM(3, 5, bidirectional=True).stepper()
    with pytest.raises(ArgumentError, match="batch must be at least 1, got 0"):
        LSTM(3, 5).stepper(0)
    stepper = LSTM(3, 5).stepper()
    with pytest.raises(ArgumentError, match="The states have the shapes"):
        stepper.state = torch.zeros(1, 1, 5)


def test_a_step_allocates_no_memory() -> None:
    layer, x = LSTM(64, 128, num_layers=2), torch.randn(1, 64)
    stepper = layer.stepper(copy=False)
    outputs = {stepper(x).data_ptr() for _ in range(6)}
    with torch.profiler.profile(profile_memory=True, acc_events=True) as seen:
        for _ in range(10):
            outputs.add(stepper(x).data_ptr())
    assert len(outputs) == 2
    assert not [event for event in seen.events() or [] if event.cpu_memory_usage > 0]


def test_outputs_that_are_kept_stay_what_they_were() -> None:
    layer, x = LSTM(3, 4), torch.randn(6, 2, 3)
    stepper = layer.stepper(2)
    outputs = [stepper(step) for step in x]
    stepper.reset()
    torch.testing.assert_close(torch.stack(outputs), layer(x)[0])
    unbatched = layer.stepper()
    outputs = [unbatched(step[0]) for step in x]
    torch.testing.assert_close(torch.stack(outputs), layer(x)[0][:, 0])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("which", "rows"),
    [
        (torch.tensor([0, 1, 0]), [1]),
        ([0, 1, 0], [1]),
        ((True, False, True), [0, 2]),
        (np.array([0, 0, 1]), [2]),
        (np.array([True, True, False]), [0, 1]),
        (torch.tensor([0, 0, 0]), []),
        (torch.tensor([1, 1, 1], dtype=torch.uint8), [0, 1, 2]),
        (None, [0, 1, 2]),
    ],
    ids=str,
)
def test_flags_select_the_sequences_to_reset(which: Any, rows: list[int], backend: str | None) -> None:
    stepper = GRU(3, 4, 2, backend=backend).stepper(3)
    stepper(torch.ones(3, 3))
    stepper.reset(which)
    state = states(stepper.state)[0]
    assert (state == 0).all(2).all(0).nonzero().flatten().tolist() == rows


@pytest.mark.parametrize(
    "which",
    [torch.tensor([True]), [0.0, 1.0, 0.0], [0, 2], [0, 2, 1], [[True, False, True]], torch.tensor([-1, 0, 1])],
    ids=str,
)
def test_what_is_no_flag_for_each_sequence_is_refused(which: Any) -> None:
    stepper = GRU(3, 4).stepper(3)
    stepper(torch.ones(3, 3))
    before = stepper.state
    with pytest.raises(ArgumentError, match="which must hold a flag for each of the 3 sequences"):
        stepper.reset(which)
    assert torch.equal(states(stepper.state)[0], states(before)[0])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("inside", [True, False])
def test_inference_mode(backend: str | None, inside: bool) -> None:
    x = torch.randn(6, 2, 3)
    with torch.inference_mode(inside):
        layer = LSTM(3, 4, num_layers=2, backend=backend).eval()
        layer.load_state_dict(LSTM(3, 4, num_layers=2).state_dict())
    with torch.inference_mode():
        stepper = layer.stepper(2)
        steps = [stepper(step) for step in x[:3]]
        expected = layer(x)[0]
    # A stepper made there can be used outside.
    with torch.no_grad():
        steps += [stepper(step) for step in x[3:]]
    torch.testing.assert_close(torch.stack(steps), expected)
    stepper.reset([True, False])
    stepper.state = tuple(torch.ones(2, 2, 4) for _ in range(2))
    stepper.reset()
    with torch.inference_mode(), torch.no_grad():
        layer.load_state_dict(LSTM(3, 4, num_layers=2).state_dict())
        torch.testing.assert_close(stepper(x[0]), layer(x[:1])[0][0])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "dtypes", [(torch.float32, torch.float64), (torch.float64, torch.bfloat16), (torch.bfloat16, torch.float32)]
)
def test_another_dtype_keeps_the_state(dtypes: tuple[torch.dtype, torch.dtype], backend: str | None) -> None:
    torch.manual_seed(0)
    layer, x = LSTM(3, 4, num_layers=2, dtype=dtypes[0], backend=backend), torch.randn(5, 2, 3)
    stepper = layer.stepper(2)
    steps = [stepper(step.to(dtypes[0])) for step in x[:3]]
    layer.to(dtypes[1])
    steps += [stepper(step.to(dtypes[1])) for step in x[3:]]
    assert [step.dtype for step in steps] == [dtypes[0]] * 3 + [dtypes[1]] * 2
    expected = layer.double()(x.double())[0]
    torch.testing.assert_close(torch.stack([step.double() for step in steps]), expected, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_has_a_state_of_its_own(way: Any) -> None:
    layer, x = LSTM(3, 4), torch.randn(4, 2, 3)
    stepper = layer.stepper(2, copy=False)
    stepper(x[0])
    twin = way(stepper)
    assert (twin.module is layer) == (way is copy.copy)
    assert twin.copy is False
    first = [stepper(step).clone() for step in x[1:]]
    second = [twin(step).clone() for step in x[1:]]
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    stepper.reset()
    assert all(bool(s.any()) for s in states(twin.state))
