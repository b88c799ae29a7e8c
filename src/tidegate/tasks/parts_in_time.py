"""The split of a series in time: training, then validation, then test."""

from collections.abc import Sequence

from tidegate.data.sources import PARTS

FEWEST = 2  # steps of a training part


def parts_in_time(steps: int, shares: Sequence[float], least: int = 1) -> list[tuple[str, int, int]]:
    """Cut the steps of a series into contiguous parts.

    Args:
        steps: of the series.
        shares: of training, validation and test.
        least: steps that validation and test have at least, unless their share is 0.

    Returns:
        The name of each part that has steps, its first step and the one after its last; nothing if fewer than two
        steps are left for training.
    """
    later = [max(least, int(share * steps)) if share else 0 for share in shares[1:]]
    ends = [steps - sum(later), steps - later[1], steps]
    if ends[0] < FEWEST:
        return []
    return [it for it in zip(PARTS, [0, *ends], ends, strict=False) if it[2] > it[1]]
