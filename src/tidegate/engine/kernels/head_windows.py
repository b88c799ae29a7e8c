"""Block-diagonal matrices of recurrent products: H hidden units in heads, within which the products stay."""

from __future__ import annotations

import functools


@functools.lru_cache(maxsize=256)
def window_size(hidden: int, head: int, span: int) -> int:
    """Return the elements of an operand that cover the heads of ``span`` adjacent hidden units.

    The units are those from a multiple of the span on. They may lie in several heads; of all such groups, the one that
    needs most counts.
    """
    starts = range(0, hidden, span)
    return max((-(-min(start + span, hidden) // head) - start // head) * head for start in starts)
