"""Parts of a series in time: contiguous, whole, and no shorter than asked."""

import itertools

import pytest

from tidegate.tasks.parts_in_time import parts_in_time


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.1), (0.9, 0.1, 0.0), (1.0, 0.0, 0.0), (0.5, 0.0, 0.5)])
@pytest.mark.parametrize("least", [1, 5])
def test_parts_follow_one_another(shares: tuple[float, ...], least: int) -> None:
    names = [name for name, share in zip(("train", "validation", "test"), shares, strict=True) if share]
    for steps in range(60):
        parts = parts_in_time(steps, shares, least)
        if steps < 2 + least * (len(names) - 1):
            assert not parts
        if not parts:
            continue
        assert [name for name, _, _ in parts] == names
        assert (parts[0][1], parts[-1][2]) == (0, steps)
        assert all(before[2] == after[1] for before, after in itertools.pairwise(parts))
        assert parts[0][2] >= 2
        for (_, start, end), share in zip(parts[1:], [it for it in shares[1:] if it], strict=True):
            assert end - start == max(least, int(share * steps))
