"""A value of a table is what its file says: whatever it looks like, and whatever stands in other rows."""

import datetime
import decimal
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from tidegate.data.rows import Row, columns_of, read_table, text_cell
from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.classify.reader import read_labelled
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.seq2seq.translate_reader import read_parallel
from tidegate.tasks.tag.reader import read_tagged

LOOKS = ["2023-03-05", "2023-03-05T12:00:00Z", "12:30", "007", "1.50", "1e5", "NaN", "null", "true", "-0", "P1D", "{}"]


def parquet(path: Path, **columns: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def json_lines(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(params=["csv", "tsv", "jsonl", "json", "parquet"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, list[str]], Path]:
    """Write a table of one column of texts."""

    def write(name: str, texts: list[str]) -> Path:
        path = tmp_path / f"a.{request.param}"
        if request.param in ("csv", "tsv"):
            path.write_text("\n".join([name, *texts]) + "\n")
        elif request.param == "parquet":
            parquet(path, **{name: texts})
        elif request.param == "json":
            path.write_text(json.dumps([{name: text} for text in texts], indent=1))
        else:
            json_lines(path, *(json.dumps({name: text}) for text in texts))
        return path

    return write


def test_a_text_stays_the_text_it_is(write: Callable[[str, list[str]], Path]) -> None:
    """In every kind of file, and alike: dates, times and numbers are not told by their looks."""
    assert [row.values["source"] for row in read_parallel(write("source", LOOKS), "source")] == LOOKS
    for text in LOOKS:  # in a file of its own, where all values look alike
        assert [row.values["text"] for row in read_labelled(write("text", [text] * 3), None, None)] == [text] * 3


def test_tokens_and_tags_stay_the_texts_they_are(tmp_path: Path) -> None:
    row = {"tokens": LOOKS, "tags": LOOKS[::-1]}
    for path in (
        json_lines(tmp_path / "a.jsonl", json.dumps(row)),
        parquet(tmp_path / "a.parquet", **{name: [it] for name, it in row.items()}),
    ):
        (found,) = read_tagged(path, None, None, "upos")
        assert (found.values["tokens"], found.values["tags"]) == (LOOKS, LOOKS[::-1])


def test_numbers_in_json_are_the_digits_that_were_written(tmp_path: Path) -> None:
    """A whole number does not become a fraction because another row has one, or has none."""
    digits = ["1", "2.50", "1e5", "12345678901234567890123", "9" * 5000, "-0.0"]
    rows = [f'{{"text": "x", "label": {it}}}' for it in digits]
    path = json_lines(tmp_path / "a.jsonl", *rows, '{"text": "x", "label": true}')
    assert [row.values["label"] for row in read_labelled(path, None, None)] == [*digits, "true"]


def test_values_of_parquet_are_their_plain_text(tmp_path: Path) -> None:
    moment = datetime.datetime(2023, 3, 5, 1, 2, 3)
    columns = {
        "whole": pyarrow.array([1, 2], pyarrow.uint64()),
        "float": pyarrow.array([0.1, 2.0], pyarrow.float32()),
        "double": [0.1, 1e300],
        "truth": [True, False],
        "decimal": [decimal.Decimal("1.50"), decimal.Decimal("2.00")],
        "day": [moment.date()] * 2,
        "nanoseconds": pyarrow.array([1, 2], pyarrow.timestamp("ns")),
        "bytes": ["Adèle".encode(), b"2023"],
        "category": pyarrow.array(["b", "a"]).dictionary_encode(),
        "large": pyarrow.array(["x", "y"], pyarrow.large_string()),
    }
    path = parquet(tmp_path / "a.parquet", **columns)
    row, other = read_table(path, list(columns))
    assert [text_cell(row, name) for name in columns] == [
        *("1", "0.1", "0.1", "true", "1.50", "2023-03-05", "1970-01-01 00:00:00.000000001", "Adèle", "b", "x"),
    ]
    assert text_cell(other, "double") == "1e+300"


def test_bytes_that_are_no_text_are_refused_with_their_row(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", text=[b"fine", b"caf\xe9"])
    with pytest.raises(DataError, match=r"a\.parquet, row 2: column 'text' holds bytes that are not UTF-8"):
        list(read_labelled(path, None, None))
    path = parquet(tmp_path / "b.parquet", tokens=[[b"fine"], [b"caf\xe9"]])
    with pytest.raises(DataError, match=r"b\.parquet, row 2: column 'tokens' holds bytes"):
        list(read_tagged(path, None, None, "upos"))


@pytest.mark.parametrize("value", ['{"a": 1}', '["a"]', "NaN", "-Infinity", "1e999", '[[["a"]]]'])
def test_what_is_no_text_is_refused_with_its_row(tmp_path: Path, value: str) -> None:
    path = json_lines(tmp_path / "a.jsonl", '{"text": "x"}', f'{{"text": {value}}}')
    if value == "1e999":  # a text of digits, though no number that a computer holds
        assert [row.values["text"] for row in read_labelled(path, None, None)] == ["x", value]
        return
    with pytest.raises(DataError, match=r"a\.jsonl, row 2: column 'text' should hold texts or numbers, but holds"):
        list(read_labelled(path, None, None))


@pytest.mark.parametrize(
    "column",
    [
        pyarrow.array([datetime.timedelta(1)]),
        pyarrow.array([{"a": 1}]),
        pyarrow.array([[("a", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
        pyarrow.array([[["a"]]]),
    ],
    ids=lambda it: str(it.type),
)
def test_types_that_are_not_read_are_refused_if_they_are_used(tmp_path: Path, column: Any) -> None:
    path = parquet(tmp_path / "a.parquet", text=["x"], other=column)
    assert [row.values["text"] for row in read_labelled(path, None, None)] == ["x"]
    with pytest.raises(DataError, match=r"a\.parquet: column 'other' is of type .*, which is not read"):
        list(read_labelled(path, "other", None))


def test_columns_that_are_not_used_are_not_looked_at(tmp_path: Path) -> None:
    """Whatever they hold, of one type or of several, and also after more rows than a reader holds at once."""
    others = ["null", '"x"', "1", "1.5", "[1, {}]", '{"a": null}', "NaN", '"\\ud800"', "9" * 5000, '{"a": 1, "a": 2}']
    rows = [f'{{"text": "t", "label": "l", "message": {it}}}' for it in ["null"] * 3000 + others]
    path = json_lines(tmp_path / "a.jsonl", *rows)
    assert sum(row.values["label"] == "l" for row in read_labelled(path, None, None)) == len(rows)


def test_names_are_those_of_all_objects(tmp_path: Path) -> None:
    """A column that comes late is refused where it is missing, and not left out without a word."""
    path = json_lines(tmp_path / "a.jsonl", *['{"a": 1}'] * 2000, '{"a": 1, "b": 2}')
    assert columns_of(path) == ["a", "b"]
    with pytest.raises(DataError, match=r"row 1: column 'b' is empty"):
        list(read_series(path))


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_row_numbers_without_a_name_are_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        import pandas

        pandas.DataFrame({"y": [5, 6]}, index=pandas.Index([3, 1])).to_parquet(path)
    else:
        path.write_text(",y\n0,5\n1,6\n".replace(",", "," if kind == "csv" else "\t"))
    assert columns_of(path) == ["y"]
    (row,) = read_series(path)
    assert row.values["values"].tolist() == [5, 6]


def test_a_name_given_twice_is_refused_if_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,note,note\nx,1,2\n")
    assert next(read_table(tmp_path / "a.csv", ["text"])).values == {"text": "x"}
    with pytest.raises(DataError, match=r"a\.csv: two columns have the same name"):
        list(read_table(tmp_path / "a.csv", ["note"]))
    path = json_lines(tmp_path / "a.jsonl", '{"text": "x", "note": 1, "note": 2}')
    assert next(read_table(path, ["text"])).values["text"] == "x"
    with pytest.raises(DataError, match=r"a\.jsonl, row 1: the name 'note' occurs twice"):
        list(read_table(path, ["note"]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", r"line 1: a row should be an object, but is 1\. Give an object a line, or a list of objects"),
        ('{"text": "x"}\n["a"]\n', r"line 2: a row should be an object, but is a list"),
        ('[{"text": "x"},\n {"text": ]', r"malformed: line 2, column 11: Expecting value"),
        ('[{"text": "x"}', r"malformed: line 1, column 15: expecting ',' or ']'"),
        ('[{"text": "x"}] []', r"malformed: line 1, column 17: something follows the list"),
        ('{"text": "x"} {}', r"malformed: line 1, column 14: something follows the object"),
        ('{\n "text": "x"\n}', r"malformed: line 1"),
        ('{"text": ' + "[" * 100_000, r"nested too deeply"),
        ('{"text": "\\ud83d"}', r"row 1: column 'text' holds half of a surrogate pair"),
        ("[]", r"has no row"),
        ("\n \n", r"has no row"),
    ],
    ids=lambda it: it[:20],
)
def test_json_that_is_no_list_of_objects_is_refused(tmp_path: Path, text: str, message: str) -> None:
    for name in ("a.json", "a.jsonl"):
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match=rf"{name}.*{message}"):
            list(read_labelled(tmp_path / name, None, None))


def test_a_list_of_objects_is_read_whatever_its_layout(tmp_path: Path) -> None:
    rows = [{"text": "a\n[b", "n": 1}, {"text": "é😀", "n": None}]
    for text in (json.dumps(rows), json.dumps(rows, indent=2), "\ufeff\r\n" + json.dumps(rows, indent=4) + "\r\n"):
        (tmp_path / "a.json").write_bytes(text.encode())
        assert [row.values["text"] for row in read_table(tmp_path / "a.json", ["text"])] == ["a\n[b", "é😀"]


def test_a_parquet_bomb_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = parquet(
        tmp_path / "lists.parquet", **{"tokens": [["a"] * 3_000_000], "a.b": [[1] * 3_000_000], "label": ["x"]}
    )
    texts = parquet(tmp_path / "texts.parquet", text=["a" * 3_000_000], label=["x"])
    assert lists.stat().st_size + texts.stat().st_size < 1_000_000
    monkeypatch.setenv("TIDEGATE_MAX_ARRAY_BYTES", "2000000")
    for path, column in ((lists, "tokens"), (lists, "a.b"), (texts, "text")):
        with pytest.raises(DataError, match=rf"column '{column}.* would take .* TIDEGATE_MAX_ARRAY_BYTES"):
            list(read_table(path, [column]))
        assert len(list(read_table(path, ["label"]))) == 1
    monkeypatch.setenv("TIDEGATE_MAX_ARRAY_BYTES", "50000000")
    assert len(list(read_table(lists, ["tokens"]))) == 1
    monkeypatch.setenv("TIDEGATE_MAX_ARRAY_BYTES", "much")
    with pytest.raises(ArgumentError, match="TIDEGATE_MAX_ARRAY_BYTES is 'much'"):
        list(read_table(lists, ["tokens"]))


def test_a_long_text_that_occurs_often_is_held_once(tmp_path: Path) -> None:
    """100 GB of text in a file of some kilobytes: read row by row, it takes no more than a row."""
    path = parquet(tmp_path / "a.parquet", text=pyarrow.array(["a" * 1_000_000] * 100).dictionary_encode())
    assert path.stat().st_size < 1_000_000
    rows = read_table(path, ["text"])
    assert isinstance(next(rows), Row)
    assert sum(1 for _ in rows) == 99


@pytest.mark.parametrize("keep", [0, 3, 100, -30])
def test_a_parquet_file_that_is_cut_off_is_refused(tmp_path: Path, keep: int) -> None:
    path = parquet(tmp_path / "a.parquet", text=["x"] * 100)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"a\.parquet is malformed"):
        columns_of(path)
