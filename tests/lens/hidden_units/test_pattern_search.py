"""Select and match, against hand-made states and brute force."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.pattern_search import Match, matches, select
from tidegate.lens.record.trace import Trace

Values = NDArray[np.floating]


def trace_of(*rows: str) -> Trace:
    """One row of text for each unit: # is on."""
    return Trace({(0, 0): {"c": np.array([[1.0 if it == "#" else 0.0 for it in row] for row in rows]).T}})


def random_trace(steps: int, units: int, seed: int = 0) -> Trace:
    """States that change slowly, as a network's do."""
    noise = np.random.default_rng(seed).normal(size=(steps, units))
    for t in range(1, steps):
        noise[t] += 0.8 * noise[t - 1]
    return Trace({(0, 0): {"h": noise, "c": noise.astype(np.float16)}})


def brute_force(
    values: Values, units: list[int], threshold: float, length: int | None, shortest: int, selected: range
) -> list[Match]:
    """Every stretch that is a longest one at any number of units, all ranked, then picked."""
    on = values[:, units] >= threshold
    steps, found = len(on), set()
    for start in range(steps):
        for stop in range(start + shortest, steps + 1):
            level = min(on[t].sum() for t in range(start, stop))
            left = start == 0 or on[start - 1].sum() < level
            right = stop == steps or on[stop].sum() < level
            if level and left and right:
                found.add((start, stop))
    all_of = [Match(a, b, sum(all(on[t, k] for t in range(a, b)) for k in range(len(units)))) for a, b in found]
    size = {it: it.stop - it.start for it in all_of}
    all_of.sort(key=lambda it: (-it.shared, -size[it] if length is None else abs(size[it] - length), it.start))
    kept: list[Match] = []
    for it in all_of:
        places = set(range(it.start, it.stop))
        if it.shared and not places & set(selected) and not any(places & set(range(k.start, k.stop)) for k in kept):
            kept.append(it)
    return kept


def test_selected_units_are_on_inside_and_off_just_outside() -> None:
    trace = trace_of(
        "..###...",  # on there and nowhere near
        "..##....",  # too short
        ".####...",  # on before
        "..####..",  # on after
        "#.###.#.",  # off just before and after, on farther away
    )
    assert select(trace, 2, 5).tolist() == [0, 4]
    assert select(trace, 2, 5, before=2, after=2).tolist() == [0]
    assert select(trace, 2, 5, before=0).tolist() == [0, 2, 4]
    assert select(trace, 2, 5, before=0, after=0).tolist() == [0, 2, 3, 4]
    assert select(trace, 2, 5, threshold=1.5).tolist() == []


def test_at_the_ends_of_the_trace_there_is_no_outside() -> None:
    trace = trace_of("###", ".##", "##.")
    assert select(trace, 0, 3, before=9, after=9).tolist() == [0]
    assert select(trace, 0, 2).tolist() == [2]
    assert select(trace, 1, 3).tolist() == [1]


def test_a_value_at_the_threshold_is_on() -> None:
    trace = Trace({(0, 0): {"c": np.array([[0.25], [0.5], [0.25]])}})
    assert select(trace, 1, 2, threshold=0.5).tolist() == [0]
    assert select(trace, 1, 2, threshold=0.25).tolist() == []
    assert matches(trace, [0], threshold=0.25) == [Match(0, 3, 1)]


def test_matches_by_hand() -> None:
    trace = trace_of(
        ".###...##..####.",
        ".###...##..###..",
        ".###...#...###..",
    )
    units = select(trace, 1, 4)
    assert units.tolist() == [0, 1, 2]
    # All three over 11-13; then two over 7-8; that all three are on at 7 alone is too short, unless asked for. One
    # unit alone over 11-14 overlaps a better match.
    assert matches(trace, units, selected=(1, 4)) == [Match(11, 14, 3), Match(7, 9, 2)]
    assert matches(trace, units, selected=(1, 4), shortest=1) == [Match(11, 14, 3), Match(7, 8, 3)]
    assert matches(trace, units) == [Match(1, 4, 3), Match(11, 14, 3), Match(7, 9, 2)]
    assert matches(trace, units, limit=1) == [Match(1, 4, 3)]


def test_units_that_take_turns_are_not_on_together() -> None:
    trace = trace_of("##..", "..##")
    assert matches(trace, [0, 1]) == []  # one is on at every step, none at all
    assert matches(trace, [0]) == [Match(0, 2, 1)]


@pytest.mark.parametrize("steps", [1, 7, 63])
@pytest.mark.parametrize("length", [None, 4])
@pytest.mark.parametrize("shortest", [1, 2])
def test_matches_are_brute_forces(steps: int, length: int | None, shortest: int) -> None:
    for seed in range(5):
        trace = random_trace(steps, 7, seed)
        units = [0, 2, 3, 6]
        for selected in (None, (steps // 3, steps // 3 + 3)):
            size = 3 if length is None and selected is not None else length
            places = range(*(selected or (0, 0)))
            expected = brute_force(trace[0, 0]["h"], units, 0.5, size, shortest, places)
            for limit in (1, 3, 50):
                options = dict(name="h", threshold=0.5, selected=selected, length=length, shortest=shortest)
                assert matches(trace, units, limit=limit, **options) == expected[:limit]  # type: ignore[arg-type]


def test_without_a_length_the_longer_is_the_better() -> None:
    trace = trace_of("##..####.###")
    assert matches(trace, [0]) == [Match(4, 8, 1), Match(9, 12, 1), Match(0, 2, 1)]
    assert matches(trace, [0], length=3) == [Match(9, 12, 1), Match(0, 2, 1), Match(4, 8, 1)]


def test_a_trace_on_disk_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = random_trace(63, 33)
    whole = matches(trace, [3, 5, 32], threshold=0.5)
    np.save(tmp_path / "c.npy", trace[0, 0]["c"])
    monkeypatch.setattr("tidegate.lens.hidden_units.pattern_search.ROOM", 300)
    on_disk = Trace({(0, 0): {"c": np.load(tmp_path / "c.npy", mmap_mode="r")}})
    assert whole
    assert matches(on_disk, [3, 5, 32], threshold=0.5) == whole


def test_invalid_arguments_raise() -> None:
    trace = random_trace(7, 3)
    for start, stop in [(3, 3), (-1, 2), (5, 8)]:
        with pytest.raises(ArgumentError, match="7 steps"):
            select(trace, start, stop)
    with pytest.raises(ArgumentError, match="before=-1"):
        select(trace, 1, 2, before=-1)
    with pytest.raises(ArgumentError, match="no 'i' in the trace"):
        select(trace, 1, 2, name="i")
    with pytest.raises(ArgumentError, match="hidden_units is empty"):
        matches(trace, [])
    with pytest.raises(ArgumentError, match="unit 3"):
        matches(trace, [1, 3])
    with pytest.raises(ArgumentError, match="limit=0"):
        matches(trace, [1], limit=0)
