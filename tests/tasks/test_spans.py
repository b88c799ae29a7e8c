"""Schemes of tags: found out, refused with file and line, and their spans."""

import re
from collections.abc import Callable

import pytest

from tidegate.errors import DataError
from tidegate.tasks.tag.spans import SchemeFinder, spans

Place = Callable[[int], str]


def scheme(*sequences: str, given: str = "auto") -> str:
    finder = SchemeFinder(given)
    for number, sequence in enumerate(sequences, 1):
        finder.add(sequence.split(), lambda n, number=number: f"file {number}, line {n + 1}")
    return finder.found()


@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        (["O B-PER I-PER O", "B-LOC B-LOC"], "BIO"),
        (["O B-PER"], "BIO"),
        (["B-PER B-LOC I-LOC"], "BIO"),
        (["O I-PER I-PER O"], "IOB1"),
        (["I-PER B-PER I-LOC I-PER"], "IOB1"),
        (["S-PER", "O B-LOC I-LOC E-LOC"], "BIOES"),
        (["B-LOC E-LOC O"], "BIOES"),
        (["O O", "O S-PER"], "BIOES"),
        (["NOUN VERB", "-LRB- PRP$"], "plain"),
        (["O O"], "plain"),
        (["left right S E O N"], "plain"),
    ],
)
def test_schemes_are_found_out(sequences: list[str], expected: str) -> None:
    assert scheme(*sequences) == expected


@pytest.mark.parametrize(
    ("sequences", "reasons"),
    [
        (["O B-PER", "O I-PER"], ["not BIO: file 2, line 2: 'I-PER' follows no", "not IOB1: file 1, line 2: 'B-PER'"]),
        (
            ["B-PER I-LOC"],
            ["not BIO: file 1, line 2: 'I-LOC' follows no 'B-LOC' or 'I-LOC'", "not IOB1: file 1, line 1"],
        ),
        (["B-PER O", "S-PER"], ["not BIO: file 2, line 1: 'S-PER'", "not BIOES: file 1, line 2: 'O' follows a span"]),
        (["S-PER O", "O B-PER"], ["not BIOES: file 2, line 2: 'B-PER' ends the sequence"]),
        (["B-PER E-LOC"], ["not BIOES: file 1, line 2: 'E-LOC' follows no"]),
        (
            ["B-PER NOUN"],
            ["not plain: file 1, line 1: 'B-PER'", "not BIO: file 1, line 2: 'NOUN' is neither O nor B or I"],
        ),
    ],
)
def test_mixed_and_impossible_schemes_are_refused(sequences: list[str], reasons: list[str]) -> None:
    with pytest.raises(DataError, match="fit no scheme") as caught:
        scheme(*sequences)
    for reason in reasons:
        assert reason in str(caught.value)


@pytest.mark.parametrize("tags", ["O B I O", "O PER-B PER-I", "B_PER O", "O b-per", "O B", "O U.per"])
def test_tags_that_look_like_spans_but_mark_none_are_refused(tags: str) -> None:
    odd = next(n for n, tag in enumerate(tags.split(), 1) if tag != "O")
    with pytest.raises(DataError, match=re.escape(f"file 1, line {odd}: ")) as caught:
        scheme(tags)
    assert "so there is no span" in str(caught.value)
    assert scheme(tags, given="plain") == "plain"


def test_a_given_scheme_allows_any_order_but_no_other_tag() -> None:
    assert scheme("O I-PER B-LOC", given="BIO") == "BIO"
    with pytest.raises(
        DataError, match="file 1, line 2: 'S-PER' is neither O nor B or I with a dash and a type, as BIO"
    ):
        scheme("O S-PER", given="BIO")


def test_spans() -> None:
    assert spans(["B-A", "I-A", "B-A", "O", "I-B"], "BIO") == [("A", 0, 2), ("A", 2, 3), ("B", 4, 5)]
    assert spans(["I-A", "I-B", "B-B"], "IOB1") == [("A", 0, 1), ("B", 1, 2), ("B", 2, 3)]
    assert spans(["B-A", "E-A", "S-B", "I-A", "B-A"], "BIOES") == [("A", 0, 2), ("B", 2, 3)]
    assert spans(["B-a-b", "I-a-b"], "BIO") == [("a-b", 0, 2)]
    assert spans([], "BIO") == spans([], "BIOES") == []
