"""Calls whose preparation is noted once and replayed give the bits of calls that are prepared anew."""

import threading
from typing import Any

import pytest
import torch
from torch import Tensor

import tidegate
from tidegate.engine.backends.llvm.launch.replay import noted_launches, replayed_backward, replayed_forward

SIZES = [(1, 1, 5, 7), (3, 2, 4, 16), (2, 5, 3, 33), (2, 3, 40, 32)]  # steps, batch, inputs, hidden units
CELLS = ["lstm", "gru_original", "peephole_lstm"]


def results(layer: Any, x: Tensor, states: tuple[Tensor, ...], train: bool, **given: Any) -> list[Tensor]:
    """Return outputs, final states and all gradients."""
    leaves = [t.clone().requires_grad_(train) for t in (x, *states)]
    with torch.set_grad_enabled(train):
        output, state = layer(leaves[0], tuple(leaves[1:]) if len(states) > 1 else leaves[1], **given)
    made = [output, *(state if isinstance(state, tuple) else (state,))]
    if not train:
        return made
    loss = sum((value.sin().sum() * (k + 1) for k, value in enumerate(made)), torch.zeros(()))
    return [*made, *torch.autograd.grad(loss, [*leaves, *layer.parameters()])]


def example(layer: Any, sizes: tuple[int, int, int, int], seed: int) -> tuple[Tensor, tuple[Tensor, ...]]:
    torch.manual_seed(seed)
    steps, batch, inputs, hidden = sizes
    rows = layer.num_layers * (1 + layer.bidirectional)
    return torch.randn(steps, batch, inputs), tuple(torch.randn(rows, batch, hidden) for _ in layer.cell.states)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("train", [False, True])
def test_a_replayed_call_has_the_bits_of_one_that_is_prepared_anew(
    cell: str, train: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, sizes in enumerate(SIZES):
        layer = tidegate.nn.Recurrent(cell, *sizes[2:], num_layers=1 + n % 2, bidirectional=n > 1, backend="llvm")
        examples = [example(layer, sizes, seed) for seed in range(4)]
        found = [results(layer, *given, train) for given in examples]
        with monkeypatch.context() as patch:
            for module in (replayed_forward, replayed_backward):
                patch.setattr(module, "kind_of", lambda *_: None)
            expected = [results(layer, *given, train) for given in examples]
        for own, other in zip(found, expected, strict=True):
            assert all(map(torch.equal, own, other)), (cell, sizes)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("reverse", [False, True])
def test_a_replayed_call_has_its_own_resets(cell: str, reverse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    replays: list[int] = []
    ran = noted_launches.Replay.__call__
    monkeypatch.setattr(
        noted_launches.Replay, "__call__", lambda self, tensors: replays.append(1) or ran(self, tensors)
    )
    hidden = 17 + reverse  # a kind that has not been seen
    layer = tidegate.nn.Recurrent(cell, 3, hidden, bidirectional=reverse, backend="llvm")
    examples = [example(layer, (9, 3, 3, hidden), seed) for seed in range(4)]
    flags = [share > torch.rand(3, 9).T for share in (0.0, 0.3, 1.0, 0.3)]  # not contiguous
    found = [results(layer, *given, True, reset=reset) for given, reset in zip(examples, flags, strict=True)]
    assert len(replays) == 6  # both passes of all calls but the first; none of those from right to left
    layer.backend = "reference"
    for own, given, reset in zip(found, examples, flags, strict=True):
        torch.testing.assert_close(own, results(layer, *given, True, reset=reset), atol=2e-5, rtol=1e-4)


def test_weights_that_change_between_calls_are_read_anew_even_through_data() -> None:
    layer = tidegate.nn.GRU(3, 8, backend="llvm")
    x = torch.randn(2, 1, 3)
    before = [layer(x)[0] for _ in range(3)][-1]
    layer.get_parameter("weight_hh_l0").data.mul_(-1)
    after = layer(x)[0]
    assert not torch.equal(before, after)
    again = tidegate.nn.GRU(3, 8, backend="llvm")
    again.load_state_dict(layer.state_dict())
    assert torch.equal(after, again(x)[0])


def test_results_are_the_callers_own() -> None:
    layer = tidegate.nn.LSTM(3, 5, backend="llvm")
    first, second = torch.randn(2, 1, 3), torch.randn(2, 1, 3)
    with torch.no_grad():
        for _ in range(3):
            kept = layer(first)
            copies = [kept[0].clone(), kept[1][0].clone(), kept[1][1].clone()]
            layer(second)
            assert all(map(torch.equal, [kept[0], *kept[1]], copies))


def test_threads_have_prepared_calls_of_their_own() -> None:
    layer = tidegate.nn.LSTM(6, 20, backend="llvm")
    inputs = [torch.randn(12, 2, 6) for _ in range(4)]
    expected = [layer(x)[0].detach() for x in inputs]
    wrong: list[int] = []

    def work(k: int) -> None:
        for _ in range(40):
            with torch.no_grad():
                if not torch.equal(layer(inputs[k])[0], expected[k]):
                    wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_prepared_calls_keep_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noted_launches, "HELD_BYTES", 1 << 16)
    kinds = replayed_forward.Kinds[replayed_forward.ReplayedForward]()
    monkeypatch.setattr(replayed_forward, "_KINDS", kinds)
    layer = tidegate.nn.LSTM(16, 16, backend="llvm")
    with torch.no_grad():
        for steps in [*range(1, 20)] * 3:
            layer(torch.zeros(steps, 1, 16))
    assert 0 < kinds.held <= 1 << 16
