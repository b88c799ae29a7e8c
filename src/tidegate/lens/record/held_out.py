"""Held-out text of a run: what the finder searches, and where the effect of an intervention is measured."""

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.train import Run

SEARCHED = 40_000  # tokens of held-out text in which hidden units are searched


def held_out_text(run: Run, length: int) -> str:
    """Return text of the run's own corpus that it was not trained on: of the test part, or else of validation.

    Args:
        run: the run.
        length: the maximal number of tokens.

    Raises:
        ArgumentError: the run has neither part.
    """
    corpus = run.open_data()
    for part in (corpus.test, corpus.validation) if corpus.splits else ():
        if len(part):
            return run.tokenizer.decode(part[:length])
    raise ArgumentError(
        f"{run.folder.name} has no held-out text: it was trained on all of its text ({corpus.split_kind}). Give a TEXT "
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
