"""The search for hidden units that go with labels of steps, whatever the steps are: of a text, or of examples.

A unit is chosen on the first half of the steps and its score is measured on the second half. The same search is
repeated for labels shifted along the steps, and in untrained models.
"""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.association import areas, correlations
from tidegate.lens.hidden_units.detectors import Kind
from tidegate.lens.hidden_units.findings import Finding, Findings
from tidegate.lens.record.trace import Trace

SHIFTS = 8
TWINS = 3
LEAST = 8
"""Minimal number of steps with a yes, and with a no, in each half: with fewer there is no score."""


Scores = tuple[NDArray[np.float64], NDArray[np.float64], list[tuple[tuple[int, int, str], int, int]]]
"""Scores on both halves (all values, 1 + shifts), and the rows of each (layer, direction, name) in them."""


class Labels:
    """A property of N steps: where it is defined in each half, its values as they are, and shifted.

    Args:
        name: name of the property.
        kind: "yes/no" or "count".
        values: (N,) float64; NaN where it is undefined.
        half: the first step of the second half.
        shifts: number of distances by which the values are shifted.
        seed: seed of these distances.
    """

    def __init__(self, name: str, kind: Kind, values: NDArray[np.float64], half: int, shifts: int, seed: int) -> None:
        self.name, self.half = name, half
        self.kind: Kind = kind
        random = np.random.default_rng([seed, zlib.crc32(name.encode())])  # the same whichever other labels there are
        self.chance = 0.5 if kind == "yes/no" else 0.0
        self.halves = [shifted(part, shifts, random) for part in (values[:half], values[half:])]
        own = self.halves[1][1][:, 0]
        self.counted = len(own)
        self.positives = int(own.sum()) if kind == "yes/no" else len(own)

    @property
    def measurable(self) -> bool:
        """Whether both halves have enough of yes and of no, or of the commonest count and of others."""
        for _, made in self.halves:
            _, numbers = np.unique(made[:, 0], return_counts=True)
            rest = numbers.sum() - numbers.max(initial=0)
            if rest < LEAST or numbers.sum() < 2 * LEAST:
                return False
        return True


def shifted(
    values: NDArray[np.float64], shifts: int, random: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return where the values are defined (N,), and those values (M, 1 + shifts): first unshifted, then rotated.

    Shifting keeps the lengths of runs of equal values; a random order would not, and would be too easy to beat.
    """
    counts = ~np.isnan(values)
    own = values[counts]
    distances = random.integers(len(own) // 10, max(len(own) // 10 + 1, len(own) * 9 // 10), size=shifts)
    return counts, np.stack([own, *(np.roll(own, int(distance)) for distance in distances)], 1)


def check_controls(shifts: int, twins: int) -> None:
    """Check that there is at least one control of each kind.

    Raises:
        ArgumentError: there is none.
    """
    if shifts < 1:
        raise ArgumentError(f"shifts is {shifts}: give at least 1 distance to shift labels by.")
    if twins < 1:
        raise ArgumentError(f"twins is {twins}: give at least 1 untrained model to compare with.")


def search_units(labels: Sequence[Labels], traces: Iterable[Trace], searched: str = "this text") -> Findings:
    """Find the hidden unit that goes best with each property.

    Args:
        labels: the properties.
        traces: of the same steps: first of the trained model, then of each untrained one. Each is searched before the
            next one is asked for, so that one at a time need be in memory.
        searched: what these steps are of, for messages.
    """
    present = [it for it in labels if it.measurable]
    trained, *blank = (_search(it, present) for it in traces)
    found: dict[str, Finding] = {}
    scores: dict[str, dict[tuple[int, int, str], NDArray[np.float64]]] = {}
    for own in present:
        first, second, places = trained[own.name]
        at, sign, chosen_score, score = _choose(first[:, 0], second[:, 0], own.chance)
        moved = [_choose(first[:, k], second[:, k], own.chance)[3] for k in range(1, first.shape[1])]
        twin = [_choose(it[own.name][0][:, 0], it[own.name][1][:, 0], own.chance)[3] for it in blank]
        (layer, direction, gate), unit = next((place, at - start) for place, start, end in places if start <= at < end)
        found[own.name] = Finding(
            own.name, own.kind, layer, gate, unit, sign, score, chosen_score, max(twin), max(moved),
            len(first), len(labels), own.positives, own.counted, direction,
        )  # fmt: skip
        scores[own.name] = {place: second[start:end, 0] for place, start, end in places}
    return Findings(found, tuple(it.name for it in labels if not it.measurable), scores, searched)


def _search(trace: Trace, labels: Sequence[Labels]) -> dict[str, Scores]:
    """Return the scores of all values for all properties; each half is ranked once for properties defined alike."""
    scores: dict[str, tuple[list[Any], list[Any]]] = {it.name: ([], []) for it in labels}
    places: list[tuple[tuple[int, int, str], int, int]] = []
    start = 0
    for (layer, direction), named in trace.values.items():
        for name, values in named.items():
            half = labels[0].half if labels else 0
            for k, part in enumerate((values[:half], values[half:])):
                for group in _alike(labels, k):
                    counts = group[0].halves[k][0]
                    columns = [it.halves[k][1] for it in group]
                    measure = areas if group[0].kind == "yes/no" else correlations
                    made = measure(part if counts.all() else part[counts], np.concatenate(columns, 1))
                    for it, own in zip(group, np.split(made, len(group), 1), strict=True):
                        scores[it.name][k].append(own)
            places.append(((layer, direction, name), start, start + values.shape[1]))
            start += values.shape[1]
    return {it: (np.concatenate(first), np.concatenate(second), places) for it, (first, second) in scores.items()}


def _alike(labels: Sequence[Labels], half: int) -> list[list[Labels]]:
    """Return groups of properties of one kind that are defined at the same steps."""
    groups: dict[tuple[str, bytes], list[Labels]] = {}
    for it in labels:
        groups.setdefault((it.kind, it.halves[half][0].tobytes()), []).append(it)
    return list(groups.values())


def _choose(first: NDArray[np.float64], second: NDArray[np.float64], chance: float) -> tuple[int, int, float, float]:
    """Return the best value on the first half, its sign, and its scores on the first and the second half."""
    at = int(np.abs(first - chance).argmax())
    sign = 1 if first[at] >= chance else -1
    turned = [chance + sign * (float(half[at]) - chance) for half in (first, second)]
    return at, sign, turned[0], turned[1]
