"""A table: every way PyTorch has to differentiate, on cells of every kind, against the reference in float64.

The layers choose their backend themselves: the kernels where they can, the reference elsewhere, never an error. Which
of the two ran is asserted too, so that nothing quietly leaves the kernels.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from tidegate.cells import Step, cell, sigmoid, tanh
from tidegate.engine.backends.llvm import LLVM
from tidegate.engine.backends.reference import REFERENCE
from tidegate.engine.call import Call, Result
from tidegate.nn import GRU, LSTM, Recurrent

pytestmark = pytest.mark.filterwarnings(
    "ignore:`torch.jit.script` is deprecated:DeprecationWarning"
)  # torch.func's own

Layer = torch.nn.Module


@cell(gates="f n", states="h c", parameters="u")
def users_own(x: Any, r: Any, s: Any, p: Any) -> Step:
    f = sigmoid(x.f + r.f + p.u * s.c)
    c = f * s.c + (1 - f) * tanh(x.n + r("n", f * s.h))
    return Step(h=tanh(c), c=c, gates=dict(f=f))


CELLS: dict[str, Callable[..., Layer]] = {
    "LSTM": lambda **given: LSTM(2, 3, **given),
    "GRU, two layers, both directions": lambda **given: GRU(2, 3, 2, bidirectional=True, **given),
    "LSTM, projected": lambda **given: LSTM(2, 3, proj_size=2, **given),
    "gru_original": lambda **given: Recurrent("gru_original", 2, 3, **given),
    "min_gru": lambda **given: Recurrent("min_gru", 2, 3, **given),
    "a user's cell": lambda **given: Recurrent(users_own, 2, 3, **given),
}
LENGTHS = torch.tensor([4, 2, 0])


def loss_of(layer: Layer, weights: dict[str, Tensor], x: Tensor, **given: Any) -> Tensor:
    output, state = functional_call(layer, weights, (x,), given)
    state = state if isinstance(state, tuple) else (state,)
    return output.sin().sum() + torch.stack([s.cos().sum() for s in state]).sum()


def output_of(layer: Layer) -> Callable[[Tensor], Tensor]:
    return lambda x: layer(x, lengths=LENGTHS)[0]


def weights_of(layer: Layer) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in layer.named_parameters()}


def backward(layer: Layer, x: Tensor, _: Tensor) -> Any:
    return torch.autograd.grad(output_of(layer)(x.requires_grad_()).sin().sum(), [x, *layer.parameters()])


def double_backward(layer: Layer, x: Tensor, v: Tensor) -> Any:
    first = torch.autograd.grad(output_of(layer)(x.requires_grad_()).sin().sum(), x, create_graph=True)[0]
    return torch.autograd.grad((first * v).sum(), [x, *layer.parameters()], allow_unused=True, materialize_grads=True)


def third_backward(layer: Layer, x: Tensor, v: Tensor) -> Any:
    first = torch.autograd.grad(output_of(layer)(x.requires_grad_()).sin().sum(), x, create_graph=True)[0]
    second = torch.autograd.grad((first * v).sum(), x, create_graph=True)[0]
    return torch.autograd.grad((second * v).sum(), x)


def batched_backward(layer: Layer, x: Tensor, _: Tensor) -> Any:
    output = output_of(layer)(x.requires_grad_())
    several = torch.linspace(-1, 1, 5 * output.numel(), dtype=x.dtype).sin().view(5, *output.shape)
    return torch.autograd.grad(output, [x, *layer.parameters()], several, is_grads_batched=True)


def batched_jacobian(layer: Layer, x: Tensor, _: Tensor) -> Any:
    return torch.autograd.functional.jacobian(output_of(layer), x, vectorize=True)


def forward_mode(layer: Layer, x: Tensor, v: Tensor) -> Any:
    return jvp(output_of(layer), (x,), (v,))


def forward_mode_of_the_weights(layer: Layer, x: Tensor, _: Tensor) -> Any:
    weights = weights_of(layer)
    tangents = {name: value.sin() for name, value in weights.items()}
    return jvp(lambda w: loss_of(layer, w, x, lengths=LENGTHS), (weights,), (tangents,))


def dual_numbers(layer: Layer, x: Tensor, v: Tensor) -> Any:
    with forward_ad.dual_level():
        output = output_of(layer)(forward_ad.make_dual(x, v))
        return forward_ad.unpack_dual(output).tangent


def forward_over_reverse(layer: Layer, x: Tensor, v: Tensor) -> Any:
    return jvp(grad(lambda u: output_of(layer)(u).sin().sum()), (x,), (v,))


def reverse_mode(layer: Layer, x: Tensor, _: Tensor) -> Any:
    output, pull = vjp(output_of(layer), x)[:2]
    return output, pull(output.cos())


def jacobians(layer: Layer, x: Tensor, _: Tensor) -> Any:
    return jacrev(output_of(layer))(x), jacfwd(output_of(layer))(x)


def hessians(layer: Layer, x: Tensor, _: Tensor) -> Any:
    return hessian(lambda u: output_of(layer)(u).sin().sum())(x)


def mapped(layer: Layer, x: Tensor, v: Tensor) -> Any:
    return vmap(output_of(layer))(torch.stack([x, v, x - v]))


def mapped_over_lengths(layer: Layer, x: Tensor, v: Tensor) -> Any:
    lengths = torch.tensor([[4, 2, 0], [1, 3, 4]])
    return vmap(lambda u, n: layer(u, lengths=n)[0])(torch.stack([x, v]), lengths)


def gradients_by_sample(layer: Layer, x: Tensor, _: Tensor) -> Any:
    one = grad(lambda w, u: loss_of(layer, w, u.unsqueeze(1)))
    return vmap(one, in_dims=(None, 1))(weights_of(layer), x)


def ensemble(layer: Layer, x: Tensor, _: Tensor) -> Any:
    weights = {name: torch.stack([value, value.sin()]) for name, value in weights_of(layer).items()}
    return vmap(lambda w: loss_of(layer, w, x, lengths=LENGTHS))(weights)


def other_weights(layer: Layer, x: Tensor, _: Tensor) -> Any:
    weights = {name: value.sin().requires_grad_() for name, value in weights_of(layer).items()}
    return torch.autograd.grad(loss_of(layer, weights, x, lengths=LENGTHS), list(weights.values()))


# The second is where the run and its derivative happen: in the kernels, or in the reference.
MODES: dict[Callable[..., Any], set[str]] = {
    backward: {"llvm"},
    other_weights: {"llvm"},
    double_backward: {"llvm", "reference"},  # forward in the kernels, both backwards from the reference
    third_backward: {"llvm", "reference"},
    batched_backward: {"llvm", "reference"},
    batched_jacobian: {"llvm", "reference"},
    forward_mode: {"reference"},
    forward_mode_of_the_weights: {"reference"},
    dual_numbers: {"reference"},
    forward_over_reverse: {"reference"},
    reverse_mode: {"reference"},
    jacobians: {"reference"},
    hessians: {"reference"},
    mapped: {"reference"},
    mapped_over_lengths: {"reference"},
    gradients_by_sample: {"reference"},
    ensemble: {"reference"},
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.__name__)
def test_derivative_mode_agrees_with_the_reference(
    mode: Callable[..., Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layers = [CELLS[name](dtype=torch.float64, backend=backend) for backend in (None, "reference")]
    layers[0].load_state_dict(layers[1].state_dict())
    x, v = torch.randn(2, 4, 3, 2, dtype=torch.float64)
    expected = mode(layers[1], x.clone(), v)
    ran: set[str] = set()
    for backend in (LLVM, REFERENCE):

        def noted(call: Call, own: Any = backend.run, by: str = backend.name) -> Result:
            ran.add(by)
            return own(call)

        monkeypatch.setattr(backend, "run", noted)
    found = mode(layers[0], x.clone(), v)
    torch.testing.assert_close(found, expected, atol=1e-11, rtol=1e-9)
    assert ran == MODES[mode]


@pytest.mark.parametrize("name", CELLS)
def test_by_finite_differences(name: str) -> None:
    torch.manual_seed(0)
    layer = CELLS[name](dtype=torch.float64)
    x = torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(output_of(layer), x, check_batched_grad=True, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(output_of(layer), x)
