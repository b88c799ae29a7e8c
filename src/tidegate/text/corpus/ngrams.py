"""N-gram baselines: cross-entropy in nats per token."""

from collections.abc import Sequence

import numpy as np

from tidegate.errors import ArgumentError, CorpusTooSmallError
from tidegate.text.corpus.kneser_ney import Ids, ngram_probabilities

ORDERS = (0, 1, 2, 3, 5)
WORD_ORDERS = (0, 1, 2, 3, 4, 5)
NAMES = {0: "uniform", 1: "unigram", 2: "bigram", 3: "trigram"}


def orders_for(token: str) -> tuple[int, ...]:
    """Return the orders shown beside a model of characters, bytes, tokens or words: of words, all from 1 to 5."""
    return WORD_ORDERS if token == "word" else ORDERS


class Baselines(dict[str, float]):
    """Nats per token by the baseline's name ("uniform", "unigram", "bigram", "trigram", "5-gram").

    Attributes:
        note: a note if only part of the text was counted or evaluated; else None.
    """

    note: str | None = None


def ngram_baselines(
    train: Ids,
    validation: Ids,
    vocabulary_size: int,
    orders: Sequence[int] = ORDERS,
    *,
    max_train: int = 20_000_000,
    max_validation: int = 2_000_000,
) -> Baselines:
    """Compute the loss on the validation part of n-gram models counted on the training part.

    The mean of -log p(token | the n - 1 tokens before it) over all tokens of the validation part but the first, with
    modified Kneser-Ney smoothing (`ngram_probabilities`). At the beginning the context is shorter.

    Args:
        train: token ids to count, shape (N,).
        validation: token ids to predict, shape (M,).
        vocabulary_size: V; all ids are below it.
        orders: the orders n; 0 is the uniform distribution, log V.
        max_train: count the last N tokens only of a longer training part.
        max_validation: predict the first N tokens only of a longer validation part.

    Returns:
        Nats per token by name; its `note` says whether part of the text was left out.

    Raises:
        CorpusTooSmallError: the training part is empty, or the validation part has fewer than two tokens.
        ArgumentError: a token is not in the vocabulary, or an order is negative, or a limit is too small.
    """
    if not orders or min(orders) < 0:
        raise ArgumentError(f"orders is {tuple(orders)}, but must be one or more numbers of 0 or more.")
    if max_train < 1 or max_validation < 2:
        raise ArgumentError(
            f"max_train is {max_train} and max_validation {max_validation}, but they must be at least 1 and 2."
        )
    if len(train) < 1 or len(validation) < 2:
        raise CorpusTooSmallError(
            f"The training part has {len(train)} tokens and the validation part {len(validation)}, but baselines need "
            "at least 1 and 2: give more text."
        )
    result = Baselines()
    notes = []
    if len(train) > max_train:
        notes.append(f"counted on the last {max_train:,} of {len(train):,} training tokens")
    if len(validation) > max_validation:
        notes.append(f"evaluated on the first {max_validation:,} of {len(validation):,} validation tokens")
    result.note = f"n-grams {' and '.join(notes)}" if notes else None
    probabilities = ngram_probabilities(train[-max_train:], validation[:max_validation], vocabulary_size, max(orders))
    for order, probability in enumerate(probabilities):
        if order in orders:
            result[NAMES.get(order, f"{order}-gram")] = float(-np.log(probability[1:]).mean())
    return result
