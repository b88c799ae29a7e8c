"""What separates the columns of CSV files: found out where one reading fits, refused where two do."""

import csv
from pathlib import Path
from typing import Any

import pytest

from tidegate.data.rows import columns_of, layout_notes, read_table
from tidegate.errors import DataError
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.seq2seq.translate import TranslateConfig, TranslateTask


def written(folder: Path, text: str, name: str = "a.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def rows(path: Path, delimiter: Any = None) -> list[list[str]]:
    columns = columns_of(path, delimiter)
    return [columns, *(list(row.values.values()) for row in read_table(path, columns, delimiter=delimiter))]


@pytest.mark.parametrize(("delimiter", "name"), [(";", ";"), ("\t", "tab"), ("|", "|")])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_delimiters_are_found_and_told(tmp_path: Path, delimiter: str, name: str, quoting: Any) -> None:
    """Against what Python's csv writes: commas, quotation marks and line ends in the cells."""
    table = [["a", "b, c", "d"], ["1,5", 'said "no"', "two\nlines"], ["2,5", "x;y|z\tw", ""], ["1", "", "3,25"]]
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter, quoting=quoting).writerows(table)
    assert rows(tmp_path / "a.csv") == table
    assert layout_notes(tmp_path / "a.csv") == [f"{tmp_path / 'a.csv'} is read as: columns separated by {name!r}"]
    assert layout_notes(tmp_path / "a.csv", name) == []  # type: ignore[arg-type]  # what one says oneself is not told


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1;2,3\n4;5,6\n",  # the header has no semicolon
        "text\nx; y\nz | w\n",
        "text;as spoken\nhello\nthere\n",  # no row has one
        '"a;b",c\n1,2\n',
        "a,b;c\n1,2\n3,4\n",  # not in every row
        "a\n1\n",
    ],
)
def test_files_with_commas_are_read_as_ever(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    assert rows(path) == list(csv.reader(text.splitlines()))
    assert layout_notes(path) == []


def test_a_line_that_declares_the_delimiter_is_no_row(tmp_path: Path) -> None:
    path = written(tmp_path, "sep=;\na;b\n1;2\n3;4;5\n")
    with pytest.raises(DataError, match=r"a\.csv, line 4: there are 3 cells, but 2"):
        rows(path)
    assert rows(written(tmp_path, "sep=^\r\na^b\r\n1^2\r\n")) == [["a", "b"], ["1", "2"]]


def test_two_readings_are_refused_until_one_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b;c\n1,2;3\n4,5;6\n")
    with pytest.raises(DataError, match=r"a\.csv: columns may be separated by ',' \(2 columns\) or ';' \(2 columns\)"):
        rows(path)
    assert rows(path, ";") == [["a,b", "c"], ["1,2", "3"], ["4,5", "6"]]
    assert rows(path, ",") == [["a", "b;c"], ["1", "2;3"], ["4", "5;6"]]


def test_a_row_that_does_not_fit_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 3: there are 1 cells, but 2 .* separated by ';': if not, say --delim"):
        rows(written(tmp_path, "date;y\n2024-01-01;1,5\n2024-01-02\n2024-01-03;2\n"))


def test_a_cell_of_a_megabyte_is_no_other_delimiter(tmp_path: Path) -> None:
    assert rows(written(tmp_path, "a;b\n" + "x" * 1_000_000 + ";1\n"))[1][1] == "1"


def test_tasks_of_texts_read_them_too(tmp_path: Path) -> None:
    path = written(tmp_path, "text;label\nwarm, funny;like\nslow;not\n")
    (first, _) = ClassifyTask.read(path, ClassifyConfig())
    assert (first.values["text"], first.values["label"]) == ("warm, funny", "like")
    assert ClassifyTask.remarks(path, ClassifyConfig()) == [f"{path} is read as: columns separated by ';'"]
    path = written(tmp_path, "source|target\nun, deux|one, two\n", "b.csv")
    (row,) = TranslateTask.read(path, TranslateConfig())
    assert row.values["target"] == "one, two"
    assert TranslateTask.remarks(path, TranslateConfig(delimiter="|")) == []
