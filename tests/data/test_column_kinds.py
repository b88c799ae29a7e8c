"""Columns of a run's examples that do not hold what they should are refused by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.data.column_kinds import ColumnKind, check_columns, stored_text
from tidegate.data.columns import Part
from tidegate.data.ragged_array import Ragged
from tidegate.errors import RunFolderError

IDS = ColumnKind("i", below=5)


def column(values: Any, ends: list[int]) -> Ragged:
    return Ragged(np.asarray(values), np.array(ends))


def check(kind: ColumnKind, found: Ragged, **others: Ragged) -> None:
    check_columns(Part({"it": found, **others}), {"it": kind}, Path("examples.json"))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (IDS, [0, 4, 2, 1]),
        (ColumnKind("i", lowest=-1), [-1, 10**9, 0, 0]),
        (ColumnKind("f", (2,)), np.zeros((4, 2), np.float32)),
        (ColumnKind("f", finite=False), [0.0, np.nan, np.inf, 1.0]),
        (ColumnKind("i", length="other"), [0, 1, 2, 3]),
        (ColumnKind("i", length=2), [0, 1, 2, 3]),
        (ColumnKind("b", shortest=2), [True, False, True, True]),
    ],
)
def test_what_fits(kind: ColumnKind, values: Any):
    check(kind, column(values, [2, 4]), other=column([0.0] * 4, [2, 4]))


@pytest.mark.parametrize(
    ("kind", "values", "ends", "message"),
    [
        (IDS, [0, 5], [1, 2], "holds numbers from 0 to 5, but there are 5"),
        (IDS, [0, -1], [1, 2], "holds numbers from -1 to 0"),
        (IDS, [0.0, 1.0], [1, 2], "holds float64"),
        (IDS, [[0], [1]], [1, 2], r"holds int64 of shape \(1,\)"),
        (ColumnKind("f4"), [0.0, 1.0], [1, 2], "holds float64"),
        (ColumnKind("f"), [0.0, np.nan], [1, 2], "holds nan or infinity"),
        (ColumnKind("i", length=1), [0, 1], [0, 2], "should have 1 steps"),
        (ColumnKind("i", length="other"), [0, 1], [0, 2], "should have as many steps as 'other'"),
        (ColumnKind("i", shortest=1), [0, 1], [0, 2], "has an example of 0 steps"),
    ],
)
def test_what_does_not_fit(kind: ColumnKind, values: Any, ends: list[int], message: str):
    with pytest.raises(RunFolderError, match=rf"examples\.json: the column 'it' {message}"):
        check(kind, column(values, ends), other=column([0, 0], [1, 2]))


def test_a_missing_column_and_an_empty_part():
    check_columns(Part({}), {"it": IDS}, Path("examples.json"))
    with pytest.raises(RunFolderError, match="the column 'it' is missing"):
        check_columns(Part({"other": column([0], [1])}), {"it": IDS}, Path("examples.json"))


def test_stored_texts():
    assert stored_text(np.frombuffer("é".encode(), np.uint8)) == "é"
    with pytest.raises(RunFolderError, match="not UTF-8"):
        stored_text(np.array([0xC3], np.uint8))


@pytest.mark.parametrize(
    ("values", "fits"), [([1, 2, 2], True), ([2, 1, 2], True), ([1, 1, 3], False), ([2**63 - 1, -1, 2], False)]
)
def test_numbers_that_count_the_steps_of_another_column(values: list[int], fits: bool):
    kind, characters = ColumnKind("i", lowest=-1, counts="other"), column([0] * 5, [3, 5])
    if fits:
        check(kind, column(values, [2, 3]), other=characters)
        return
    with pytest.raises(RunFolderError, match="does not count the steps of 'other'"):
        check(kind, column(values, [2, 3]), other=characters)
