"""Gradients for each sequence by itself, as ``call_for_per_sample_grads`` of ``torch.nn.utils`` asks for them.

It puts an ``ExpandedWeight`` in the place of every parameter: it stands for a weight of each sequence's own, whose
gradients are collected in the parameter's ``grad_sample``. A module is run in just that way: by ``torch.func.vmap``
over the sequences, each with its own weights.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.errors import ArgumentError
from tidegate.nn.layout import EngineInput
from tidegate.nn.stack import StackResult, run_stack

_MODULE = "torch.nn.utils._expanded_weights.expanded_weights_impl"  # not imported unless it is used


def has_expanded_weights(module: nn.Module) -> bool:
    """Whether a module's parameters stand for weights of each sequence's own."""
    if torch.compiler.is_compiling() or _MODULE not in sys.modules:
        return False
    return any(isinstance(weight, sys.modules[_MODULE].ExpandedWeight) for weight in module._parameters.values())


def run_by_sample(
    module: nn.Module,
    run: Callable[..., Any],
    args: tuple[Any, ...],
    dims: tuple[int, ...],
    out_dims: Any,
    order: Tensor | None = None,
) -> Any:
    """Run a module with expanded weights for each sequence by itself.

    Args:
        module: the module.
        run: runs it for one sequence; called with the arguments without their batch dimension.
        args: tensors, tuples or dicts of tensors, or None.
        dims: the batch dimension of each.
        out_dims: that of the results.
        order: the place of each of the sequences in the caller's batch, if they were sorted.

    Raises:
        ArgumentError: the weights were expanded for another number of sequences.
    """
    expanded: dict[str, Any] = {
        name: weight for name, weight in module.named_parameters() if type(weight) is not nn.Parameter
    }
    batch = args[0].shape[dims[0]]
    if wrong := {weight.batch_size for weight in expanded.values()} - {batch}:
        raise ArgumentError(
            f"{type(module).__name__}: the weights were expanded for a batch of {max(wrong)}, but the input has "
            f"{batch} sequences: pass call_for_per_sample_grads the batch_size, and batch_first as the layer has it."
        )
    own = {name: _OfEachSequence.apply(weight) for name, weight in expanded.items()}
    if order is not None:
        own = {name: weight.index_select(0, order) for name, weight in own.items()}
    holder = _Holder(module, run)

    def one(weights: dict[str, Tensor], *args: Any) -> Any:
        return torch.func.functional_call(holder, {f"module.{name}": it for name, it in weights.items()}, args)

    in_dims = (0, *(None if arg is None else dim for arg, dim in zip(args, dims, strict=True)))
    return torch.func.vmap(one, in_dims, out_dims, randomness="different")(own, *args)


def run_stack_by_sample(layers: Any, given: EngineInput) -> StackResult:
    """Run all layers as `tidegate.nn.stack.run_stack` does, for each sequence by itself."""
    layout = given.layout

    def run(
        x: Tensor,
        state: tuple[Tensor, ...] | None,
        lengths: Tensor | None,
        reset: Tensor | None,
        masks: dict[str, Tensor] | None,
    ) -> Any:
        own = replace(
            layout,
            lengths=None if lengths is None else lengths[None],
            reset=None if reset is None else reset[:, None],
        )
        start = None if state is None else tuple(value[:, None] for value in state)
        at_step = {name: mask[:, None] for name, mask in (masks or {}).items()}
        made = run_stack(layers, EngineInput(x[:, None], start, own, at_step))
        return made.output.squeeze(1), tuple(value.squeeze(1) for value in made.state)

    args = (given.x, given.state, layout.lengths, layout.reset, dict(given.masks) or None)
    order = None if layout.packed is None else layout.packed.sorted_indices
    output, state = run_by_sample(layers, run, args, (1, 1, 0, 1, 1), (1, 1), order)
    return StackResult(output, state, {})


class _Holder(nn.Module):
    """Lets ``functional_call`` exchange a module's weights without running the module's hooks again."""

    def __init__(self, module: nn.Module, run: Callable[..., Any]):
        super().__init__()
        self.module, self.run = module, run

    def forward(self, *args: Any) -> Any:
        return self.run(*args)


class _OfEachSequence(torch.autograd.Function):
    """A copy of a weight for each sequence, whose gradients go to ``grad_sample``."""

    @staticmethod
    def forward(ctx: Any, weight: Any) -> Tensor:
        ctx.weight = weight
        return weight.orig_weight.detach().expand(weight.batch_size, *weight.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> None:
        from torch.nn.utils._expanded_weights.expanded_weights_utils import set_grad_sample_if_exists

        set_grad_sample_if_exists(ctx.weight, lambda _: gradients[0])
