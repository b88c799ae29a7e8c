"""A text as a language model reads it: predictions, surprise, and all gates and states."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.drawing import caption_html, scale_of, tinted_html
from tidegate.drawing.brief import brief_repr
from tidegate.drawing.text import label
from tidegate.errors import ArgumentError
from tidegate.lens.progress import pass_on, report_progress
from tidegate.lens.record.trace import CHUNK, Trace, TraceWriter
from tidegate.nn.evaluating import evaluating
from tidegate.text import Tokenizer
from tidegate.text.generation import start_ids
from tidegate.text.model import LanguageModel, State

GUESSES = 5
SHOWN = 2000  # tokens in a notebook view


@dataclass(frozen=True)
class Reading:
    """A text as a model read it, token by token.

    Attributes:
        ids: (N,) the tokens of the text.
        pieces: the text of each of the N tokens; joined they are the text as it was read.
        log_p: (N,) float32, log p(token n | all before it), in nats.
        guesses: (N, min(5, V)) int64, the likeliest tokens at n given all before it, the likeliest first.
        guessed: (N, min(5, V)) float32, their probabilities.
        trace: gates and states after each token was read.
        unknown: characters that are not in the vocabulary and were replaced or dropped, with their counts.
        shown: the texts of the tokens among the guesses.
    """

    ids: NDArray[np.int64]
    pieces: Sequence[str]
    log_p: NDArray[np.float32]
    guesses: NDArray[np.int64]
    guessed: NDArray[np.float32]
    trace: Trace
    unknown: Counter[str]
    shown: Mapping[int, str] = field(default_factory=dict)

    __repr__ = brief_repr

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def text(self) -> str:
        """The text as it was read."""
        return "".join(self.pieces)

    @property
    def loss(self) -> float:
        """Mean loss, -mean log p, in nats per token."""
        return float(-self.log_p.mean(dtype=np.float64))

    def _repr_html_(self) -> str:
        """Notebook view: the text tinted by surprise, the guesses as tooltips."""
        surprise = -self.log_p[:SHOWN].astype(np.float64)
        titles = [self._tooltip(n, value) for n, value in enumerate(surprise.tolist())]
        scale = scale_of(np.percentile(surprise, [95]), "sequential", "nats")  # a few outliers must not pale all others
        text = tinted_html(self.pieces[:SHOWN], surprise, titles, scale=scale)
        more = f"; the first {SHOWN} are shown, {len(self) - SHOWN} more are not" if len(self) > SHOWN else ""
        return f"<div>{caption_html(f'{len(self)} tokens, loss {self.loss:.3f} nats per token{more}')}{text}</div>"

    def _tooltip(self, n: int, surprise: float) -> str:
        guesses = zip(self.guesses[n].tolist(), self.guessed[n].tolist(), strict=True)
        likely = "\n".join(f"{p:6.1%}  {label(self.shown.get(token, f'token {token}'))}" for token, p in guesses)
        return f"{surprise:.2f} nats, p {np.exp(-surprise):.1%}; expected:\n{likely}"


def read(
    model: LanguageModel,
    tokenizer: Tokenizer,
    text: str,
    *,
    names: str | Sequence[str] = "all",
    folder: str | Path | None = None,
    dtype: Any = np.float32,
) -> Reading:
    """Let a language model read a text and record its predictions, gates and states.

    The model begins as if after a newline, as when it writes without a prompt, with a state of zeros.

    Args:
        model: the model; read in eval mode.
        tokenizer: its tokenizer.
        text: at least one token.
        names: which of ``model.cell.recorded`` to record; () for none.
        folder: store them there, memory-mapped, instead of in memory.
        dtype: dtype of what is recorded; float16 takes half the space, and is coarse near 1 (`tidegate.lens.trace`).

    Raises:
        ArgumentError: the text is empty, or the cell records no such name.
        UnknownTokenError: a character is not in the vocabulary, and the policy is to raise.
    """
    unknown: Counter[str] = Counter()
    ids = tokenizer.encode(text, unknown)
    if not len(ids):
        raise ArgumentError("There is nothing to read: give at least one character that is in the vocabulary.")
    pieces = pieces_of(tokenizer, ids)
    count = min(GUESSES, tokenizer.vocabulary_size)
    log_p = np.empty(len(ids), np.float32)
    guesses, guessed = np.empty((len(ids), count), np.int64), np.empty((len(ids), count), np.float32)
    with TraceWriter(model.recurrent, len(ids), names, folder=folder, dtype=dtype) as writer:
        for start, expected, values in passes(model, tokenizer, ids, writer.names):
            stop = start + len(expected)
            truth = torch.from_numpy(ids[start:stop])[:, None]
            log_p[start:stop] = expected.gather(1, truth)[:, 0].numpy()
            best = expected.topk(count, dim=-1)
            guesses[start:stop], guessed[start:stop] = best.indices.numpy(), best.values.exp().numpy()
            writer.add(values)
            report_progress("Reading the text", stop / len(ids))
        trace = writer.finish(pieces)
    shown = {token: tokenizer.token_text(token) for token in np.unique(guesses).tolist()}
    return Reading(ids, pieces, log_p, guesses, guessed, trace, unknown, shown)


def passes(
    model: LanguageModel, tokenizer: Tokenizer, ids: NDArray[np.int64], names: Sequence[str]
) -> Iterator[tuple[int, Tensor, dict[tuple[int, int], dict[str, Tensor]]]]:
    """Read tokens chunk by chunk.

    Yields:
        The chunk's first step; log p of every token of the vocabulary (steps, V) *before* each step, on the CPU; and
        for each layer and direction the values of ``names`` (steps, 1, H) after each.
    """
    device = model.output.weight.device
    with evaluating(model):
        state, before = _after_start(model, tokenizer, device)
        for start in range(0, len(ids), CHUNK):
            pass_on()  # it may be stopped here
            chunk = torch.from_numpy(ids[start : start + CHUNK]).to(device)[None]
            with torch.inference_mode():
                logits, state, values = model.trace(chunk, state, names=names)
                expected = torch.cat([before, logits[0, :-1]]).float().log_softmax(-1).cpu()
                before = logits[0, -1:]
            yield start, expected, values


@torch.inference_mode()
def _after_start(model: LanguageModel, tokenizer: Tokenizer, device: torch.device) -> tuple[State, Tensor]:
    """Return the state and the logits (1, V) before the first token of a text."""
    logits, state = model(torch.from_numpy(start_ids(tokenizer)).to(device)[None])
    return state, logits[0, -1:]


def token_ids(tokenizer: Tokenizer, text: str | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the tokens (N,) of a text, or those given.

    Raises:
        UnknownTokenError: a character is not in the vocabulary, and the policy is to raise.
    """
    return tokenizer.encode(text) if isinstance(text, str) else np.asarray(text, np.int64)


def pieces_of(tokenizer: Tokenizer, ids: NDArray[np.int64]) -> tuple[str, ...]:
    """Return the text of each token; a character of several tokens belongs to the last of them."""
    if tokenizer.kind == "characters":
        return tuple(tokenizer.decode(ids))
    decoder = tokenizer.decoder()
    pieces = [decoder.push(int(token)) for token in ids]
    if pieces:
        pieces[-1] += decoder.flush()
    return tuple(pieces)
