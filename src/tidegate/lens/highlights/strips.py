"""Which stretch of a text shows best how a property comes and goes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHORTEST, LONGEST = 80, 160  # tokens
STEP = 8  # tokens from one candidate to the next where lines are long


def stretch(pieces: Sequence[str], measured: NDArray[np.float64]) -> tuple[int, int]:
    """Return a stretch of 80 to 160 tokens in which a property changes often and is there about as often as not.

    It begins and ends with a line where lines are short enough.

    Args:
        pieces: the text of each of N tokens.
        measured: (N,), the property after each token.

    Returns:
        Its beginning and its end.
    """
    count = len(pieces)
    if count <= LONGEST:
        return 0, count
    lines = [0, *(n + 1 for n, piece in enumerate(pieces) if "\n" in piece)]
    turns = np.concatenate([[0], np.cumsum(measured[1:] != measured[:-1])])
    high = np.concatenate([[0], np.cumsum(measured > np.median(measured) if np.ptp(measured) > 1 else measured > 0)])

    def worth(part: tuple[int, int]) -> float:
        start, stop = part
        share = (high[stop] - high[start]) / (stop - start)
        changes = min(turns[stop - 1] - turns[start], (stop - start) / 8)  # more than that is hard to follow
        return float(changes * share * (1 - share))

    ends = np.array(lines)
    candidates: list[tuple[int, int]] = []
    for start in [it for it in lines if it + SHORTEST <= count] + list(range(0, count - LONGEST, STEP * 4)):
        fitting = ends[(ends >= start + SHORTEST) & (ends <= start + LONGEST)]
        candidates.append((start, int(fitting[-1]) if len(fitting) else min(start + LONGEST, count)))
    whole = [part for part in candidates if part[0] in set(lines) and part[1] in set(lines)]
    start, stop = max(whole or candidates, key=worth)
    while stop > start + 1 and not pieces[stop - 1].strip():
        stop -= 1
    while start < stop - 1 and not pieces[start].strip("\r\n"):
        start += 1
    return start, stop
