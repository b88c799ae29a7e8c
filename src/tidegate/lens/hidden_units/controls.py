"""The control of every claim about a trained model: the same make, not trained."""

from __future__ import annotations

import torch

from tidegate.text.model import LanguageModel


def untrained(model: LanguageModel, seed: int = 0) -> LanguageModel:
    """A model of the same make with fresh weights, in eval mode; torch's global random numbers are left alone.

    Args:
        model: the model; its cell, sizes, initial values, dtype, device and backend are taken, its edits are not.
        seed: of the weights.
    """
    like = model.output.weight
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the accelerators' generators too
        twin = LanguageModel(model.config, backend=model.recurrent.backend)  # pyright: ignore[reportArgumentType]
    return twin.to(device=like.device, dtype=like.dtype).eval()
