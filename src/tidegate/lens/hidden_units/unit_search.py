"""The search for hidden units that go with labels of steps, whatever the steps are: of a text, or of examples.

A unit is chosen on the first half of the steps and its score is measured on the second half. The same search is
repeated for labels shifted along the steps, and in untrained models.
"""

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.association import areas, correlations
from tidegate.lens.hidden_units.detectors import Kind
from tidegate.lens.hidden_units.findings import Finding, Findings
from tidegate.lens.progress import report_progress
from tidegate.lens.record.trace import Trace

SHIFTS = 8
TWINS = 3
LEAST = 8
"""Minimal number of steps with a yes, and with a no, in each half: with fewer there is no score."""
SEARCHING = "Searching the hidden units"
Place = tuple[int, int, str]
"""Layer, direction, and name of a gate or state."""


class _Scores(NamedTuple):
    """Scores of a property in one network.

    Attributes:
        first: on the first half, (all values, 1 + shifts).
        second: on the second half.
        places: each place with its first row in them and the one after its last.
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    places: list[tuple[Place, int, int]]


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


def search_units(
    labels: Sequence[Labels], traces: Iterable[Trace], searched: str = "this text", *, networks: int = 1 + TWINS
) -> Findings:
    """Find the hidden unit that goes best with each property.

    Args:
        labels: the properties.
        traces: of the same steps: first of the trained model, then of each untrained one. Each is searched before the
            next one is asked for, so that one at a time need be in memory.
        searched: what these steps are of, for messages.
        networks: the number of traces, for the progress.
    """
    present = {it.name: it for it in labels if it.measurable}
    absent = tuple(it.name for it in labels if not it.measurable)
    found: dict[str, Finding] = {}
    scores: dict[str, dict[Place, NDArray[np.float64]]] = {}
    for number, trace in enumerate(traces):
        if number:
            report_progress(SEARCHING, number / networks, Findings(found, absent, scores, searched))
        made = _search(trace, list(present.values()), number, networks)
        if number:
            found = {name: _beside(own, found[name], made[name]) for name, own in present.items()}
            continue
        found = {name: _finding(own, made[name], len(labels)) for name, own in present.items()}
        scores = {
            name: {place: own.second[start:end, 0] for place, start, end in own.places} for name, own in made.items()
        }
    return Findings(found, absent, scores, searched)


def _finding(labels: Labels, scores: _Scores, properties: int) -> Finding:
    """Return the finding of a property before untrained models were searched."""
    first, second, places = scores
    at, sign, chosen_score, score = _choose(first[:, 0], second[:, 0], labels.chance)
    moved = max(_choose(first[:, k], second[:, k], labels.chance)[3] for k in range(1, first.shape[1]))
    (layer, direction, gate), unit = next((place, at - start) for place, start, end in places if start <= at < end)
    return Finding(
        labels.name, labels.kind, layer, gate, unit, sign, score, chosen_score, math.nan, moved,
        len(first), properties, labels.positives, labels.counted, direction,
    )  # fmt: skip


def _beside(labels: Labels, finding: Finding, scores: _Scores) -> Finding:
    """Return a finding beside the same search in one more untrained model."""
    score = _choose(scores.first[:, 0], scores.second[:, 0], labels.chance)[3]
    return replace(finding, untrained=score if math.isnan(finding.untrained) else max(finding.untrained, score))


def _search(trace: Trace, labels: Sequence[Labels], network: int, networks: int) -> dict[str, _Scores]:
    """Return the scores of all values for all properties; each half is ranked once for properties defined alike."""
    count = sum(map(len, trace.values.values()))
    scores: dict[str, tuple[list[Any], list[Any]]] = {it.name: ([], []) for it in labels}
    places: list[tuple[Place, int, int]] = []
    start = 0
    for (layer, direction), named in trace.values.items():
        for name, values in named.items():
            report_progress(SEARCHING, (network + len(places) / count) / networks)
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
    return {it: _Scores(np.concatenate(a), np.concatenate(b), places) for it, (a, b) in scores.items()}


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
