"""A trained language model writes, and is watched while it does."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.errors import ArgumentError
from tidegate.nn.evaluating import evaluating
from tidegate.text import Tokenizer
from tidegate.text.generation import prompt_ids, random_streams
from tidegate.text.model import LanguageModel
from tidegate.text.sampling import Sampling, draw


class Written(NamedTuple):
    """One unit that a model wrote.

    Attributes:
        text: what it adds to the text: whole characters, so often one, sometimes none.
        unit: its number.
        log_p: log p(unit | all before it) as the model has it, before temperature and filters, in nats.
        guesses: the likeliest units in its place, each with its probability, likeliest first.
        values: for each (layer, direction 0), the gates and states that were watched (H,), after it was read.
    """

    text: str
    unit: int
    log_p: float
    guesses: tuple[tuple[int, float], ...]
    values: dict[tuple[int, int], dict[str, Tensor]]


def write(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str = "",
    *,
    length: int | None,
    sampling: Sampling = Sampling(),  # noqa: B008  frozen
    seed: int | None = None,
    names: str | Sequence[str] = "all",
    guesses: int = 5,
) -> Generator[Written, None, None]:
    """Write on from a prompt, one unit at a time, and say what went on inside.

    The same seed gives the text that `tidegate.text.generation.generate` gives, as far as rounding allows.

    Args:
        model: the model, an edited one too; in eval mode while it writes, and as it was once it has ended or is closed.
        tokenizer: its vocabulary.
        prompt: the text to go on from; nothing: as if after a newline.
        length: how many units; None goes on for ever.
        sampling: temperature and filters.
        seed: of the draws; None takes a fresh one.
        names: the gates and states to keep of every step; () keeps none, and is quicker.
        guesses: how many of the likeliest units to name.

    Raises:
        ArgumentError: the length is negative, or the cell records no such name.
        UnknownTokenError: the prompt has characters the vocabulary has not, and the policy is to refuse them.
    """
    if length is not None and length < 0:
        raise ArgumentError(f"length is {length}; give 0 or more units, or None for text without end")
    return _write(
        model, tokenizer, prompt_ids(tokenizer, prompt), length, sampling, random_streams(seed, 1), names, guesses
    )


def _write(
    model: LanguageModel,
    tokenizer: Tokenizer,
    first: NDArray[np.int64],
    length: int | None,
    sampling: Sampling,
    generators: list[torch.Generator],
    names: str | Sequence[str],
    guesses: int,
) -> Generator[Written, None, None]:
    decoder, device = tokenizer.decoder(), model.output.weight.device
    with evaluating(model):  # whoever stops reading early closes the generator, which ends this too
        with torch.inference_mode():
            logits, state = model(torch.from_numpy(first).to(device)[None])
        count = 0
        while length is None or count < length:
            # inference_mode wraps the steps, not the generator: around a `yield` it would leak into whoever reads this.
            with torch.inference_mode():
                expected = logits[0, -1].float().log_softmax(-1)
                unit = int(draw(logits[:, -1], sampling, generators)[0])
                best = expected.topk(min(guesses, len(expected)))
                logits, state, values = model.trace(torch.tensor([[unit]], device=device), state, names=names)
            likely = tuple(zip(best.indices.tolist(), best.values.exp().tolist(), strict=True))
            kept = {at: {name: value[0, 0] for name, value in made.items()} for at, made in values.items()}
            count += 1
            piece = decoder.push(unit) + (decoder.flush() if count == length else "")
            yield Written(piece, unit, float(expected[unit]), likely, kept)
