"""Control for claims about trained models: an untrained model of the same architecture."""

import torch

from tidegate.text.model import LanguageModel


def untrained(model: LanguageModel, seed: int = 0) -> LanguageModel:
    """Return a model of the same architecture with fresh weights, in eval mode; torch's global RNG is not changed.

    Args:
        model: the model; cell, sizes, initialisation, dtype, device and backend are the same, without interventions.
        seed: seed of the weights.
    """
    like = model.output.weight
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the accelerators' generators too
        twin = LanguageModel(model.config, backend=model.recurrent.backend)  # pyright: ignore[reportArgumentType]
    return twin.to(device=like.device, dtype=like.dtype).eval()
