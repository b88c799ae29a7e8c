"""Calls of a kind that was seen before skip the checks: same bits and gradients, and no change goes unnoticed."""

import copy
import gc
import io
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tidegate
from tidegate.nn.stepping.checked_stack import CheckedStack

LAYERS: dict[str, Any] = {
    "lstm": lambda: tidegate.nn.LSTM(7, 19, num_layers=2, bidirectional=True, batch_first=True),
    "projected": lambda: tidegate.nn.LSTM(7, 19, proj_size=5),
    "gru without biases": lambda: tidegate.nn.GRU(7, 33, bias=False),
    "padded": lambda: tidegate.nn.RNN(7, 70),
    "wide": lambda: tidegate.nn.LSTM(50, 32),
    "reference": lambda: tidegate.nn.LSTM(7, 5, backend="reference"),
    "sizes": lambda: tidegate.nn.Recurrent("peephole_lstm", 7, (19, 6), dropout=0.4),
    "learned": lambda: tidegate.nn.Recurrent("gru", 7, 6, learn_initial_state=True),
}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was run without checks since."""
    seen: list[Any] = []
    real = CheckedStack.__call__

    def noted(self: CheckedStack, *given: Any) -> Any:
        made = real(self, *given)
        seen.append(made)
        return made

    monkeypatch.setattr(CheckedStack, "__call__", noted)
    return seen


def results(layer: Any, x: Tensor, hx: Any = None) -> list[Tensor]:
    """Outputs, final states, and where they can be had the gradients of everything."""
    x = x.clone().requires_grad_(torch.is_grad_enabled())
    torch.manual_seed(3)
    output, state = layer(x, hx)
    made = [output, *([state] if isinstance(state, Tensor) else state)]
    if not torch.is_grad_enabled():
        return made
    weighed = torch.stack([(it * torch.linspace(-1, 1, it.numel()).view(it.shape)).sum() for it in made]).sum()
    found = torch.autograd.grad(weighed, [x, *layer.parameters()], allow_unused=True)
    return [*made, *[g for g in found if g is not None]]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", LAYERS)
def test_the_bits_are_those_of_a_new_layer(kind: str, dtype: torch.dtype, runs: list[Any]) -> None:
    layer: Any = LAYERS[kind]().to(dtype)
    for training in (False, True):
        layer.train(training)
        for grad in (False, True):
            with torch.set_grad_enabled(grad):
                for shape in ((5, 3), (4, 1), (5, 3), (5, 3), (5, 3)):
                    x = torch.randn(*shape, layer.input_size, dtype=dtype)
                    with torch.no_grad():
                        state = copy.deepcopy(layer)(x)[1] if shape == (4, 1) else None
                    assert equal(results(layer, x, state), results(copy.deepcopy(layer), x, state))
    skipped = [made is not None for made in runs]
    assert (any(skipped) and not all(skipped)) if kind == "sizes" else (all(skipped) == (kind != "learned"))


def warm(layer: Any, x: Tensor) -> Any:
    for _ in range(3):
        layer(x)
    return layer


def test_weights_of_another_shape_or_type_are_checked_again() -> None:
    x = torch.randn(4, 2, 7)
    layer = warm(tidegate.nn.GRU(7, 9), x)
    layer.weight_ih_l0.data = torch.zeros(3, 7)
    with pytest.raises(tidegate.errors.ArgumentError, match="w_hh"):
        layer(x)
    layer = warm(tidegate.nn.GRU(7, 9), x).double()
    with pytest.raises(ValueError, match="dtype"):
        layer(x)
    assert layer(x.double())[0].dtype == torch.float64


def test_changes_of_settings_are_seen(runs: list[Any]) -> None:
    x = torch.randn(4, 2, 7)
    layer = warm(tidegate.nn.LSTM(7, 9, num_layers=2), x)
    assert len(runs) == 2
    layer.dropout = 0.5
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.dropout, layer.batch_first = 0.0, True
    assert layer(x)[1][0].shape == (2, 4, 9)
    layer.batch_first = False
    layer.backend = "nowhere"
    with pytest.raises(tidegate.errors.ArgumentError, match="nowhere"):
        layer(x)


@pytest.mark.parametrize("prepack", [False, True])
def test_wrong_input_is_refused_in_the_same_words(prepack: bool) -> None:
    x = torch.randn(4, 2, 7)
    lstms: list[Any] = [tidegate.nn.LSTM(7, 9).eval() for _ in range(2)]
    (fresh, layer), gru = lstms, tidegate.nn.GRU(7, 9).eval()
    if prepack:
        tidegate.nn.prepack(nn.ModuleList([layer, gru]))
    with torch.no_grad():
        warm(layer, x)
        warm(gru, x)
        with pytest.raises(RuntimeError, match="must be one tensor"):
            gru(x, (torch.zeros(1, 2, 9),))  # pyright: ignore[reportArgumentType, reportCallIssue]
    state = torch.zeros(1, 2, 9)
    for wrong in (
        (torch.randn(4, 2, 6),),
        (x, (state, state[:, :1])),
        (x, state),
        (x, (state, state.double())),
        (x[:0],),
    ):
        said = []
        for one in (fresh, layer, layer):
            with torch.no_grad(), pytest.raises((RuntimeError, ValueError, AttributeError)) as error:
                one(*wrong)
            said.append(str(error.value))
        assert len({*said}) == 1


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch's own, in forward_ad
def test_tangents_and_transforms_are_seen() -> None:
    x = torch.randn(4, 2, 7)
    layer = warm(tidegate.nn.LSTM(7, 9), x)
    forward = torch.autograd.forward_ad
    with forward.dual_level():
        assert forward.unpack_dual(layer(forward.make_dual(x, torch.ones_like(x)))[0]).tangent is not None
    assert torch.func.vmap(lambda x: layer(x)[0])(x[None].expand(3, -1, -1, -1)).shape == (3, 4, 2, 9)
    kept = warm(tidegate.nn.LSTM(7, 9).eval().prepack(), x)
    with torch.no_grad(), forward.dual_level():
        warm(kept, x)
        assert forward.unpack_dual(kept(forward.make_dual(x, torch.ones_like(x)))[0]).tangent is not None


def test_exchanged_and_computed_weights_are_used() -> None:
    x = torch.randn(4, 2, 7)
    layer = warm(tidegate.nn.GRU(7, 9), x)
    other = {name: torch.randn_like(p) for name, p in layer.named_parameters()}
    expected = tidegate.nn.GRU(7, 9)
    expected.load_state_dict(other)
    assert torch.equal(torch.func.functional_call(layer, other, (x,))[0], expected(x)[0])
    with torch.no_grad():
        layer.weight_hh_l0.mul_(0.5)
        expected.load_state_dict(layer.state_dict())
    assert torch.equal(layer(x)[0], expected(x)[0])


def test_weights_of_each_sequence_are_seen() -> None:
    from torch.nn.utils._per_sample_grad import call_for_per_sample_grads

    x = torch.randn(2, 4, 7)
    layer: Any = warm(tidegate.nn.GRU(7, 9, batch_first=True), x)
    call_for_per_sample_grads(layer, batch_size=2)(x)[0].sum().backward()
    assert layer.weight_hh_l0.grad_sample.shape == (2, 27, 9)


def test_random_numbers_are_drawn_as_if_nothing_were_remembered() -> None:
    x = torch.randn(4, 2, 7)
    noisy = tidegate.nn.Recurrent(tidegate.cells.zoneout(tidegate.cells.lstm, 0.3), 7, 9, num_layers=2)
    torch.manual_seed(1)
    found = [noisy(x)[0] for _ in range(4)]
    torch.manual_seed(1)
    assert equal(found, [copy.deepcopy(noisy)(x)[0] for _ in range(4)])


def test_masks_of_one_direction_are_seen() -> None:
    x = torch.randn(4, 2, 7)
    layer: Any = tidegate.nn.GRU(7, 9, bidirectional=True)
    layer.layer_cells = {(0, 1): tidegate.cells.zoneout(tidegate.cells.gru, 0.3)}
    layer.eval()
    assert equal([layer(x)[0] for _ in range(4)], [copy.deepcopy(layer)(x)[0] for _ in range(4)])


def test_training_after_inference_mode() -> None:
    x = torch.randn(4, 2, 7)
    layer: Any = tidegate.nn.LSTM(7, 9)
    with torch.inference_mode():
        warm(layer, x)
    layer(x)[0].sum().backward()
    assert layer.weight_hh_l0.grad is not None


def test_what_is_remembered_does_not_keep_a_layer_alive() -> None:
    layer = warm(tidegate.nn.LSTM(7, 9), torch.randn(4, 2, 7))
    alive = weakref.ref(layer)
    gc.disable()  # without it a circle of references would stay
    try:
        del layer
        assert alive() is None
    finally:
        gc.enable()


def test_saved_and_copied_layers_know_nothing() -> None:
    x = torch.randn(4, 2, 7)
    layer = warm(tidegate.nn.LSTM(7, 9), x)
    file = io.BytesIO()
    torch.save(layer, file)
    assert b"_Kinds" not in file.getvalue()
    assert copy.deepcopy(layer)._kinds is None
    assert not hasattr(tidegate.nn.to_torch(nn.Sequential(layer))[0], "_kinds")  # pyright: ignore[reportIndexIssue]
