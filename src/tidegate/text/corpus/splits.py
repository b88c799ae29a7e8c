"""Contiguous parts of a text for training, validation and test."""

import math
from typing import Literal

from tidegate.errors import ArgumentError, CorpusTooSmallError
from tidegate.io.wording import amount

Splits = tuple[float, float, float]
SplitKind = Splits | Literal["files"] | None
"""How a corpus was split: by fractions, by files of its parts, or not at all."""
SMALLEST = 2  # a token and its successor


def check_splits(splits: Splits | None) -> None:
    """Check the fractions of a split.

    Raises:
        ArgumentError: they do not sum to 1, or leave nothing to train or to validate on.
    """
    if splits is None:
        return
    if len(splits) != 3 or not math.isclose(sum(splits), 1, abs_tol=1e-9) or min(splits) < 0:
        raise ArgumentError(f"splits is {splits}, but must be three fractions of 0 or more that sum to 1.")
    if min(splits[:2]) < 1e-6:
        raise ArgumentError(f"splits is {splits}, but training and validation must each have at least 0.000001.")


def split_kind(splits: SplitKind) -> str:
    """Describe how a text was split, such as "contiguous 90/5/5"."""
    if splits is None:
        return "no split: validated on the training text"
    if splits == "files":
        return "given files"
    return "contiguous " + "/".join(f"{100 * part:.6g}" for part in splits if part)


def character_cuts(total: int, splits: Splits | None) -> tuple[int, int]:
    """Return where the training part and the validation part end.

    Args:
        total: characters in the text.
        splits: the fractions, or None for one part that is both.

    Returns:
        Two positions: ``floor(total * training)`` and ``floor(total * (training + validation))``.

    Raises:
        CorpusTooSmallError: training or validation part would have fewer than two characters; the message says how
            many the text needs.
    """
    if splits is None:
        if total < SMALLEST:
            raise CorpusTooSmallError(f"The text has {amount(total, 'character')}, but needs at least {SMALLEST}.")
        return total, total
    cuts = _cuts(total, splits)
    if _enough(cuts):
        return cuts
    needed = total + 1
    while not _enough(_cuts(needed, splits)):
        needed += 1
    raise CorpusTooSmallError(
        f"The text has {amount(total, 'character')}, but a {split_kind(splits)} split needs at least {needed}, so "
        "that training and validation have two each: give more text, or other splits, or splits=None to train and "
        "validate on the same text."
    )


def _cuts(total: int, splits: Splits) -> tuple[int, int]:
    first = math.floor(total * splits[0])
    return first, total if splits[2] == 0 else math.floor(total * (splits[0] + splits[1]))


def _enough(cuts: tuple[int, int]) -> bool:
    return cuts[0] >= SMALLEST and cuts[1] - cuts[0] >= SMALLEST
