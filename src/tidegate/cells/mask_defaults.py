"""What fills a mask that the caller of a run does not give: noise while training, or numbers for single units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Noise:
    """A mask of Bernoulli noise: mean / probability with that probability, else 0.

    A layer that is training draws it. Everything else has its expectation, ``mean``.

    Attributes:
        probability: of not being 0, for each unit of each sequence.
        mean: the expectation.
        per_sequence: drawn once for all steps of a run, instead of anew at every step.
    """

    probability: float
    mean: float
    per_sequence: bool = False


@dataclass(frozen=True)
class PerUnit:
    """A mask that is the same at every step of every sequence: one number, but for some units.

    Attributes:
        default: of all other units.
        units: the numbers of single units, by the unit's place 0..H-1.
    """

    default: float
    units: tuple[tuple[int, float], ...]


Fill = Noise | PerUnit
"""What fills a mask that the caller of a run does not give."""
