"""Findings: the hidden unit that goes best with each property, beside its controls."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import table_html
from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.detectors import Kind

MARGIN = 0.05
"""What a score must exceed both controls by: they are the best of a few draws and vary by some hundredths."""


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
        score: score on the second half of the text or of the examples, which the choice did not use.
        chosen_score: score on the first half, where it is the best of all.
        untrained: ``score`` of the same search in untrained models; the best of several. In what is found so far (see
            `find_cells`), nan before the first of them was searched.
        shuffled: ``score`` of the same search with the detector's values shifted along the steps by a random distance;
            the best of several.
        values: number of values (hidden units of all layers, gates and states) tried.
        detectors: number of detectors tried.
        positives: steps in the second half where the detector is 1; for a count, where it is defined.
        counted: steps in the second half where the detector is defined.
        direction: direction of the layer: 0 forward, 1 reverse.
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
    direction: int = 0

    @property
    def control(self) -> float:
        """The better of the two controls, ``untrained`` and ``shuffled``."""
        return max(self.untrained, self.shuffled)

    @property
    def holds(self) -> bool:
        """Whether the score beats both controls by `MARGIN` or more: otherwise this is no finding."""
        return self.score >= self.control + MARGIN

    @property
    def tried(self) -> int:
        """Values times detectors."""
        return self.values * self.detectors

    def __str__(self) -> str:
        kind = "AUC" if self.kind == "yes/no" else "correlation"
        low = "" if self.sign > 0 else ", low" if self.kind == "yes/no" else ", falling"
        which = f"{self.name}{', reverse' * self.direction}{low}"
        return (
            f"unit {self.layer}/{self.unit} ({which}) goes with {self.detector}: {kind} {self.score:.2f} "
            f"(untrained at best {self.untrained:.2f}, shuffled {self.shuffled:.2f}; {self.values:,} values x "
            f"{self.detectors} detectors tried)"
        )

    __repr__ = __str__


@dataclass(frozen=True)
class Findings:
    """The findings of a search; ``str()`` lists them, best first.

    Attributes:
        found: by detector, in the order given.
        absent: detectors that are (nearly) constant in one half of these steps, so that nothing can be measured.
        scores: by detector and (layer, direction, name), the score (H,) of each unit on the second half, not oriented:
            an area below 0.5 or a correlation below 0 means that the unit is low where the detector is high. Empty for
            findings that were kept in a run folder.
        searched: what was searched, for messages.
    """

    found: Mapping[str, Finding]
    absent: tuple[str, ...]
    scores: Mapping[str, Mapping[tuple[int, int, str], NDArray[np.float64]]]
    searched: str = "this text"

    def __getitem__(self, detector: str) -> Finding:
        if detector not in self.found:
            rare = f"is too rare in {self.searched}, or never changes"
            why = rare if detector in self.absent else "is not among the detectors"
            raise ArgumentError(f"{detector!r} {why}; found: {', '.join(self.found) or 'none'}.")
        return self.found[detector]

    def best(self, detector: str, count: int = 10) -> list[tuple[int, int, str, int, float]]:
        """Return the units that go best with a detector on the second half: (layer, direction, name, unit, score).

        The scores are those in ``scores``. Units are chosen on the half they are measured on, unlike `Finding.score`.

        Raises:
            ArgumentError: there is no such detector, or the findings were kept in a run folder, without these scores.
        """
        if not self.scores:
            raise ArgumentError(
                "The scores of all units are not kept with a run: search with tidegate.lens.find_cells."
            )
        chance = 0.5 if self[detector].kind == "yes/no" else 0.0
        scores = self.scores[detector]
        every = [(*at, unit, float(score)) for at, own in scores.items() for unit, score in enumerate(own)]
        return sorted(every, key=lambda it: -abs(it[4] - chance))[:count]

    def __str__(self) -> str:
        absent = [f"too rare in {self.searched}, or never changing: {', '.join(self.absent)}"] if self.absent else []
        return "\n".join([*map(str, self.ordered), *absent])

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
        absent = f"; too rare in {self.searched}, or never changing: {', '.join(self.absent)}" if self.absent else ""
        return table_html(rows, headers, caption=f"The unit that goes best with each detector{absent}")
