"""Writing: a trained language model goes on from a prompt, one unit at a time.

Only the recurrent state is carried from unit to unit, so memory is constant however long the text.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.errors import ArgumentError, UnknownUnitError
from tidegate.nn.evaluating import evaluating
from tidegate.text.corpus.memorization import longest_copy
from tidegate.text.sampling import Sampling, draw
from tidegate.text.tokenizers.characters import CharacterTokenizer, name_characters
from tidegate.text.tokenizers.tokenizer import Tokenizer

__all__ = ["Copy", "Piece", "before_text", "copied", "first_units", "generate", "random_streams"]

PROMPT_CHUNK = 256  # units of the prompt read at once: bounds the (B, T, V) logits of a long prompt


class Piece(NamedTuple):
    """A stretch of new text, and which of the texts written side by side it belongs to."""

    number: int  # from 0
    text: str


class Copy(NamedTuple):
    """The longest stretch of a text that stands verbatim in the training text."""

    tokens: int
    text: str
    position: int  # where it begins in the training text, in units


def generate(
    model: nn.Module,
    tokenizer: Tokenizer,
    prompt: str = "",
    *,
    length: int | None,
    stop: str | Sequence[str] | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    seed: int | None = None,
    count: int = 1,
) -> Generator[Piece, None, None]:
    """Write on from a prompt; pieces of text are handed out as they come.

    The prompt itself is not handed out. Its unknown characters follow the policy of ``units``: refused, replaced or
    dropped, the last two with a ``UserWarning`` saying so. An empty prompt starts as if after a newline where the
    vocabulary has one, else after its first unit.

    Text i is drawn with its own stream of random numbers, made from ``seed`` and i. It is therefore the same text
    whether one or many are asked for, as far as the rounding of larger matrix products allows.

    Args:
        model: ``model(ids (B, T) int64, state) -> (logits (B, T, V), state)``; in eval mode while it writes.
        tokenizer: The model's vocabulary.
        prompt: The text to go on from.
        length: How many units (characters, bytes or tokens) to write; None goes on for ever.
        stop: One or more strings that end a text when they appear in it. The string itself and what follows it are
            not handed out. Of several, the one complete first counts; they are found across the borders of pieces.
        temperature: As in :class:`~tidegate.text.sampling.Sampling`, as are ``top_k``, ``top_p`` and ``min_p``.
        top_k: Keep the k most likely units.
        top_p: Keep the smallest set of most likely units whose probability reaches p.
        min_p: Keep the units at least p times as likely as the most likely one.
        seed: The same seed gives the same text; None draws a fresh one.
        count: How many texts to write side by side, in one batch.

    Returns:
        A generator of pieces ``(number of the text, text)``, none of them empty; closing it puts the model back in the
        mode it was in.

    Raises:
        ArgumentError: A value is outside its range.
        UnknownUnitError: The prompt has characters the vocabulary has not, and the policy is to refuse them.
    """
    sampling = Sampling(temperature, top_k, top_p, min_p)
    if length is not None and length < 0:
        raise ArgumentError(f"length is {length}; give 0 or more units, or None for text without end")
    if count < 1:
        raise ArgumentError(f"count is {count}; give 1 or more texts")
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if "" in stops:
        raise ArgumentError("a stop string is empty, which would stop before the first character; leave it out")
    first = first_units(tokenizer, prompt)
    return _write(model, tokenizer, first, length, stops, sampling, random_streams(seed, count))


def copied(tokenizer: Tokenizer, text: str, training: NDArray[np.unsignedinteger]) -> Copy:
    """The longest stretch of a written text that stands verbatim in the training text.

    Args:
        tokenizer: The tokenizer of the model: the text is encoded again, as the training text was.
        text: What the model wrote, without the prompt.
        training: The training part of the corpus, as unit numbers.

    Returns:
        Length in units, the stretch, and its position in the training text; length 0 where nothing matches.
    """
    ids = tokenizer.encode(text)
    n, start, position = longest_copy(ids, training)
    return Copy(n, tokenizer.decode(ids[start : start + n]), position)


def first_units(tokenizer: Tokenizer, prompt: str) -> NDArray[np.int64]:
    """The units to read before the first one is written; never empty.

    Raises:
        UnknownUnitError: the prompt has characters the vocabulary has not, and the policy is to refuse them.
    """
    unknown: Counter[str] = Counter()
    ids = tokenizer.encode(prompt, unknown)
    if unknown:
        dropped = isinstance(tokenizer, CharacterTokenizer) and tokenizer.unknown == "drop"
        done = "dropped" if dropped else "replaced by U+FFFD"
        warnings.warn(
            f"{unknown.total():,} characters of the prompt are not in the model's vocabulary and were {done}: "
            f"{name_characters(unknown)}",
            stacklevel=3,
        )
    return ids if len(ids) else before_text(tokenizer)


def before_text(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """What is read before a text that begins from nothing: a newline, or the first unit where there is none."""
    unknown: Counter[str] = Counter()
    try:
        ids = tokenizer.encode("\n", unknown)
    except UnknownUnitError:
        ids = np.empty(0, np.int64)
    return ids if len(ids) and not unknown else np.zeros(1, np.int64)


def random_streams(seed: int | None, count: int) -> list[torch.Generator]:
    """A stream of random numbers for each text that is written side by side; fresh ones if there is no seed.

    Raises:
        ArgumentError: the seed is negative.
    """
    if seed is not None and seed < 0:
        raise ArgumentError(f"seed is {seed}; give 0 or a positive whole number, or None for a fresh one")
    # Children of one SeedSequence are independent streams, unlike seed, seed + 1, ..., which collide between runs.
    children = np.random.SeedSequence(seed).spawn(count)
    return [torch.Generator().manual_seed(int(child.generate_state(1, np.uint64)[0] >> 1)) for child in children]


def _write(
    model: nn.Module,
    tokenizer: Tokenizer,
    first: NDArray[np.int64],
    length: int | None,
    stops: tuple[str, ...],
    sampling: Sampling,
    generators: list[torch.Generator],
) -> Generator[Piece, None, None]:
    texts = [_Text(tokenizer, stops) for _ in generators]
    with evaluating(model):
        written = 0
        logits, state = _read(model, first, len(generators))
        read_on = _reader(model, state)
        while (length is None or written < length) and not all(text.done for text in texts):
            ids = draw(logits, sampling, generators)
            written += 1
            for index, (text, unit) in enumerate(zip(texts, ids.tolist(), strict=True)):
                if piece := text.push(unit):
                    yield Piece(index, piece)
            if written != length:
                logits = read_on(ids)
        for index, text in enumerate(texts):
            if piece := text.flush():
                yield Piece(index, piece)


def _read(model: nn.Module, ids: NDArray[np.int64], count: int) -> tuple[Tensor, Any]:
    """Read the prompt; the logits (B, V) after its last unit, and the state."""
    state: Any = None
    logits = torch.empty(0)
    for start in range(0, len(ids), PROMPT_CHUNK):
        chunk = torch.from_numpy(ids[start : start + PROMPT_CHUNK].astype(np.int64))
        logits, state = _step(model, chunk.expand(count, -1), state)
    return logits, state


def _reader(model: nn.Module, state: Any) -> Callable[[Tensor], Tensor]:
    """What reads one more unit of each text: ids (B,) to logits (B, V). The model's own, if it has one, is faster."""
    if hasattr(model, "reader"):
        device, read = next(model.parameters()).device, model.reader(state)  # pyright: ignore[reportCallIssue]
        return torch.inference_mode()(lambda ids: read(ids.to(device)))
    kept = state

    def step(ids: Tensor) -> Tensor:
        nonlocal kept
        logits, kept = _step(model, ids[:, None], kept)
        return logits

    return step


# inference_mode wraps one step, not the generator: around a `yield` it would leak into whoever reads the pieces.
@torch.inference_mode()
def _step(model: nn.Module, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
    device = next(model.parameters()).device
    logits, state = model(ids.to(device), state)
    return logits[:, -1], state


class _Text:
    """One text being written: decodes units, and ends at a stop string."""

    def __init__(self, tokenizer: Tokenizer, stops: tuple[str, ...]) -> None:
        self.decoder = tokenizer.decoder()
        self.stops = stops
        self.held = ""  # the end of the text so far, as far as it may be the beginning of a stop string
        self.done = False

    def push(self, unit: int) -> str:
        """Take one more unit; the text that can be handed out now."""
        return "" if self.done else self._release(self.decoder.push(unit))

    def flush(self) -> str:
        """The text is over; what was still held back."""
        if self.done:
            return ""
        piece = self._release(self.decoder.flush())
        rest, self.held = ("" if self.done else self.held), ""
        self.done = True
        return piece + rest

    def _release(self, piece: str) -> str:
        text = self.held + piece
        found = [(at + len(stop), at) for stop in self.stops if (at := text.find(stop)) >= 0]
        if found:  # the one complete first; of those, the longest
            self.done, self.held = True, ""
            return text[: min(found)[1]]
        keep = max((_overlap(text, stop) for stop in self.stops), default=0)
        self.held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of the text are the beginning of the stop string, short of all of it."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
