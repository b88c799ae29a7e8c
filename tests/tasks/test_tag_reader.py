"""Reading tagged sequences: the formats, and what is refused with its file and line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tidegate.data.rows import Row
from tidegate.errors import DataError, EncodingError
from tidegate.tasks.tag.reader import read_tagged, step_place, tags_of, tokens_of


def read(path: Path, token: str | None = None, tag: str | None = None, field: str = "upos") -> list[Row]:
    return list(read_tagged(path, token, tag, field))


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pairs(rows: list[Row]) -> list[tuple[Any, Any]]:
    return [(row.values.get("tokens", row.values.get("text")), row.values.get("tags")) for row in rows]


def test_conll_columns(tmp_path: Path) -> None:
    text = "-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n\n\n# NN O\n"
    path = written(tmp_path, "a.conll", text)
    assert pairs(read(path)) == [(["EU", "rejects"], ["B-ORG", "O"]), (["#"], ["O"])]
    assert pairs(read(path, tag="2")) == [(["EU", "rejects"], ["NNP", "VBZ"]), (["#"], ["NN"])]
    assert pairs(read(path, token="2")) == [(["NNP", "VBZ"], ["B-ORG", "O"]), (["NN"], ["O"])]
    assert step_place(read(path)[0], 1) == f"{path}, line 4"


def test_tabs_keep_words_with_spaces_and_blank_lines_may_hold_a_tab(tmp_path: Path) -> None:
    path = written(tmp_path, "a.tsv", "New York\tB-LOC\n\xa0\tO\n\t\nof\tO\n")
    assert pairs(read(path)) == [(["New York", "\xa0"], ["B-LOC", "O"]), (["of"], ["O"])]


def test_one_column_is_words_without_tags(tmp_path: Path) -> None:
    path = written(tmp_path, "a.conll", "so\nbad\n\ngood")
    assert pairs(read(path)) == [(["so", "bad"], None), (["good"], None)]
    with pytest.raises(DataError, match=re.escape(f"{path}, line 1: there are no tags")):
        tags_of(read(path)[0], 2)


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = written(tmp_path, "a.conll", b"\xef\xbb\xbfIt O\r\n's O\r\n\r\nshe B-P\r\n")
    assert pairs(read(path)) == [(["It", "'s"], ["O", "O"]), (["she"], ["B-P"])]


def test_conllu(tmp_path: Path) -> None:
    rest = "\t_\t_\t_\t_\t_"
    lines = [
        "# text = dell'arte",
        "1-2\tdell'\t_\t_\t_" + rest,
        "1\tdi\tdi\tADP\tE" + rest,
        "2\tl'\til\tDET\tR" + rest,
        "2.1\tghost\t_\tVERB\t_" + rest,
        "3\tarte\tarte\tNOUN\t_" + rest,
        "",
        "1\tvuoto\tvuoto\t_\t_" + rest,
    ]
    path = written(tmp_path, "a.conllu", "\n".join(lines))
    assert pairs(read(path)) == [(["di", "l'", "arte"], ["ADP", "DET", "NOUN"]), (["vuoto"], None)]
    assert pairs(read(path, field="xpos"))[0] == (["di", "l'", "arte"], ["E", "R", "_"])
    assert step_place(read(path)[0], 2) == f"{path}, line 6"


def test_columns_of_conllu_are_not_named(tmp_path: Path) -> None:
    path = written(tmp_path, "a.conllu", "1\ta" + "\t_" * 8 + "\n")
    for columns in (("2", None), (None, "5")):
        with pytest.raises(DataError, match=r"a\.conllu: .* is given: .* --conllu-field"):
            read(path, *columns)


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_tables_of_lists(tmp_path: Path, ending: str) -> None:
    rows = [{"id": 1, "tokens": ["a", "b"], "ner_tags": ["O", "B-X"]}, {"id": 2, "tokens": [], "ner_tags": []}]
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        import pandas

        pandas.DataFrame(rows).to_parquet(path)
    else:
        written(tmp_path, path.name, "\n".join(map(json.dumps, rows)))
    assert pairs(read(path)) == [(["a", "b"], ["O", "B-X"]), ([], [])]


def test_columns_by_name_and_whole_numbers_as_tags(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"w": ["a", "b"], "tags": ["X", "Y"], "t": [0, 3]}')
    assert pairs(read(path, "w", "t")) == [(["a", "b"], ["0", "3"])]
    with pytest.raises(DataError, match=r"which column is the words\? There are: 'w', 'tags', 't'"):
        read(path)
    # What is to be tagged may lack the tags; who learns from it is told.
    missing = read(path, "w", "gold")
    with pytest.raises(DataError, match=r"row 1: there are no tags .* No column 'gold' was found"):
        tags_of(missing[0], 2)


def test_a_text_is_characters_or_words(tmp_path: Path) -> None:
    (row,) = read(written(tmp_path, "a.jsonl", '{"text": "a b", "tags": ["x", "y", "x"]}'))
    assert tokens_of(row, "characters") == ["a", " ", "b"]
    assert tokens_of(row, "words") == ["a", "b"]
    with pytest.raises(DataError, match=r"row 1: there are 3 tags for 2 steps \(a text, not a list"):
        tags_of(row, 2)
    lines = read(written(tmp_path, "a.txt", "one  two\n\nthree\n"))
    assert [tokens_of(row, "words") for row in lines] == [["one", "two"], [], ["three"]]
    with pytest.raises(DataError, match=r"a\.txt, line 1: there are no tags .* name it \.conll"):
        tags_of(lines[0], 2)


REFUSED: dict[str, tuple[str, str | bytes, str]] = {
    "a missing column": ("a.conll", "a O\nb O\nc\n", "line 3: the line has 1 column, but those before have 2: 'c'"),
    "a column too many": ("a.conll", "a\tO\nb\tX\tO\n", "line 2: the line has 3 columns, but those before have 2"),
    "an empty tag": ("a.conll", "a\tO\nb\t \n", "line 2: the column of the tag is empty"),
    "latin-1": ("a.conll", b"a O\ncaf\xe9 O\n", "line 2: byte 0xE9 is not UTF-8"),
    "a line of 1 MB": ("a.conll", "a O\n" + "b" * 2**20, "line 2: the line has 1 column, but"),
    "csv": ("a.csv", "a,O\n", "a.csv: a CSV file cannot hold lists"),
    "fields of CoNLL-U": ("a.conllu", "1\ta\tO\n", "line 1: the line has 3 columns, but CoNLL-U has 10"),
    "numbers of CoNLL-U": ("a.conllu", "2\ta" + "\t_" * 8, "line 1: the word's number is '2', but should be 1"),
    "a list that is none": ("a.jsonl", '{"tokens": ["a"], "tags": "O"}', "row 1: 'tags' should be a list"),
    "an element that is none": ("a.jsonl", '{"tokens": ["a", null], "tags": ["O", "O"]}', "row 1: 'tokens' should be"),
    "badly formed JSON": ("a.jsonl", '{"tokens": ["a"', "a.jsonl is malformed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_malformed_files_raise_with_file_and_line(tmp_path: Path, case: str) -> None:
    name, content, message = REFUSED[case]
    path = written(tmp_path, name, content)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 600
    assert isinstance(caught.value, EncodingError) == (case == "latin-1")


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    path = written(tmp_path, "a.conll", "a O\n")
    with pytest.raises(DataError, match="line 1: the line has 2 columns, but column 4 is asked for"):
        read(path, tag="4")
    for wrong in ("0", "tags"):
        with pytest.raises(DataError, match=f"give a column's number, 1 or more, and not '{wrong}'"):
            read(path, tag=wrong)


def test_words_as_long_as_pages_and_empty_ones(tmp_path: Path) -> None:
    (row,) = read(written(tmp_path, "a.conll", f"a\tO\n{'b' * 2**20}\tO\n"))
    with pytest.raises(
        DataError, match=r"a\.conll, line 2: a word of 1,048,576 characters, 'bbb.{0,60}The longest|the lo"
    ):
        tokens_of(row, "words")
    (row,) = read(written(tmp_path, "a.conll", "a\tO\n\tO\n"))
    with pytest.raises(DataError, match=r"a\.conll, line 2: a word is empty"):
        tokens_of(row, "words")
    with pytest.raises(DataError, match=r"line 1: 'ab' is a word, but the model reads single characters"):
        tokens_of(Row("x, line 1", {"tokens": ["ab"], "places": ["x, line 1"]}), "characters")


@pytest.mark.parametrize(
    "comment",
    [
        "# source = web",
        "# text = Tides turn .",
        "#id = 1",
        "# newdoc id = a b c d",
        "# empty =",
        "# x = y = z",
        "#  a  = b",
        "# newpar",
    ],
)
@pytest.mark.parametrize("gap", [" ", "\t"])
def test_comments_before_a_sentence_are_no_words(tmp_path: Path, comment: str, gap: str) -> None:
    """Also where one has as many words as there are columns, and where there are several."""
    rows = [("Tides", "NNS", "B-NP", "noun"), ("#", "SYM", "B-NP", "sign"), ("turn", "VBP", "B-VP", "verb")]
    sentence = "\n".join(map(gap.join, rows))
    path = written(tmp_path, "a.conll", f"{comment}\n# a = b\n{sentence}\n\n{comment}\n{sentence}\n\n{comment}\n")
    assert pairs(read(path)) == [(["Tides", "#", "turn"], ["noun", "sign", "verb"])] * 2


def test_a_number_sign_is_a_word(tmp_path: Path) -> None:
    """Also the first of a sentence, and beside a tag that is an equals sign where tabs divide the columns."""
    path = written(tmp_path, "a.conll", "#\t=\n# = b\tO\n\n#\tX\n")
    assert pairs(read(path)) == [(["#", "# = b"], ["=", "O"]), (["#"], ["X"])]
    path = written(tmp_path, "a.conll", "# X\n#tag Y\n\n#tag X\n")
    assert pairs(read(path)) == [(["#", "#tag"], ["X", "Y"]), (["#tag"], ["X"])]
