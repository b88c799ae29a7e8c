"""A trained language model reads a text: what it expected, what it was surprised by, and all its gates."""

from __future__ import annotations

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
from tidegate.drawing.text import label
from tidegate.errors import ArgumentError
from tidegate.lens.record.trace import CHUNK, Trace, TraceWriter
from tidegate.nn.evaluating import evaluating
from tidegate.text import Tokenizer
from tidegate.text.generation import start_ids
from tidegate.text.model import LanguageModel, State

GUESSES = 5
SHOWN = 2000  # units in a notebook's view


@dataclass(frozen=True)
class Reading:
    """A text as a model read it, unit by unit.

    Attributes:
        ids: (N,) the units of the text.
        pieces: the N stretches of text that they stand for; joined they are the text as it was read.
        log_p: (N,) float32, log p(unit n | all before it), in nats.
        guesses: (N, min(5, V)) int64, the most likely units at n, given all before it; the likeliest first.
        guessed: (N, min(5, V)) float32, their probabilities.
        trace: gates and states after each unit was read.
        unknown: characters that are not in the vocabulary and were replaced or dropped, each with its number.
        shown: the units among the guesses as a person sees them.
    """

    ids: NDArray[np.int64]
    pieces: Sequence[str]
    log_p: NDArray[np.float32]
    guesses: NDArray[np.int64]
    guessed: NDArray[np.float32]
    trace: Trace
    unknown: Counter[str]
    shown: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def text(self) -> str:
        """The text as it was read."""
        return "".join(self.pieces)

    @property
    def nats(self) -> float:
        """Mean surprise, nats per unit: -mean log p."""
        return float(-self.log_p.mean(dtype=np.float64))

    def _repr_html_(self) -> str:
        """A notebook's view: the text tinted by surprise, the guesses where the pointer is."""
        surprise = -self.log_p[:SHOWN].astype(np.float64)
        titles = [self._said(n, value) for n, value in enumerate(surprise.tolist())]
        scale = scale_of(np.percentile(surprise, [95]), "sequential", "nats")  # one unit must not pale all others
        text = tinted_html(self.pieces[:SHOWN], surprise, titles, scale=scale)
        more = f"; the first {SHOWN} are shown, {len(self) - SHOWN} more are not" if len(self) > SHOWN else ""
        return f"<div>{caption_html(f'{len(self)} units, {self.nats:.3f} nats each on average{more}')}{text}</div>"

    def _said(self, n: int, surprise: float) -> str:
        guesses = zip(self.guesses[n].tolist(), self.guessed[n].tolist(), strict=True)
        likely = "\n".join(f"{p:6.1%}  {label(self.shown.get(unit, f'unit {unit}'))}" for unit, p in guesses)
        return f"{surprise:.2f} nats, p {np.exp(-surprise):.1%}; expected:\n{likely}"


def read(
    model: LanguageModel,
    tokenizer: Tokenizer,
    text: str,
    *,
    names: str | Sequence[str] = "all",
    folder: Path | None = None,
    dtype: Any = np.float32,
) -> Reading:
    """Let a language model read a text and keep everything.

    The model begins as if after a newline, as when it writes without a prompt, with a state of zeros.

    Args:
        model: the model; read in eval mode.
        tokenizer: its vocabulary.
        text: at least one unit.
        names: which of ``model.cell.recorded`` to keep; () keeps no gate.
        folder: keep them there, memory-mapped, instead of in memory.
        dtype: of what is kept; float16 takes half the room, and is coarse near 1 (`tidegate.lens.trace`).

    Raises:
        ArgumentError: the text is empty, or the cell records no such name.
        UnknownTokenError: the text has characters the vocabulary has not, and the policy is to refuse them.
    """
    unknown: Counter[str] = Counter()
    ids = tokenizer.encode(text, unknown)
    if not len(ids):
        raise ArgumentError("there is nothing to read: give at least one character that the model knows")
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
        kept = writer.finish(pieces)
    shown = {unit: tokenizer.token_text(unit) for unit in np.unique(guesses).tolist()}
    return Reading(ids, pieces, log_p, guesses, guessed, kept, unknown, shown)


def passes(
    model: LanguageModel, tokenizer: Tokenizer, ids: NDArray[np.int64], names: Sequence[str]
) -> Iterator[tuple[int, Tensor, dict[tuple[int, int], dict[str, Tensor]]]]:
    """Read units chunk by chunk: where a chunk begins, what was expected, and what was recorded.

    Yields:
        The chunk's first step; log p of every unit (steps, V) *before* each step, on the CPU; and for each layer and
        direction the values of ``names`` (steps, 1, H) after each.
    """
    device = model.output.weight.device
    with evaluating(model):
        state, before = _after_start(model, tokenizer, device)
        for start in range(0, len(ids), CHUNK):
            chunk = torch.from_numpy(ids[start : start + CHUNK]).to(device)[None]
            with torch.inference_mode():
                logits, state, values = model.trace(chunk, state, names=names)
                expected = torch.cat([before, logits[0, :-1]]).float().log_softmax(-1).cpu()
                before = logits[0, -1:]
            yield start, expected, values


@torch.inference_mode()
def _after_start(model: LanguageModel, tokenizer: Tokenizer, device: torch.device) -> tuple[State, Tensor]:
    """The state and the logits (1, V) before the first unit of a text."""
    logits, state = model(torch.from_numpy(start_ids(tokenizer)).to(device)[None])
    return state, logits[0, -1:]


def units_of(tokenizer: Tokenizer, text: str | NDArray[np.int64]) -> NDArray[np.int64]:
    """The units (N,) of a text, or those that are given.

    Raises:
        UnknownTokenError: the text has characters the vocabulary has not, and the policy is to refuse them.
    """
    return tokenizer.encode(text) if isinstance(text, str) else np.asarray(text, np.int64)


def pieces_of(tokenizer: Tokenizer, ids: NDArray[np.int64]) -> tuple[str, ...]:
    """The stretch of text of each unit; a character of several units stands at the last of them."""
    if tokenizer.kind == "characters":
        return tuple(tokenizer.decode(ids))
    decoder = tokenizer.decoder()
    pieces = [decoder.push(int(unit)) for unit in ids]
    if pieces:
        pieces[-1] += decoder.flush()
    return tuple(pieces)
