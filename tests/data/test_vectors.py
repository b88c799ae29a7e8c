"""Word vectors from a file."""

from pathlib import Path

import pytest

from tidegate.data.vectors import read_vectors
from tidegate.data.vocabulary import UNKNOWN, Vocabulary
from tidegate.errors import DataError

WORDS = Vocabulary([UNKNOWN, "good", "1990", "."])


@pytest.mark.parametrize("header", ["", "5 3\n"])
def test_words_may_hold_spaces_and_be_numbers(tmp_path: Path, header: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(header + ". . 9 9 9\nat name@domain.com .1 -2e-3 4\ngood 1 2 3 \n1990 4 5 6\n. 7 8 -.9\n")
    table, found = read_vectors(path, WORDS, 3)
    assert found == 3
    assert table[1:].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, pytest.approx(-0.9)]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("good 1 2", "line 2: 'good' is followed by 2 numbers, but the embedding has 3: choose --embedding-size 2"),
        (". . 1 2", r"line 2: '\. \.' is followed by 2 numbers"),
        ("good", "line 2: 'good' is followed by 0 numbers"),
        ("good 1 2 3 4 5", "line 2: 'good' is followed by 5 numbers, but the embedding has 3"),
        ("1990 1 2 3 4", "line 2: '1990' is followed by 4 numbers, but the embedding has 3"),
        ("good 1 x 3", "line 2: 'good' is not followed by numbers only"),
        ("good 1 1_0 3", "line 2: 'good' is not followed by numbers only"),
        ("good 1 ١ 3", "line 2: 'good' is not followed by numbers only"),
        ("good 1 1e50 3", "line 2: the vector of 'good' holds nan or inf"),
        ("good 1 nan 3", "line 2: the vector of 'good' holds nan or inf: leave the line out"),
        ("good -inf 2 3", "line 2: the vector of 'good' holds nan or inf"),
    ],
)
def test_lines_that_do_not_fit_are_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(f"a 1 2 3\n{line}\n")
    with pytest.raises(DataError, match=rf"vectors\.txt, {message}"):
        read_vectors(path, WORDS, 3)
