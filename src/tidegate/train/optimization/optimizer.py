"""Optimizers, and their state as named tensors."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from tidegate.io.tensor_files import Layout
from tidegate.train.config import TrainConfig

MOMENTS = {"adamw": ("exp_avg", "exp_avg_sq"), "sgd": ()}


def build_optimizer(model: nn.Module, config: TrainConfig, device: torch.device) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019) or plain SGD, without weight decay of biases and vectors.

    Args:
        model: the model to optimise.
        config: which optimizer, betas and weight decay; `set_rate` sets the learning rate at each step.
        device: where the parameters are.

    Returns:
        The optimizer.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [it for it in parameters if it.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [it for it in parameters if it.ndim < 2], "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate)
    # The fused step reads and writes each parameter once. With fp16 the gradient scaler would have to be part of it.
    fused = device.type in ("cpu", "cuda") and config.mixed_precision != "fp16"
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=fused or None)


def use_sparse_gradients(model: nn.Module, config: TrainConfig, device: torch.device) -> None:
    """Let the gradients of embeddings hold the rows of a batch alone, where the optimizer can take them.

    A large vocabulary's table is then neither cleared nor read at each step. Plain SGD on a CPU takes such gradients.
    """
    if (
        config.optimizer == "sgd"
        and not config.weight_decay
        and device.type == "cpu"
        and config.mixed_precision == "no"
    ):
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                module.sparse = True


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Return the norm of the gradient of all parameters; some may be sparse."""
    gradients = [it.grad for it in parameters if it.grad is not None]
    return nn.utils.get_total_norm([it.coalesce().values() if it.is_sparse else it for it in gradients])


def set_rate(optimizer: torch.optim.Optimizer, config: TrainConfig, rate: float, norm: float) -> None:
    """Set the learning rate of the next step.

    SGD's step is linear in the gradient, so a smaller rate does what clipping the gradient would, without a pass over
    it: ``p - lr (s g + w p) = p - lr s (g + w / s p)``.

    Args:
        optimizer: from `build_optimizer`.
        config: its settings.
        rate: the learning rate.
        norm: the norm of a gradient that is still to be clipped; 0 if it is clipped.
    """
    scale = 1.0 if config.clip is None else min(1.0, config.clip / (norm + 1e-6))  # as torch.nn.utils.clip_grad_norm_
    optimizer.param_groups[0]["weight_decay"] = config.weight_decay / scale
    for group in optimizer.param_groups:
        group["lr"] = rate * scale


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state by ``parameter.moment``; empty before the first step, and for SGD."""
    return {
        f"{name}.{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
        if value is not None
    }


def moment_layout(parameters: Layout, config: TrainConfig) -> Layout:
    """Return the layout of `optimizer_tensors` after a step."""
    found: Layout = {}
    for name, entry in parameters.items() if MOMENTS[config.optimizer] else ():
        found |= {f"{name}.{moment}": entry for moment in MOMENTS[config.optimizer]}
        found[f"{name}.step"] = (torch.float32, ())
    return found


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore what `optimizer_tensors` returned."""
    if not tensors:
        return
    fused = bool(optimizer.defaults["fused"])
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        state = {key: tensors[f"{name}.{key}"].to(parameter.device, copy=True) for key in MOMENTS["adamw"]}
        state["step"] = tensors[f"{name}.step"].to(parameter.device if fused else "cpu", copy=True)
        optimizer.state[parameter] = state
