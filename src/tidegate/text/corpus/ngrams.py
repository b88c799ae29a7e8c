"""What counting alone achieves: n-gram baselines in nats per unit."""

from collections.abc import Sequence

import numpy as np

from tidegate.errors import ArgumentError, CorpusTooSmallError
from tidegate.text.corpus.kneser_ney import Ids, ngram_probabilities

NAMES = {0: "uniform", 1: "unigram", 2: "bigram", 3: "trigram"}


class Baselines(dict[str, float]):
    """Nats per unit by the baseline's name ("uniform", "unigram", "bigram", "trigram", "5-gram").

    Attributes:
        note: if only a part of the text was counted or evaluated, a sentence that says so; else None.
    """

    note: str | None = None


def ngram_baselines(
    train: Ids,
    validation: Ids,
    vocabulary_size: int,
    orders: Sequence[int] = (0, 1, 2, 3, 5),
    *,
    max_train: int = 20_000_000,
    max_validation: int = 2_000_000,
) -> Baselines:
    """The loss of n-gram models counted on the training part, on the validation part.

    The mean of -log p(unit | the n - 1 units before it) over all units of the validation part but the first, with
    modified Kneser-Ney smoothing (`ngram_probabilities`). At the beginning the context is as long as there are units.

    Args:
        train: units to count, shape (N,).
        validation: units to predict, shape (M,).
        vocabulary_size: V; all units are below it.
        orders: which n; 0 is the uniform distribution, log V.
        max_train: of a longer training part only the last so many units are counted.
        max_validation: of a longer validation part only the first so many units are predicted.

    Returns:
        Nats per unit by name; its ``note`` says if a part was left out.

    Raises:
        CorpusTooSmallError: the training part is empty, or the validation part has less than two units.
        ArgumentError: a unit is not in the vocabulary, or an order is negative, or a limit is too small.
    """
    if not orders or min(orders) < 0:
        raise ArgumentError(f"orders is {tuple(orders)}, but must be one or more numbers of 0 or more.")
    if max_train < 1 or max_validation < 2:
        raise ArgumentError(
            f"max_train is {max_train} and max_validation {max_validation}, but they must be at least 1 and 2."
        )
    if len(train) < 1 or len(validation) < 2:
        raise CorpusTooSmallError(
            f"The training part has {len(train)} units and the validation part {len(validation)}, but baselines need "
            "at least 1 and 2: give more text."
        )
    result = Baselines()
    notes = []
    if len(train) > max_train:
        notes.append(f"counted on the last {max_train:,} of {len(train):,} training units")
    if len(validation) > max_validation:
        notes.append(f"evaluated on the first {max_validation:,} of {len(validation):,} validation units")
    result.note = f"n-grams {' and '.join(notes)}" if notes else None
    probabilities = ngram_probabilities(train[-max_train:], validation[:max_validation], vocabulary_size, max(orders))
    for order, probability in enumerate(probabilities):
        if order in orders:
            result[NAMES.get(order, f"{order}-gram")] = float(-np.log(probability[1:]).mean())
    return result
