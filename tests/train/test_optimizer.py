"""AdamW and SGD: what is decayed, one step by hand, state as tensors."""

import pytest
import torch
from torch import nn

from tidegate.train import TrainConfig
from tidegate.train.optimization.optimizer import (
    build_optimizer,
    gradient_norm,
    optimizer_tensors,
    restore_optimizer,
    set_rate,
    use_sparse_gradients,
)

CPU = torch.device("cpu")


def stepped(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int, seed: int = 1) -> None:
    draws = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for parameter in model.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=draws)
        optimizer.step()


def test_first_step_by_hand_and_no_decay_of_biases():
    # Loshchilov & Hutter's algorithm 2 after one step: both bias corrections cancel, so the step is lr * sign(g).
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    before = {name: it.detach().clone() for name, it in model.named_parameters()}
    optimizer = build_optimizer(model, TrainConfig(weight_decay=0.1, learning_rate=0.01), CPU)
    stepped(model, optimizer, 1)
    grads = {name: it.grad for name, it in model.named_parameters()}
    assert grads["weight"] is not None
    assert grads["bias"] is not None
    torch.testing.assert_close(
        model.weight.detach(), before["weight"] * (1 - 0.01 * 0.1) - 0.01 * grads["weight"].sign(), rtol=0, atol=1e-6
    )
    torch.testing.assert_close(model.bias.detach(), before["bias"] - 0.01 * grads["bias"].sign(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mixed_precision", ["no", "fp16"])
def test_state_put_back_goes_on_bit_for_bit(mixed_precision):
    config = TrainConfig(mixed_precision=mixed_precision)
    torch.manual_seed(0)
    model, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    optimizer, other = (build_optimizer(it, config, CPU) for it in (model, twin))
    stepped(model, optimizer, 5)
    twin.load_state_dict(model.state_dict())
    tensors = {name: it.clone() for name, it in optimizer_tensors(model, optimizer).items()}
    assert set(tensors) == {f"{p}.{k}" for p in ("weight", "bias") for k in ("step", "exp_avg", "exp_avg_sq")}
    restore_optimizer(twin, other, tensors)
    stepped(model, optimizer, 3, seed=2)
    stepped(twin, other, 3, seed=2)
    torch.testing.assert_close(twin.state_dict(), model.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("clip", [None, 0.3, 100.0])
def test_sgd_clips_as_torch_does_without_a_pass_over_the_gradient(clip):
    torch.manual_seed(0)
    model, twin = nn.Linear(3, 2).double(), nn.Linear(3, 2).double()
    twin.load_state_dict(model.state_dict())
    config = TrainConfig(optimizer="sgd", weight_decay=0.1, clip=clip)
    optimizer = build_optimizer(model, config, CPU)
    other = torch.optim.SGD([{"params": [twin.weight], "weight_decay": 0.1}, {"params": [twin.bias]}], lr=0.5)
    for seed in range(3):
        for it in (model, twin):
            draws = torch.Generator().manual_seed(seed)
            for parameter in it.parameters():
                parameter.grad = torch.randn(parameter.shape, generator=draws, dtype=torch.float64)
        norm = nn.utils.get_total_norm([it.grad for it in model.parameters() if it.grad is not None])
        set_rate(optimizer, config, 0.5, float(norm))
        optimizer.step()
        if clip is not None:
            nn.utils.clip_grad_norm_(twin.parameters(), clip)
        other.step()
    torch.testing.assert_close(model.state_dict(), twin.state_dict(), rtol=1e-12, atol=1e-12)
    assert optimizer_tensors(model, optimizer) == {}


@pytest.mark.parametrize("tied", [False, True])
def test_sparse_gradients_of_an_embedding_have_the_norm_and_the_step_of_dense_ones(tied):
    torch.manual_seed(0)
    ids, config = torch.tensor([3, 1, 3, 7]), TrainConfig(optimizer="sgd", clip=0.1)
    results = []
    for sparse in (False, True):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 9)).double()
        if tied:
            model[1].weight = model[0].weight
        optimizer = build_optimizer(model, config, CPU)
        if sparse:
            use_sparse_gradients(model, config, CPU)
        norm = torch.zeros(())
        for _ in range(2):
            model(ids).square().sum().backward()
            norm = gradient_norm(model.parameters())
            set_rate(optimizer, config, 0.5, float(norm))
            assert model[0].weight.grad is not None
            assert model[0].weight.grad.is_sparse == (sparse and not tied)
            optimizer.step()
            optimizer.zero_grad()
        results.append([norm, *(it.detach() for it in model.parameters())])
    torch.testing.assert_close(results[0], results[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("settings", [{"optimizer": "adamw"}, {"optimizer": "sgd", "weight_decay": 0.1}])
def test_other_optimizers_have_dense_gradients(settings):
    model = nn.Embedding(9, 4)
    use_sparse_gradients(model, TrainConfig(**settings), CPU)
    assert not model.sparse


def test_there_is_no_state_before_the_first_step():
    model = nn.Linear(3, 2)
    optimizer = build_optimizer(model, TrainConfig(), CPU)
    assert optimizer_tensors(model, optimizer) == {}
    restore_optimizer(model, optimizer, {})
    assert optimizer_tensors(model, optimizer) == {}
