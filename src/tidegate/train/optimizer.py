"""AdamW, and its state as named tensors."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tidegate.train.config import TrainConfig

MOMENTS = ("exp_avg", "exp_avg_sq")


def build_optimizer(model: nn.Module, config: TrainConfig, device: torch.device) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) without weight decay of biases and vectors.

    Args:
        model: the model to optimise.
        config: betas and weight decay; the learning rate is set at each step.
        device: where the parameters are.

    Returns:
        The optimizer.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [it for it in parameters if it.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [it for it in parameters if it.ndim < 2], "weight_decay": 0.0},
    ]
    # The fused step reads and writes each parameter once. With fp16 the gradient scaler would have to be part of it.
    fused = device.type in ("cpu", "cuda") and config.mixed_precision != "fp16"
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=fused or None)


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state by ``parameter.moment``; empty before the first step."""
    return {
        f"{name}.{key}": optimizer.state[parameter][key]
        for name, parameter in model.named_parameters()
        if optimizer.state.get(parameter)
        for key in ("step", *MOMENTS)
    }


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore what `optimizer_tensors` returned."""
    if not tensors:
        return
    fused = bool(optimizer.defaults["fused"])
    for name, parameter in model.named_parameters():
        state = {key: tensors[f"{name}.{key}"].to(parameter.device, copy=True) for key in MOMENTS}
        state["step"] = tensors[f"{name}.step"].to(parameter.device if fused else "cpu", copy=True)
        optimizer.state[parameter] = state
