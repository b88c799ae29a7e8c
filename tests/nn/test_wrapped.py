"""Layers on the kernels under what PyTorch puts around modules: parametrizations, functional_call, data parallelism."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

from tidegate.nn import LSTM


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def training_step(run: Callable[..., Any], parameters: Any, x: Tensor, **given: Tensor) -> list[Tensor]:
    leaf = x.clone().requires_grad_()
    output, state = run(leaf, **given)
    states = state if isinstance(state, tuple) else (state,)
    total = output.sin().sum() + sum((s.cos().sum() for s in states), torch.zeros(()))
    return [output.detach(), *torch.autograd.grad(total, [leaf, *parameters])]


class Drop(nn.Module):
    """Weight drop: a fixed part of the recurrent weights is left out."""

    def forward(self, weight: Tensor) -> Tensor:
        keep = torch.arange(weight.numel()).view_as(weight) % 3 > 0
        return weight * keep / 0.67


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("kind", ["weight_norm", "weight_drop"])
def test_parametrized_weights_give_the_same_results(kind: str, compiled: bool) -> None:
    torch.manual_seed(0)
    x, layers = torch.randn(4, 2, 3), []
    for make in (nn.LSTM, lambda *sizes: LSTM(*sizes, backend="llvm")):
        layer = make(3, 5)
        if kind == "weight_norm":
            weight_norm(layer, "weight_ih_l0")
            weight_norm(layer, "weight_hh_l0")
        else:
            parametrize.register_parametrization(layer, "weight_hh_l0", Drop())
        layers.append(layer)
    theirs, ours = layers
    ours.load_state_dict(theirs.state_dict())
    run = torch.compile(ours, fullgraph=True, backend="aot_eager") if compiled else ours
    found = training_step(run, ours.parameters(), x)
    torch.testing.assert_close(found, training_step(theirs, theirs.parameters(), x))


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_functional_call_takes_other_weights(compiled: bool) -> None:
    layer, other, x = LSTM(3, 5, backend="llvm"), LSTM(3, 5), torch.randn(4, 2, 3)

    def call(weights: dict[str, Tensor], v: Tensor) -> Tensor:
        return torch.func.functional_call(layer, weights, (v,))[0]

    run = torch.compile(call, fullgraph=True, backend="aot_eager") if compiled else call
    weights = {name: value.detach().requires_grad_() for name, value in other.named_parameters()}
    found = run(weights, x)
    torch.testing.assert_close(found, other(x)[0])
    gradients = torch.autograd.grad(found.sin().sum(), list(weights.values()))
    expected = torch.autograd.grad(other(x)[0].sin().sum(), list(other.parameters()))
    torch.testing.assert_close(gradients, expected)


@pytest.mark.slow
def test_data_parallel_gradients_are_those_of_the_whole_batch(tmp_path: Any) -> None:
    program = tmp_path / "program.py"
    program.write_text("""
import sys, torch, tidegate
from torch.nn.parallel import DistributedDataParallel
torch.set_num_threads(1)
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
torch.manual_seed(0)
layer, x = tidegate.nn.LSTM(3, 5, 2, backend="llvm"), torch.randn(6, 4, 3)
for wrap in (lambda it: it, lambda it: torch.compile(it, backend="aot_eager")):
    layer.zero_grad()
    whole = torch.autograd.grad(layer(x)[0].square().mean(), list(layer.parameters()))
    parallel = wrap(DistributedDataParallel(layer))
    parallel(x[:, 2 * rank : 2 * rank + 2])[0].square().mean().backward()
    torch.testing.assert_close([p.grad for p in layer.parameters()], list(whole))
torch.distributed.destroy_process_group()
print("DONE", rank)
""")
    command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*command, str(program)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "DONE 0" in done.stdout
    assert "DONE 1" in done.stdout
