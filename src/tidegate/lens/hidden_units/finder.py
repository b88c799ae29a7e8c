"""The cell finder: every gate and state of every hidden unit against every detector, with controls.

Thousands of units are tried, and the best of thousands looks good by chance. So a unit is chosen on the first half of a
text and its score is measured on the second half, and the same search is repeated in untrained models of the same
architecture and for labels shifted along the text.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import table_html
from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.association import areas, correlations
from tidegate.lens.hidden_units.controls import untrained
from tidegate.lens.hidden_units.detectors import Detector, Kind, per_token
from tidegate.lens.hidden_units.word_detectors import detectors_of
from tidegate.lens.record.reading import passes, pieces_of, token_ids
from tidegate.lens.record.trace import Trace, TraceWriter
from tidegate.text import Tokenizer
from tidegate.text.model import LanguageModel

SHIFTS = 8
TWINS = 3
LEAST = 8
"""Minimal number of tokens with a yes, and with a no, in each half: with fewer there is no score."""


@dataclass(frozen=True)
class Finding:
    """The hidden unit that goes best with a detector.

    Scores are areas under the ROC curve for "yes/no" (0.5 is chance, 1 is perfect), and Pearson's correlations for
    "count" (0 is chance, 1 is perfect); both are oriented by ``sign``, so a score below chance means that the choice
    did not hold on the second half.

    Attributes:
        detector: name of the detector.
        kind: "yes/no" or "count".
        layer: layer of the unit.
        name: name of the gate or state.
        unit: the hidden unit, 0..H-1.
        sign: 1 if the value is high where the detector is (inside), -1 if it is low there.
        score: score on the second half of the text, which the choice did not use.
        chosen_score: score on the first half, where it is the best of all.
        untrained: ``score`` of the same search in untrained models; the best of several.
        shuffled: ``score`` of the same search with the detector's values shifted along the text by a random distance;
            the best of several.
        values: number of values (hidden units of all layers, gates and states) tried.
        detectors: number of detectors tried.
        positives: tokens in the second half where the detector is 1; for a count, where it is defined.
        counted: tokens in the second half where the detector is defined.
    """

    detector: str
    kind: Kind
    layer: int
    name: str
    unit: int
    sign: int
    score: float
    chosen_score: float
    untrained: float
    shuffled: float
    values: int
    detectors: int
    positives: int
    counted: int

    @property
    def tried(self) -> int:
        """Values times detectors."""
        return self.values * self.detectors

    def __str__(self) -> str:
        kind = "AUC" if self.kind == "yes/no" else "correlation"
        low = "" if self.sign > 0 else ", low" if self.kind == "yes/no" else ", falling"
        return (
            f"unit {self.layer}/{self.unit} ({self.name}{low}) goes with {self.detector}: {kind} {self.score:.2f} "
            f"(untrained at best {self.untrained:.2f}, shuffled {self.shuffled:.2f}; {self.values:,} values x "
            f"{self.detectors} detectors tried)"
        )

    __repr__ = __str__


@dataclass(frozen=True)
class Findings:
    """The findings of `find_cells`; ``str()`` lists them, best first.

    Attributes:
        found: by detector, in the order given.
        absent: detectors that are (nearly) constant in one half of this text, so that nothing can be measured.
        scores: by detector and (layer, name), the score (H,) of each unit on the second half, not oriented: an area
            below 0.5 or a correlation below 0 means that the unit is low where the detector is high.
    """

    found: Mapping[str, Finding]
    absent: tuple[str, ...]
    scores: Mapping[str, Mapping[tuple[int, str], NDArray[np.float64]]]

    def __getitem__(self, detector: str) -> Finding:
        if detector not in self.found:
            why = "does not occur in this text" if detector in self.absent else "is not among the detectors"
            raise ArgumentError(f"{detector!r} {why}; found: {', '.join(self.found) or 'none'}.")
        return self.found[detector]

    def best(self, detector: str, count: int = 10) -> list[tuple[int, str, int, float]]:
        """Return the units that go best with a detector on the second half: (layer, name, unit, score in ``scores``).

        They are chosen on the half they are measured on, unlike `Finding.score`.
        """
        chance = 0.5 if self[detector].kind == "yes/no" else 0.0
        scores = self.scores[detector]
        every = [(*at, unit, float(score)) for at, own in scores.items() for unit, score in enumerate(own)]
        return sorted(every, key=lambda it: -abs(it[3] - chance))[:count]

    def __str__(self) -> str:
        return "\n".join([*map(str, self.ordered), *(f"{name}: not in this text" for name in self.absent)])

    __repr__ = __str__

    @property
    def ordered(self) -> list[Finding]:
        """The findings, best first; those of counts after those of yes/no."""
        return sorted(self.found.values(), key=lambda it: (it.kind != "yes/no", -it.score))

    def _repr_html_(self) -> str:
        """Notebook view: a row for each detector, best first."""
        rows = [
            [it.detector, f"{it.layer}/{it.unit}", it.name, it.score, it.untrained, it.shuffled, str(it)]
            for it in self.ordered
        ]
        headers = ("detector", "unit", "value", "score", "untrained", "shuffled", "in words")
        absent = f"; not in this text: {', '.join(self.absent)}" if self.absent else ""
        return table_html(rows, headers, caption=f"The unit that goes best with each detector{absent}")


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

    Raises:
        ArgumentError: the text is too short, a detector is invalid, or the cell records no such name.
        UnknownTokenError: as `read`.
    """
    chosen = detectors_of(tokenizer) if detectors is None else detectors
    searched_for = list(chosen.values() if isinstance(chosen, Mapping) else chosen)
    known = [it.name for it in searched_for]
    if not known or len(set(known)) != len(known):
        raise ArgumentError(f"Detectors need different names, at least one: given {', '.join(known) or 'none'}.")
    if shifts < 1:
        raise ArgumentError(f"shifts is {shifts}: give at least 1 distance to shift labels by.")
    if twins < 1:
        raise ArgumentError(f"twins is {twins}: give at least 1 untrained model to compare with.")
    ids = token_ids(tokenizer, text)
    if len(ids) < 4 * LEAST:
        raise ArgumentError(f"The text is {len(ids)} {tokenizer.name}s long: give at least {4 * LEAST}, better 20,000.")
    pieces = pieces_of(tokenizer, ids)
    labels = [_Labels(it, per_token(it, pieces), shifts, seed) for it in searched_for]
    present = [it for it in labels if it.measurable]

    def searched(it: LanguageModel, which: str) -> dict[str, Scores]:
        return _search(_values(it, tokenizer, ids, names, None if folder is None else Path(folder, which)), present)

    trained = searched(model, "trained")
    blank = [searched(untrained(model, seed + k), "untrained") for k in range(twins)]
    found: dict[str, Finding] = {}
    scores: dict[str, dict[tuple[int, str], NDArray[np.float64]]] = {}
    for own in present:
        name = own.detector.name
        first, second, places = trained[name]
        at, sign, chosen_score, score = _choose(first[:, 0], second[:, 0], own.chance)
        shifted = [_choose(first[:, k], second[:, k], own.chance)[3] for k in range(1, 1 + shifts)]
        twin = [_choose(it[name][0][:, 0], it[name][1][:, 0], own.chance)[3] for it in blank]
        (layer, gate), unit = next((place, at - start) for place, start, end in places if start <= at < end)
        found[name] = Finding(
            name, own.detector.kind, layer, gate, unit, sign, score, chosen_score, max(twin), max(shifted),
            len(first), len(known), own.positives, own.counted,
        )  # fmt: skip
        scores[name] = {place: second[start:end, 0] for place, start, end in places}
    return Findings(found, tuple(it.detector.name for it in labels if not it.measurable), scores)


class _Labels:
    """A detector's values in both halves of a text: where they are defined, as they are, and shifted."""

    def __init__(self, detector: Detector, values: NDArray[np.float64], shifts: int, seed: int):
        self.detector = detector
        random = np.random.default_rng(
            [seed, zlib.crc32(detector.name.encode())]
        )  # the same whichever other detectors there are
        self.chance = 0.5 if detector.kind == "yes/no" else 0.0
        half = len(values) // 2
        self.halves = [_shifted(part, shifts, random) for part in (values[:half], values[half:])]
        own = self.halves[1][1][:, 0]
        self.counted = len(own)
        self.positives = int(own.sum()) if detector.kind == "yes/no" else len(own)

    @property
    def measurable(self) -> bool:
        """Whether both halves have enough of yes and of no, or of the commonest count and of others."""
        for _, made in self.halves:
            _, numbers = np.unique(made[:, 0], return_counts=True)
            rest = numbers.sum() - numbers.max(initial=0)
            if rest < LEAST or numbers.sum() < 2 * LEAST:
                return False
        return True


def _shifted(
    values: NDArray[np.float64], shifts: int, random: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return where the values are defined (N,), and those values (M, 1 + shifts): first unshifted, then rotated.

    Shifting keeps the lengths of runs of equal values; a random order would not, and would be too easy to beat.
    """
    counts = ~np.isnan(values)
    own = values[counts]
    distances = random.integers(len(own) // 10, max(len(own) // 10 + 1, len(own) * 9 // 10), size=shifts)
    return counts, np.stack([own, *(np.roll(own, int(distance)) for distance in distances)], 1)


def _values(
    model: LanguageModel, tokenizer: Tokenizer, ids: NDArray[np.int64], names: str | Sequence[str], folder: Path | None
) -> Trace:
    with TraceWriter(model.recurrent, len(ids), names, folder=folder, dtype=np.float32) as writer:
        if not writer.names:
            raise ArgumentError(f"names is empty: give some of {', '.join(model.cell.recorded)}.")
        for _, _, values in passes(model, tokenizer, ids, writer.names):
            writer.add(values)
        return writer.finish()


Scores = tuple[NDArray[np.float64], NDArray[np.float64], list[tuple[tuple[int, str], int, int]]]
"""Scores on the first and the second half (all values, 1 + shifts), and the rows of each (layer, name) in them."""


def _search(trace: Trace, labels: Sequence[_Labels]) -> dict[str, Scores]:
    """Return the scores of all values for all detectors; each half is ranked once for detectors defined alike."""
    scores: dict[str, tuple[list[Any], list[Any]]] = {it.detector.name: ([], []) for it in labels}
    places: list[tuple[tuple[int, str], int, int]] = []
    start = 0
    for (layer, _), named in trace.values.items():
        for name, values in named.items():
            half = len(values) // 2
            for k, part in enumerate((values[:half], values[half:])):
                for group in _alike(labels, k):
                    counts = group[0].halves[k][0]
                    columns = [it.halves[k][1] for it in group]
                    measure = areas if group[0].detector.kind == "yes/no" else correlations
                    made = measure(part if counts.all() else part[counts], np.concatenate(columns, 1))
                    for it, own in zip(group, np.split(made, len(group), 1), strict=True):
                        scores[it.detector.name][k].append(own)
            places.append(((layer, name), start, start + values.shape[1]))
            start += values.shape[1]
    return {it: (np.concatenate(first), np.concatenate(second), places) for it, (first, second) in scores.items()}


def _alike(labels: Sequence[_Labels], half: int) -> list[list[_Labels]]:
    """Return groups of detectors of one kind that are defined at the same positions."""
    groups: dict[tuple[str, bytes], list[_Labels]] = {}
    for it in labels:
        groups.setdefault((it.detector.kind, it.halves[half][0].tobytes()), []).append(it)
    return list(groups.values())


def _choose(first: NDArray[np.float64], second: NDArray[np.float64], chance: float) -> tuple[int, int, float, float]:
    """Return the best value on the first half, its sign, and its scores on the first and the second half."""
    at = int(np.abs(first - chance).argmax())
    sign = 1 if first[at] >= chance else -1
    turned = [chance + sign * (float(half[at]) - chance) for half in (first, second)]
    return at, sign, turned[0], turned[1]
