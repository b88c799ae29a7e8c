"""Control for claims about trained models: an untrained model of the same architecture."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from tidegate.text.model import LanguageModel

M = TypeVar("M", bound=nn.Module)


def untrained(model: LanguageModel, seed: int = 0) -> LanguageModel:
    """Return a model of the same architecture with fresh weights, in eval mode; torch's global RNG is not changed.

    Args:
        model: the model; cell, sizes, initialisation, dtype, device and backend are the same, without interventions.
        seed: seed of the weights.
    """
    backend = model.recurrent.backend
    return fresh(lambda: LanguageModel(model.config, backend=backend), model.output.weight, seed)  # pyright: ignore[reportArgumentType]


def fresh(make: Callable[[], M], like: Tensor, seed: int) -> M:
    """Return a new model in eval mode, in the dtype and on the device of a tensor; torch's global RNG is not changed.

    Args:
        make: makes the model.
        like: a weight of the trained one.
        seed: seed of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the accelerators' generators too
        twin = make()
    return twin.to(device=like.device, dtype=like.dtype).eval()
