"""Rows of files: what people's files look like on an ordinary day."""

import gzip
import json
import sys
from pathlib import Path

import pytest

from tidegate.data.lines import read_lines
from tidegate.data.rows import columns_of, read_table
from tidegate.errors import DataError, EncodingError, MissingDependencyError

ROWS = [("NA", "null, and\nvoid"), ("1", ""), ("é", "나")]


def table(path: Path, kind: str) -> Path:
    path = path / f"rows.{kind}"
    if kind in ("csv", "tsv"):
        sep, quote = (",", '"') if kind == "csv" else ("\t", "")
        rows = [("a", "b"), *ROWS] if kind == "csv" else [("a", "b"), *((a, b.replace("\n", " ")) for a, b in ROWS)]
        lines = [sep.join(f"{quote}{cell}{quote}" for cell in row) for row in rows]
        path.write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(dict(zip("ab", row, strict=True))) + "\n" for row in ROWS), encoding="utf-8")
    else:
        import pyarrow
        import pyarrow.parquet

        columns = {name: [row[k] for row in ROWS] for k, name in enumerate("ab")}
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_cells_come_as_they_stand(tmp_path: Path, kind: str) -> None:
    """With a byte order mark and Windows line ends; "NA" and "null" are words, and an empty text is a text."""
    path = table(tmp_path, kind)
    found = list(read_table(path, ["b", "a"]))
    wanted = [(a, b.replace("\n", " ")) for a, b in ROWS] if kind == "tsv" else ROWS
    assert [(row.values["a"], row.values["b"].replace("\r\n", "\n")) for row in found] == wanted
    assert found[1].where == f"{path}, row 2"
    assert columns_of(path) == ["a", "b"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_a_missing_column_raises_with_a_list_of_columns(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DataError, match=rf"rows\.{kind}.*no column 'c'; there are: 'a', 'b'"):
        list(read_table(table(tmp_path, kind), ["a", "c"]))


def test_a_row_with_too_few_cells_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(DataError, match=r"a\.csv, line 3: there are 1 cells, but 2"):
        list(read_table(tmp_path / "a.csv", ["a", "b"]))


def test_a_row_with_too_many_cells_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3,4,5\n")
    with pytest.raises(DataError, match=r"a\.csv, line 3: there are 3 cells, but 2"):
        list(read_table(tmp_path / "a.csv", ["a", "b"]))


@pytest.mark.parametrize(("name", "text"), [("a.csv", ""), ("a.csv", "a,b\n"), ("a.tsv", ""), ("a.jsonl", "")], ids=str)
def test_an_empty_file_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=name):
        list(read_table(tmp_path / name, ["a"]))


def test_an_open_quote_raises(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b\n1,"2\n3,4\n')
    with pytest.raises(DataError, match=r"a\.csv, line 3"):
        list(read_table(tmp_path / "a.csv", ["a"]))


def test_a_quotation_mark_in_a_tsv_file_is_a_character(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('a\tb\n"He\tsaid "no".\n')
    (row,) = read_table(tmp_path / "a.tsv", ["a", "b"])
    assert row.values == {"a": '"He', "b": 'said "no".'}


def test_malformed_json_raises(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": "1"}\n{"a": \n')
    with pytest.raises(DataError, match=r"a\.jsonl"):
        list(read_table(tmp_path / "a.jsonl", ["a"]))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_latin1_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    text = b'{"a": "x"}\n{"a": "caf\xe9"}\n' if name == "a.jsonl" else b"a\ncaf\xe9\n"
    (tmp_path / name).write_bytes(text)
    with pytest.raises(EncodingError, match=rf"{name}, line 2: byte 0xE9"):
        list(read_table(tmp_path / name, ["a"]))


def test_lines_with_windows_ends_and_a_mark(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffone\r\n\r\ntwo  \n나".encode())
    assert [text for _, text in read_lines(tmp_path / "a.txt")] == ["one", "", "two  ", "나"]


def test_a_line_of_a_megabyte(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n" + "x" * 1_000_000 + ",1\n")
    (row,) = read_table(tmp_path / "a.csv", ["a", "b"])
    assert len(row.values["a"]) == 1_000_000


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_only_parquet_needs_a_package(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path, kind)
    for package in ("datasets", "pandas", "pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, package, None)
    if kind != "parquet":
        assert len(list(read_table(path, ["a"]))) == len(ROWS)
        return
    with pytest.raises(MissingDependencyError, match=r"needs pyarrow\. It is not installed: pip install '?pyarrow"):
        list(read_table(path, ["a"]))


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ("a\tb\n".encode("utf-16"), "It begins like UTF-16: convert it first"),
        (gzip.compress(b"a\tb\n", mtime=0), r"It is compressed \(gzip\): unpack it first"),
        (b"caf\xe9", "If it is text in another encoding"),
    ],
)
def test_what_is_no_utf_8_is_refused_with_what_it_may_be(tmp_path: Path, data: bytes, hint: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(EncodingError, match=rf"a\.txt, line 1: byte .*{hint}"):
        list(read_lines(tmp_path / "a.txt"))
