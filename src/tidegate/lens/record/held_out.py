"""Held-out text of a run: what the finder searches, and where the effect of an intervention is measured."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.train import Run

SEARCHED = 40_000  # tokens of held-out text in which hidden units are searched
FIRST_LINE = 500  # tokens within which the first line of a passage has to begin


class Passage(NamedTuple):
    """A text of the run's own corpus that it was not trained on.

    Attributes:
        text: the text.
        part: where it is from: "test" or "validation".
    """

    text: str
    part: str


def passage(run: Run, length: int) -> Passage:
    """Return held-out text to be read by people: from the first line that begins in the part.

    Contiguous parts are cut anywhere, also inside words. A part without an end of a line among its first 500 tokens is
    read from its beginning.

    Args:
        run: the run.
        length: the maximal number of tokens.

    Raises:
        ArgumentError: the run has no held-out text.
    """
    name, part = _held_out_part(run)
    tokens = iter(part[: min(FIRST_LINE, len(part) - 1)])
    ends = (n for n, token in enumerate(tokens, 1) if "\n" in run.tokenizer.decode([int(token)]))
    start = next(ends, 0)
    return Passage(run.tokenizer.decode(part[start : start + length]), name)


def held_out_text(run: Run, length: int) -> str:
    """Return text of the run's own corpus that it was not trained on: of the test part, or else of validation.

    Args:
        run: the run.
        length: the maximal number of tokens.

    Raises:
        ArgumentError: the run has neither part.
    """
    return run.tokenizer.decode(_held_out_part(run)[1][:length])


def _held_out_part(run: Run) -> tuple[str, Any]:
    """Return the name of the part and its tokens."""
    corpus = run.open_data()
    for name, part in (("test", corpus.test), ("validation", corpus.validation)) if corpus.splits else ():
        if len(part):
            return name, part
    raise ArgumentError(
        f"{run.label} has no held-out text: it was trained on all of its text ({corpus.split_kind}). Give a TEXT "
        "to be read; what is measured on held-out text (the finder, the effect of an intervention) needs a run trained "
        "with --splits, such as 90/5/5."
    )


def searched_ids(run: Run) -> NDArray[np.int64]:
    """Return the tokens of held-out text in which the finder searches."""
    return run.tokenizer.encode(held_out_text(run, SEARCHED))


def measured_half(run: Run) -> NDArray[np.int64]:
    """Return the half of the searched text, as tokens, on which the finder measures and does not choose."""
    ids = searched_ids(run)
    return ids[len(ids) // 2 :]
