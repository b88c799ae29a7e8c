"""The loss of large vocabularies against torch's cross-entropy, and adaptive softmax against torch's own."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from tidegate.text import cross_entropy
from tidegate.text.cross_entropy import output_nats
from tidegate.text.output_layer import AdaptiveSoftmax, Softmax

V, H, N = 8209, 7, 13  # just above `LARGE`, sizes that fill no vector


def layer_and_input(dtype: torch.dtype = torch.float32, bias: bool = True):
    torch.manual_seed(0)
    layer = nn.Linear(H, V, bias=bias, dtype=dtype)
    features = torch.randn(N, H, dtype=dtype).mul_(3).requires_grad_()
    return layer, features, torch.randint(V, (N,))


def gradients(loss, layer, features):
    return torch.autograd.grad(loss, [features, *layer.parameters()])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("room", [1 << 24, 5 * V, V // 2])  # all rows at once, five, and one
def test_loss_and_gradients_are_those_of_torch(monkeypatch, dtype, room):
    monkeypatch.setattr(cross_entropy, "ROOM", room)
    monkeypatch.setattr(functional, "cross_entropy", lambda *_, **__: pytest.fail("the pass was not used"))
    layer, features, targets = layer_and_input(dtype)
    found = output_nats(features, layer.weight, layer.bias, targets, gradient=1 / N)
    own = gradients(found / N, layer, features)
    monkeypatch.undo()
    expected = functional.cross_entropy(layer(features), targets, reduction="sum")
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(own, gradients(expected / N, layer, features), rtol=1e-4, atol=1e-7)


def test_a_gradient_that_was_not_foreseen_is_right_too():
    layer, features, targets = layer_and_input(torch.float64, bias=False)
    expected = gradients(-3 * functional.cross_entropy(layer(features), targets, reduction="sum"), layer, features)
    for foreseen in (1.0, 0.25):
        found = output_nats(features, layer.weight, None, targets, gradient=foreseen)
        torch.testing.assert_close(gradients(-3 * found, layer, features), expected, rtol=1e-9, atol=1e-12)


def test_improbable_targets_have_a_finite_loss_and_a_second_backward_is_refused():
    layer, features, _ = layer_and_input()
    with torch.no_grad():
        layer.weight.mul_(100)
    worst = layer(features).argmin(-1)
    found = output_nats(features, layer.weight, layer.bias, worst)
    expected = functional.cross_entropy(layer(features), worst, reduction="sum")
    assert found > 500 * N
    torch.testing.assert_close(found, expected)
    found.backward()
    assert layer.weight.grad is not None
    with torch.no_grad():
        torch.testing.assert_close(output_nats(features, layer.weight, layer.bias, worst), expected)
    with pytest.raises(RuntimeError, match="already used"):
        found.backward()


def test_small_vocabularies_and_half_precision_take_torchs_way(monkeypatch):
    monkeypatch.setattr(cross_entropy, "_own_product", lambda: pytest.fail("the pass was used"))
    small = Softmax(H, 11)
    small.nats(torch.randn(2, 3, H), torch.randint(11, (2, 3)))
    large = Softmax(H, V, dtype=torch.bfloat16)
    large.nats(torch.randn(2, 3, H, dtype=torch.bfloat16), torch.randint(V, (2, 3)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        Softmax(H, V).nats(torch.randn(2, 3, H), torch.randint(V, (2, 3)))


@pytest.mark.parametrize("rows", [1, 3])
def test_the_logits_of_a_step_are_those_of_a_call(rows):
    torch.manual_seed(0)
    layer, features = Softmax(H, V, dtype=torch.float64), torch.randn(rows, H, dtype=torch.float64)
    torch.testing.assert_close(layer.step(features), layer(features), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("size", "cutoffs"), [(50, [10]), (50, [4, 20, 49]), (V + 300, [100, 200])])
def test_adaptive_softmax_is_torchs(size, cutoffs):
    torch.manual_seed(0)
    ours = AdaptiveSoftmax(64, size, cutoffs).double()
    theirs = nn.AdaptiveLogSoftmaxWithLoss(64, size, cutoffs).double()
    theirs.load_state_dict(ours.state_dict())
    features = torch.randn(5, 3, 64, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(size, (5, 3))
    targets[targets >= cutoffs[-1]] = 0  # the last cluster has no target
    expected = theirs(features.flatten(0, 1), targets.flatten())
    found = ours.nats(features, targets)
    torch.testing.assert_close(found, -expected.output.sum())
    torch.testing.assert_close(ours(features).flatten(0, 1), theirs.log_prob(features.flatten(0, 1)))
    by_feature, *by_weight = torch.autograd.grad(found, [features, *ours.parameters()])
    torch.testing.assert_close(by_feature, torch.autograd.grad(-expected.output.sum(), features, retain_graph=True)[0])
    theirs_by = torch.autograd.grad(-expected.output.sum(), list(theirs.parameters()), materialize_grads=True)
    torch.testing.assert_close(by_weight, list(theirs_by))
