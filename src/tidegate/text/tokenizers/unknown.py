"""Characters or words outside a vocabulary: what is done with them, and how messages name them."""

from collections import Counter
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import UnknownTokenError

Unknown = Literal["error", "replace", "drop"]
NAMED = 10  # how many of the unknown a message names


def known_ids(
    ids: NDArray[np.int64],
    count: Callable[[NDArray[np.bool_]], Counter[str]],
    unknown: Unknown,
    replacement: int,
    tally: Counter[str] | None,
    refusal: Callable[[Counter[str]], str],
) -> NDArray[np.int64]:
    """Replace, drop or refuse the unknown among token ids.

    Args:
        ids: shape (N,), -1 where there is no token.
        count: counts the unknown, given where they are.
        unknown: what to do with them.
        replacement: the token that stands for them, for "replace".
        tally: counts them too.
        refusal: the message of the error, given their counts.

    Raises:
        UnknownTokenError: there are some, and ``unknown`` is "error".
    """
    missing = ids < 0
    if not missing.any():
        return ids
    found = count(missing)
    if unknown == "error":
        raise UnknownTokenError(refusal(found))
    if tally is not None:
        tally.update(found)
    if unknown == "drop":
        return ids[~missing]
    ids[missing] = replacement
    return ids


def refusal(found: Counter[str], total: int, size: int, token: str, name: Callable[[str], str]) -> str:
    """Say which of a text's tokens ("character", "word") are unknown, and what to do."""
    return (
        f"{found.total():,} of the text's {total:,} {token}s are not in the vocabulary of {size:,}: "
        f"{name_counts(found, name)}. Leave them out of the text, or train a model that replaces or drops them: "
        "--unknown replace (in Python unknown='replace')."
    )


def note(tally: Counter[str], token: str, done: str, name: Callable[[str], str]) -> str:
    """Describe what was counted as unknown and what was done with it; empty if there is nothing."""
    number = tally.total()
    return f"{number:,} unknown {token}{'' if number == 1 else 's'} {done}: {name_counts(tally, name)}" if tally else ""


def name_counts(counts: Counter[str], name: Callable[[str], str]) -> str:
    """Name the most frequent of a count, for a message: at most ten, and how many more there are."""
    named = ", ".join(f"{name(it)} ({n:,} {'time' if n == 1 else 'times'})" for it, n in counts.most_common(NAMED))
    more = len(counts) - NAMED
    return f"{named} and {more:,} more" if more > 0 else named
