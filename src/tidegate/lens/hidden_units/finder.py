"""The finder: every gate and state of every hidden unit against every detector, with controls.

Thousands of units are tried, and the best of thousands looks good by chance. So a unit is chosen on the first half of a
text and its score is measured on the second half, and the same search is repeated in untrained models of the same
architecture and for labels shifted along the text (`tidegate.lens.hidden_units.unit_search`).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.controls import untrained
from tidegate.lens.hidden_units.detectors import Detector, per_token
from tidegate.lens.hidden_units.findings import Findings
from tidegate.lens.hidden_units.unit_search import LEAST, SHIFTS, TWINS, Labels, check_controls, search_units
from tidegate.lens.hidden_units.word_detectors import detectors_of
from tidegate.lens.record.reading import passes, pieces_of, token_ids
from tidegate.lens.record.trace import Trace, TraceWriter
from tidegate.text import Tokenizer
from tidegate.text.model import LanguageModel


def find_cells(
    model: LanguageModel,
    tokenizer: Tokenizer,
    text: str | NDArray[np.int64],
    *,
    detectors: Mapping[str, Detector] | Sequence[Detector] | None = None,
    names: str | Sequence[str] = "all",
    seed: int = 0,
    shifts: int = SHIFTS,
    twins: int = TWINS,
    folder: str | Path | None = None,
) -> Findings:
    """Find the hidden units that track properties of a text.

    Args:
        model: the model.
        tokenizer: its tokenizer.
        text: text that it was not trained on, or its tokens (N,); long enough that the properties occur in both halves.
        detectors: the properties to search for. Default: all built-in detectors, of characters or of words.
        names: which gates and states, of ``model.cell.recorded``.
        seed: seed of the first untrained model (the next ones have the next seeds), and of the distances of shifts.
        shifts: number of distances by which labels are shifted, at least 1.
        twins: number of untrained models of the same architecture that are searched too, at least 1; each takes as long
            as the trained one.
        folder: store the values there, memory-mapped, in ``trained/`` and ``untrained/``. Default: in memory, which
            takes N x H x names x 4 bytes per layer.

    Meanwhile it says how far it is (`tidegate.lens.progress`). As soon as the trained model is searched, what is found
    so far is given as `Findings`, and again after each untrained model but the last.

    Raises:
        ArgumentError: the text is too short, a detector is invalid, or the cell records no such name.
        UnknownTokenError: as `read`.
    """
    chosen = detectors_of(tokenizer) if detectors is None else detectors
    searched_for = list(chosen.values() if isinstance(chosen, Mapping) else chosen)
    known = [it.name for it in searched_for]
    if not known or len(set(known)) != len(known):
        raise ArgumentError(f"Detectors need different names, at least one: given {', '.join(known) or 'none'}.")
    check_controls(shifts, twins)
    ids = token_ids(tokenizer, text)
    if len(ids) < 4 * LEAST:
        raise ArgumentError(f"The text is {len(ids)} {tokenizer.name}s long: give at least {4 * LEAST}, better 20,000.")
    pieces = pieces_of(tokenizer, ids)
    labels = [Labels(it.name, it.kind, per_token(it, pieces), len(ids) // 2, shifts, seed) for it in searched_for]

    def traces() -> Iterator[Trace]:
        yield _values(model, tokenizer, ids, names, None if folder is None else Path(folder, "trained"))
        for k in range(twins):
            twin = untrained(model, seed + k)
            yield _values(twin, tokenizer, ids, names, None if folder is None else Path(folder, "untrained"))

    return search_units(labels, traces(), networks=1 + twins)


def _values(
    model: LanguageModel, tokenizer: Tokenizer, ids: NDArray[np.int64], names: str | Sequence[str], folder: Path | None
) -> Trace:
    with TraceWriter(model.recurrent, len(ids), names, folder=folder, dtype=np.float32) as writer:
        if not writer.names:
            raise ArgumentError(f"names is empty: give some of {', '.join(model.cell.recorded)}.")
        for _, _, values in passes(model, tokenizer, ids, writer.names):
            writer.add(values)
        return writer.finish()
