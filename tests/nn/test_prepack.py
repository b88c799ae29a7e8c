"""Layers that keep packed weights compute the same bits, pack nothing again, and notice changes of their weights."""

import copy
import io
import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tidegate
from tidegate.engine.backends.llvm.front.prepared_run import PreparedRun
from tidegate.engine.backends.llvm.launch import pack_weights
from tidegate.errors import ArgumentError

KINDS: dict[str, Any] = {
    "lstm": lambda: tidegate.nn.LSTM(7, 19, num_layers=2, bidirectional=True),
    "projected": lambda: tidegate.nn.LSTM(7, 19, proj_size=5),
    "gru": lambda: tidegate.nn.GRU(7, 33),
    "heads": lambda: tidegate.nn.Recurrent(tidegate.cells.with_heads(tidegate.cells.get_cell("gru"), 3), 7, 18),
    "two stages": lambda: tidegate.nn.Recurrent("gru_original", 7, 20),
}


@pytest.fixture
def packings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was packed since."""
    seen: list[Any] = []
    real = pack_weights._pack

    def noted(*given: Any) -> Tensor:
        seen.append(given[0])
        return real(*given)

    monkeypatch.setattr(pack_weights, "_pack", noted)
    return seen


def outputs(layer: Any, x: Tensor) -> list[Tensor]:
    output, state = layer(x)
    return [output, *([state] if isinstance(state, Tensor) else state)]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_bits_are_those_of_layers_that_pack_for_each_call(kind: str, dtype: torch.dtype) -> None:
    layer: Any = KINDS[kind]().to(dtype).eval()
    kept: Any = copy.deepcopy(layer).prepack()
    with torch.no_grad():
        for steps, batch in ((5, 1), (4, 3), (5, 1), (5, 1), (4, 3), (4, 3)):
            x = torch.randn(steps, batch, layer.input_size, dtype=dtype)
            assert equal(outputs(layer, x), outputs(kept, x))


def test_calls_and_steppers_pack_nothing_again(packings: list[Any]) -> None:
    layer: Any = tidegate.nn.LSTM(6, 21).eval().prepack()
    x = torch.randn(5, 3, 6)
    with torch.inference_mode():
        for _ in range(4):
            layer(x)
    assert len(packings) == 1
    layer.stepper(3)(x[0])
    count = len(packings)
    layer.stepper(3)(x[0])
    layer.stepper(3)(x[0])
    assert len(packings) == count <= 2


def test_layers_of_one_size_keep_their_own(packings: list[Any]) -> None:
    plain = [tidegate.nn.GRU(5, 17).eval() for _ in range(3)]
    kept = [copy.deepcopy(it).prepack() for it in plain]
    x = torch.randn(6, 2, 5)
    with torch.no_grad():
        for _ in range(4):  # calls of one kind are prepared once and replayed
            for one, other in zip(plain, kept, strict=True):
                assert equal(outputs(one, x), outputs(other, x))


@pytest.mark.parametrize("batch_first", [False, True])
def test_calls_of_a_kind_are_prepared_once(batch_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    layer: Any = tidegate.nn.LSTM(6, 21, num_layers=2, batch_first=batch_first).eval()
    kept: Any = copy.deepcopy(layer).prepack()
    real, ran = PreparedRun.run, list[bool]()
    monkeypatch.setattr(PreparedRun, "run", lambda self, *given: ran.append(True) or real(self, *given))
    with torch.no_grad():
        x, hx, output = torch.randn(3, 3, 6), (torch.randn(2, 3, 21), torch.randn(2, 3, 21)), torch.zeros(0)
        for k in range(4):
            x, hx = torch.randn(3, 3, 6), (torch.randn(2, 3, 21), torch.randn(2, 3, 21))
            (output, state), (expected, its_state) = kept(x, hx), layer(x, hx)
            assert equal([output, *state], [expected, *its_state])
            assert len(ran) == 2 * k  # two layers; the first call of a kind is not prepared
        output.zero_()  # results are the caller's
        assert equal(outputs(kept, x), outputs(layer, x))
        with pytest.raises(RuntimeError, match="Expected hidden"):
            kept(x, (hx[0][:1], hx[1]))
        lengths = [3, 0, 2]
        assert torch.equal(kept(x, lengths=lengths)[0], layer(x, lengths=lengths)[0])


def test_an_intervention_runs_its_own_cell() -> None:
    layer: Any = tidegate.nn.GRU(6, 21).eval().prepack()
    x = torch.randn(5, 2, 6)
    with torch.no_grad():
        before = [outputs(layer, x)[0] for _ in range(3)][-1]
        layer.layer_cells = {0: tidegate.cells.get_cell("gru_original")}
        assert not torch.equal(outputs(layer, x)[0], before)
        layer.layer_cells = {}
        assert torch.equal(outputs(layer, x)[0], before)


def changes() -> dict[str, Any]:
    def in_place(layer: Any) -> None:
        layer.weight_hh_l0.mul_(0.5)

    def other_parameter(layer: Any) -> None:
        layer.weight_ih_l0 = nn.Parameter(torch.randn_like(layer.weight_ih_l0))

    def loaded(layer: Any) -> None:
        layer.load_state_dict(tidegate.nn.LSTM(6, 21).state_dict())

    def dtype(layer: Any) -> None:
        layer.double()

    def through_data(layer: Any) -> None:
        layer.weight_hh_l0.data.mul_(0.5)
        layer.prepack()

    return {f.__name__: f for f in (in_place, other_parameter, loaded, dtype, through_data)}


@pytest.mark.parametrize("change", changes())
def test_a_change_of_the_weights_is_noticed(change: str) -> None:
    layer: Any = tidegate.nn.LSTM(6, 21).eval().prepack()
    x = torch.randn(5, 2, 6)
    with torch.no_grad():
        before = [outputs(layer, x)[0] for _ in range(3)][-1]
        changes()[change](layer)
        x = x.to(layer.weight_ih_l0.dtype)
        fresh: Any = tidegate.nn.LSTM(6, 21).to(x.dtype).eval()
        fresh.load_state_dict(layer.state_dict())
        for _ in range(3):
            assert equal(outputs(layer, x), outputs(fresh, x))
        after = outputs(layer, x)
        assert not torch.allclose(after[0].float(), before, atol=1e-9) or change == "dtype"


def test_training_and_gradients_are_as_without() -> None:
    layer: Any = tidegate.nn.LSTM(6, 21)
    kept: Any = copy.deepcopy(layer).prepack()
    x = torch.randn(5, 2, 6)
    for training in (False, True):
        for it in (layer, kept):
            it.train(training)
            it.zero_grad()
            with torch.no_grad():
                it(x)
            output, state = it(x)
            (output.sum() + sum(s.pow(2).sum() for s in state)).backward()
        pairs = zip(layer.parameters(), kept.parameters(), strict=True)
        assert all(torch.equal(a.grad, b.grad) for a, b in pairs if a.grad is not None and b.grad is not None)
        optimizers = [torch.optim.SGD(it.parameters(), lr=0.1) for it in (layer, kept)]
        for optimizer in optimizers:
            optimizer.step()
        with torch.no_grad():
            assert equal(outputs(layer.eval(), x), outputs(kept.eval(), x))


def test_computed_weights_are_those_of_the_call() -> None:
    layer: Any = tidegate.nn.GRU(6, 9).eval()
    nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    kept: Any = copy.deepcopy(layer).prepack()
    x = torch.randn(5, 2, 6)
    with torch.no_grad():
        for _ in range(3):
            for it in (layer, kept):
                it.parametrizations.weight_hh_l0.original0.mul_(1.5)
            assert equal(outputs(layer, x), outputs(kept, x))


def test_copies_are_prepacked_and_have_their_own() -> None:
    layer: Any = tidegate.nn.LSTM(6, 21).eval().prepack()
    x = torch.randn(5, 2, 6)
    assert "_kept" not in vars(tidegate.nn.to_torch(layer))
    with torch.no_grad():
        expected = outputs(layer, x)
        file = io.BytesIO()
        torch.save(layer, file)
        file.seek(0)
        for made in (copy.deepcopy(layer), torch.load(file, weights_only=False)):
            made.weight_hh_l0.mul_(2)
            assert made._kept is not None
            assert made._kept is not layer._kept
            assert not equal(outputs(made, x), expected)
            assert equal(outputs(layer, x), expected)


def test_threads_may_call_one_layer() -> None:
    layer: Any = tidegate.nn.LSTM(6, 40).eval()
    xs = [torch.randn(8, 2, 6) for _ in range(4)]
    with torch.inference_mode():
        expected = [outputs(layer, x) for x in xs]
    layer.prepack()
    wrong: list[int] = []

    def work(k: int) -> None:
        with torch.inference_mode():
            wrong.extend(k for _ in range(20) if not equal(outputs(layer, xs[k]), expected[k]))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_all_layers_of_a_model() -> None:
    model: Any = nn.Sequential(nn.Linear(3, 6), tidegate.nn.LSTM(6, 8)).eval()
    assert tidegate.nn.prepack(model) is model
    assert model[1]._kept is not None
    assert tidegate.nn.prepack(model, keep=False)[1]._kept is None
    with pytest.raises(ArgumentError, match="Linear has no recurrent layers"):
        tidegate.nn.prepack(nn.Linear(3, 6))


def test_compiled_programs_run_with_and_without() -> None:
    layer: Any = tidegate.nn.LSTM(6, 8).eval().prepack()
    x = torch.randn(5, 2, 6)
    with torch.no_grad():
        expected = outputs(layer, x)
        compiled: Any = torch.compile(layer, backend="eager", fullgraph=True)
        assert equal(outputs(compiled, x), expected)
