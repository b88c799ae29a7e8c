"""A language model writes a text while its gates and states are recorded."""

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
    """One token that a model wrote.

    Attributes:
        text: what it adds to the text: whole characters; none while a character is incomplete.
        token: its number.
        log_p: the model's log p(token | all before it), before temperature and filters, in nats.
        guesses: the likeliest tokens in its place with their probabilities, the likeliest first.
        values: for each (layer, direction 0), the recorded gates and states (H,) after it was read.
    """

    text: str
    token: int
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
    """Continue a prompt, one token at a time, and record gates and states.

    The same seed gives the text that `tidegate.text.generation.generate` gives, as far as rounding allows.

    Args:
        model: the model, with interventions or without; in eval mode while it writes, and as before when the generator
            ends or is closed.
        tokenizer: its tokenizer.
        prompt: the text to continue; empty: as if after a newline.
        length: number of tokens; None for no limit.
        sampling: temperature and filters.
        seed: seed of the draws; None for a fresh one.
        names: the gates and states to record at every step; () for none, which is faster.
        guesses: number of likeliest tokens to return at every step.

    Raises:
        ArgumentError: the length is negative, or the cell records no such name.
        UnknownTokenError: a character of the prompt is not in the vocabulary, and the policy is to raise.
    """
    if length is not None and length < 0:
        raise ArgumentError(f"length is {length}: give 0 or more tokens, or None for no limit.")
    return _write(
        model,
        tokenizer,
        prompt,
        prompt_ids(tokenizer, prompt),
        length,
        sampling,
        random_streams(seed, 1),
        names,
        guesses,
    )


def _write(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str,
    first: NDArray[np.int64],
    length: int | None,
    sampling: Sampling,
    generators: list[torch.Generator],
    names: str | Sequence[str],
    guesses: int,
) -> Generator[Written, None, None]:
    decoder, device = tokenizer.decoder(prompt), model.output.weight.device
    with evaluating(model):  # a consumer that stops early closes the generator, which restores the mode
        with torch.inference_mode():
            logits, state = model(torch.from_numpy(first).to(device)[None])
        count = 0
        while length is None or count < length:
            # inference_mode wraps the steps, not the generator: around a `yield` it would leak into the consumer.
            with torch.inference_mode():
                expected = logits[0, -1].float().log_softmax(-1)
                token = int(draw(logits[:, -1], sampling, generators)[0])
                best = expected.topk(min(guesses, len(expected)))
                logits, state, values = model.trace(torch.tensor([[token]], device=device), state, names=names)
            likely = tuple(zip(best.indices.tolist(), best.values.exp().tolist(), strict=True))
            recorded = {at: {name: value[0, 0] for name, value in made.items()} for at, made in values.items()}
            count += 1
            piece = decoder.push(token) + (decoder.flush() if count == length else "")
            yield Written(piece, token, float(expected[token]), likely, recorded)
