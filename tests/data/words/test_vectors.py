"""Word vectors from a file."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.data.vocabulary import UNKNOWN, Vocabulary
from tidegate.data.words.vectors import read_vectors
from tidegate.errors import DataError

WORDS = Vocabulary([UNKNOWN, "good", "1990", "."])


@pytest.mark.parametrize("header", ["", "5 3\n"])
def test_words_may_hold_spaces_and_be_numbers(tmp_path: Path, header: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(header + ". . 9 9 9\nat name@domain.com .1 -2e-3 4\ngood 1 2 3 \n1990 4 5 6\n. 7 8 -.9\n")
    table, found, further = read_vectors(path, WORDS, 3)
    assert (found, further) == (3, [])
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


VECTORS = {
    "good": [1, 2, 3],
    "Bad": [4, 5, 6],
    "1990": [7, 8, 0.5],
    "naïve": [0, -1, 2],
    "BAD": [9, 9, 9],
}


def text(vectors: dict[str, list[float]]) -> bytes:
    return "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in vectors.items()).encode()


def binary(vectors: dict[str, list[float]], end: bytes = b"\n") -> bytes:
    """As word2vec writes it: its C program ends each vector with a line feed, gensim does not."""
    rows = b"".join(word.encode() + b" " + struct.pack("<3f", *row) + end for word, row in vectors.items())
    return f"{len(vectors)} 3\n".encode() + rows


def written(folder: Path, name: str) -> Path:
    path, content = folder / name, text(VECTORS)
    if ".bin" in name.lower():
        content = binary(VECTORS, b"" if name.startswith("gensim") else b"\n")
    if name.endswith(".npy"):
        np.save(path, np.array(list(VECTORS.values()), np.float16))
        path.with_suffix(".txt").write_text("".join(f"{word}\n" for word in VECTORS))
        return path
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.vec.gz", "a.bin", "gensim.bin", "a.BIN.gz", "a.npy"])
def test_every_format_holds_the_same(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    table, found, further = read_vectors(path, WORDS, 3, further=9)
    assert (found, further) == (2, ["Bad", "naïve", "BAD"])
    assert table[[1, 2, 4, 5, 6]].tolist() == [VECTORS[word] for word in ("good", "1990", "Bad", "naïve", "BAD")]
    assert read_vectors(path, WORDS, 3, further=1).further == ["Bad"]
    table, found, further = read_vectors(path, Vocabulary([UNKNOWN, "naïve", "bad"]), 3, further=9, lowercase=True)
    assert (found, further) == (2, ["good", "1990"])
    assert table[2].tolist() == [4, 5, 6]  # the first of Bad and BAD


def cut(content: bytes) -> bytes:
    return content[:-3]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("a.bin", cut, "a.bin, vector 5: the file is cut off"),
        ("a.bin", lambda it: it[:9], "5 vectors of 3 numbers are said to follow, but the file is shorter"),
        ("a.bin", lambda it: b"99999999999 3" + it[3:], "99,999,999,999 vectors of 3 numbers are said to follow"),
        ("a.bin", lambda it: b"5 4" + it[3:], "the vectors have 4 numbers, .* choose --embedding-size 4"),
        ("a.bin", lambda it: b"good 1 2 3\n" + it, "should begin with a line of two numbers"),
        ("a.bin", lambda it: struct.pack("<i", 793712314) + it, "a model of fastText: give its word vectors, .* .vec"),
        ("a.bin", lambda it: it.replace(struct.pack("<f", 2), struct.pack("<f", np.nan)), "vector 1: .* nan or inf"),
        ("a.bin", lambda it: it + it, "more follows than the 5 vectors"),
        ("a.vec.gz", cut, "a.vec.gz is not a complete gzip file"),
        ("a.bin.gz", cut, "a.bin.gz is not a complete gzip file"),
        ("a.vec.gz", lambda it: b"good 1 2 3\n", "is not a complete gzip file"),
        ("a.vec.gz", lambda _: gzip.compress(b"a" * (1 << 22)), "line 1: the line is longer than 1,048,576 bytes"),
        ("a.bin.gz", lambda _: gzip.compress(b"9 3\n" + b"a" * (1 << 21)), "vector 1: .* no blank ends the word"),
        ("a.vec.gz", lambda _: gzip.compress(b"good 1 2\n"), "followed by 2 numbers, but the embedding has 3"),
        ("a.npy", cut, "a.npy is not a whole array of numbers"),
    ],
)
def test_what_is_damaged_is_refused(tmp_path: Path, name: str, change: Callable[[bytes], bytes], message: str) -> None:
    path = written(tmp_path, name)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=message):
        read_vectors(path, WORDS, 3, further=9)


@pytest.mark.parametrize(
    ("array", "words", "message"),
    [
        (np.zeros((2, 3)), "good\n", r"a\.txt should have a line for each of the 2 vectors"),
        (np.zeros((2, 3)), "good\nbad\nx\n", r"a\.txt should have a line for each of the 2 vectors"),
        (np.zeros((2, 4)), "good\nbad\n", "choose --embedding-size 4"),
        (np.zeros(6), "good\nbad\n", "should be an array"),
        (np.array([["a", "b", "c"]]), "good\n", "should be an array"),
        (np.array([[{}, 1, 2]], dtype=object), "good\n", "is not a whole array of numbers"),
        (np.zeros((2, 3)), None, r"a\.npy holds numbers only: give its words, one a line, in a file .*a\.txt"),
    ],
)
def test_arrays_need_their_words(tmp_path: Path, array: Any, words: str | None, message: str) -> None:
    np.save(tmp_path / "a.npy", array)
    if words is not None:
        (tmp_path / "a.txt").write_text(words)
    with pytest.raises(DataError, match=message):
        read_vectors(tmp_path / "a.npy", WORDS, 3)


def test_a_word_of_a_binary_file_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(binary({"x?y": [1, 2, 3], "good": [4, 5, 6]}).replace(b"?", b"\xff"))
    assert read_vectors(tmp_path / "a.bin", WORDS, 3, further=9)[1:] == (1, [])
