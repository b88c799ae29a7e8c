"""Text generation: a language model continues a prompt, one token at a time.

Only the recurrent state is carried from token to token, so memory does not grow with the length of the text.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.errors import ArgumentError, UnknownTokenError
from tidegate.nn.evaluating import evaluating
from tidegate.text.corpus.memorization import longest_copy
from tidegate.text.sampling import Sampling, draw
from tidegate.text.tokenizers.tokenizer import Tokenizer

__all__ = ["Copy", "Piece", "copied", "generate", "prompt_ids", "random_streams", "start_ids"]

PROMPT_CHUNK = 256  # tokens of the prompt read at once: bounds the (B, T, V) logits of a long prompt


class Piece(NamedTuple):
    """A piece of new text, and the index of the text it belongs to."""

    number: int  # from 0
    text: str


class Copy(NamedTuple):
    """The longest passage of a text that is in the training text verbatim."""

    tokens: int
    text: str
    position: int  # where it begins in the training text, in tokens


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
    weights: Literal["int8"] | None = None,
) -> Generator[Piece, None, None]:
    """Generate text that continues a prompt; yields pieces of text as they come.

    The prompt itself is not yielded. Its unknown characters are treated as the tokenizer does: refused, replaced or
    dropped, the last two with a `UserWarning`. An empty prompt starts as if after a newline if the vocabulary has one,
    else after its first token.

    Text i is drawn with its own stream of random numbers, made from ``seed`` and i. So it is the same text whatever
    ``count`` is, up to the rounding of larger matrix products.

    Args:
        model: ``model(ids (B, T) int64, state) -> (logits (B, T, V), state)``; it is in eval mode during generation.
        tokenizer: The model's tokenizer.
        prompt: The text to continue.
        length: Number of tokens to generate; None: without end.
        stop: One or more strings that end a text. The string itself and what follows it are not yielded. Of several,
            the one complete first counts; they are found across the borders of pieces.
        temperature: See `tidegate.text.sampling.Sampling`; so for ``top_k``, ``top_p`` and ``min_p``.
        top_k: Keep the k most likely tokens.
        top_p: Keep the smallest set of most likely tokens whose probability reaches p.
        min_p: Keep the tokens at least p times as likely as the most likely one.
        seed: The same seed gives the same text. Default: a random one.
        count: Number of texts, generated in one batch.
        weights: Those of the recurrent layers after the prompt, as in `tidegate.nn.Stepper`: "int8" reads a quarter of
            the bytes. Needs a model with ``reader``, such as `tidegate.text.LanguageModel`.

    Returns:
        A generator of pieces ``(index of the text, text)``, none of them empty; closing it restores the model's mode.

    Raises:
        ArgumentError: A value is outside its range.
        UnknownTokenError: The prompt has unknown characters, and the tokenizer refuses them.
    """
    sampling = Sampling(temperature, top_k, top_p, min_p)
    if length is not None and length < 0:
        raise ArgumentError(f"length is {length}, but must be at least 0, or None for text without end.")
    if count < 1:
        raise ArgumentError(f"count is {count}, but must be at least 1.")
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if "" in stops:
        raise ArgumentError("A stop string is empty, which would stop before the first character: leave it out.")
    if weights is not None and not hasattr(model, "reader"):
        raise ArgumentError(
            f"weights={weights!r} needs a model with reader(state, weights=...); {type(model).__name__} has none."
        )
    first = prompt_ids(tokenizer, prompt)
    return _write(model, tokenizer, prompt, first, length, stops, sampling, random_streams(seed, count), weights)


def copied(tokenizer: Tokenizer, text: str, training: NDArray[np.unsignedinteger]) -> Copy:
    """Find the longest passage of a generated text that is in the training text verbatim.

    Args:
        tokenizer: The tokenizer of the model: the text is encoded again, as the training text was.
        text: The generated text, without the prompt.
        training: The training part of the corpus, as token ids.

    Returns:
        Length in tokens, the passage, and its position in the training text; length 0 if there is none.
    """
    ids = tokenizer.encode(text)
    n, start, position = longest_copy(ids, training)
    return Copy(n, tokenizer.decode(ids[start : start + n]), position)


def prompt_ids(tokenizer: Tokenizer, prompt: str) -> NDArray[np.int64]:
    """Return the token ids to read before the first one is generated; never empty.

    Raises:
        UnknownTokenError: the prompt has unknown characters, and the tokenizer refuses them.
    """
    unknown: Counter[str] = Counter()
    ids = tokenizer.encode(prompt, unknown)
    if unknown:
        warnings.warn(f"The prompt has {tokenizer.unknown_note(unknown)}", stacklevel=3)
    return ids if len(ids) else start_ids(tokenizer)


def start_ids(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Return the ids to read if there is no prompt: a newline, or the first token of a vocabulary without one."""
    unknown: Counter[str] = Counter()
    try:
        ids = tokenizer.encode("\n", unknown)
    except UnknownTokenError:
        ids = np.empty(0, np.int64)
    return ids if len(ids) and not unknown else np.zeros(1, np.int64)


def random_streams(seed: int | None, count: int) -> list[torch.Generator]:
    """Return a stream of random numbers for each text; fresh ones if there is no seed.

    Raises:
        ArgumentError: the seed is negative.
    """
    if seed is not None and seed < 0:
        raise ArgumentError(f"seed is {seed}, but must be at least 0, or None for a random one.")
    # Children of one SeedSequence are independent streams, unlike seed, seed + 1, ..., which collide between runs.
    children = np.random.SeedSequence(seed).spawn(count)
    return [torch.Generator().manual_seed(int(child.generate_state(1, np.uint64)[0] >> 1)) for child in children]


def _write(
    model: nn.Module,
    tokenizer: Tokenizer,
    prompt: str,
    first: NDArray[np.int64],
    length: int | None,
    stops: tuple[str, ...],
    sampling: Sampling,
    generators: list[torch.Generator],
    weights: Literal["int8"] | None,
) -> Generator[Piece, None, None]:
    texts = [_Text(tokenizer, prompt, stops) for _ in generators]
    with evaluating(model):
        written = 0
        logits, state = _read(model, first, len(generators))
        read_on = _reader(model, state, weights)
        while (length is None or written < length) and not all(text.done for text in texts):
            ids = draw(logits, sampling, generators)
            written += 1
            for index, (text, token) in enumerate(zip(texts, ids.tolist(), strict=True)):
                if piece := text.push(token):
                    yield Piece(index, piece)
            if written != length:
                logits = read_on(ids)
        for index, text in enumerate(texts):
            if piece := text.flush():
                yield Piece(index, piece)


def _read(model: nn.Module, ids: NDArray[np.int64], count: int) -> tuple[Tensor, Any]:
    """Read the prompt; return the logits (B, V) after its last token, and the state."""
    state: Any = None
    logits = torch.empty(0)
    for start in range(0, len(ids), PROMPT_CHUNK):
        chunk = torch.from_numpy(ids[start : start + PROMPT_CHUNK].astype(np.int64))
        logits, state = _step(model, chunk.expand(count, -1), state)
    return logits, state


def _reader(model: nn.Module, state: Any, weights: Literal["int8"] | None) -> Callable[[Tensor], Tensor]:
    """Return a function that reads one more token of each text: ids (B,) to logits (B, V)."""
    # The model's own, if it has one, is faster.
    if hasattr(model, "reader"):
        own: Any = model
        read = own.reader(state, weights=weights) if weights else own.reader(state)
        device = next(model.parameters()).device
        return torch.inference_mode()(lambda ids: read(ids.to(device)))
    kept = state

    def step(ids: Tensor) -> Tensor:
        nonlocal kept
        logits, kept = _step(model, ids[:, None], kept)
        return logits

    return step


# inference_mode wraps one step, not the generator: around a `yield` it would leak into the caller's code.
@torch.inference_mode()
def _step(model: nn.Module, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
    device = next(model.parameters()).device
    logits, state = model(ids.to(device), state)
    return logits[:, -1], state


class _Text:
    """A text being generated: decodes tokens, and ends at a stop string."""

    def __init__(self, tokenizer: Tokenizer, prompt: str, stops: tuple[str, ...]) -> None:
        self.decoder = tokenizer.decoder(prompt)
        self.stops = stops
        self.held = ""  # the end of the text so far that may be the beginning of a stop string
        self.done = False

    def push(self, token: int) -> str:
        """Add a token; return the text that is final now."""
        return "" if self.done else self._release(self.decoder.push(token))

    def flush(self) -> str:
        """End the text; return what was held back."""
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
    """Count the characters at the end of the text that are a proper beginning of the stop string."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
