"""Default values of masks that the caller of a run does not pass: noise in training, or a number per hidden unit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Noise:
    """A mask of Bernoulli noise: ``mean / probability`` with this probability, else 0.

    A layer draws it in training mode. In evaluation mode, and without a layer, the mask is its expectation, ``mean``.

    Attributes:
        probability: of not being 0, for each hidden unit of each sequence.
        mean: the expectation.
        per_sequence: drawn once for all steps of a run, and not at every step.
    """

    probability: float
    mean: float
    per_sequence: bool = False


@dataclass(frozen=True)
class PerUnit:
    """A mask that is the same at every step of every sequence: one number, except for some hidden units.

    Attributes:
        default: the number of all other hidden units.
        units: pairs of a hidden unit's index, 0..H-1, and its number.
    """

    default: float
    units: tuple[tuple[int, float], ...]


MaskDefault = Noise | PerUnit
"""The default value of a mask."""
