"""Texts and what they become: which files are read, and what is said of those that cannot be."""

import json
from pathlib import Path

import pytest

from tidegate.data.word_split import TextCounts, joined, pieces
from tidegate.errors import DataError, EncodingError
from tidegate.tasks.seq2seq.translate import TranslateConfig, TranslateTask
from tidegate.tasks.seq2seq.translate_reader import Pair, paired, read_parallel


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(*args: object) -> list[tuple[str, ...]]:
    return [tuple(row.values.values()) for row in read_parallel(*args)]  # type: ignore[arg-type]


def test_lines_with_a_tab_keep_quotes_and_leave_further_columns(tmp_path: Path) -> None:
    path = file(tmp_path, "a.tsv", '\ufeffHe said "no.\tIl dit « non ».\tCC-BY\r\n\r\nGo.\tVa !\tx\r\nalone\r\n')
    assert read(path) == [('He said "no.', "Il dit « non »."), ("",), ("Go.", "Va !"), ("alone",)]
    rows = list(read_parallel(path))
    assert rows[2].where == f"{path}, line 3"
    assert [row.blank for row in rows] == [False, True, False, False]


def test_two_files_of_plain_text_belong_together(tmp_path: Path) -> None:
    pair = (file(tmp_path, "t.en", "a\nb\n"), file(tmp_path, "t.fr", "x\ny\n"))
    assert paired(pair) == [Pair(*pair)]
    assert read(Pair(*pair)) == [("a", "x"), ("b", "y")]
    tables = (tmp_path / "a.tsv", tmp_path / "b.tsv")
    assert paired(tables) == tables
    assert paired(pair[:1]) == pair[:1]


@pytest.mark.parametrize(("one", "other", "counts"), [("a\nb\nc\n", "x\ny\n", (3, 2)), ("a\n", "x\ny\n", (1, 2))])
def test_different_numbers_of_lines_are_refused_with_both(
    tmp_path: Path, one: str, other: str, counts: tuple[int, int]
) -> None:
    pair = Pair(file(tmp_path, "t.en", one), file(tmp_path, "t.fr", other))
    with pytest.raises(DataError, match=rf"t\.en has {counts[0]} lines, but .*t\.fr has {counts[1]}"):
        read(pair)


def test_tables_have_their_columns_found_or_named(tmp_path: Path) -> None:
    table = file(tmp_path, "a.csv", 'id,target,source\n1,"x, y",a\n2,z,b\n')
    assert read(table) == [("a", "x, y"), ("b", "z")]
    lines = "".join(json.dumps({"en": en, "fr": fr}) + "\n" for en, fr in (("a", "x"), ("b", "y")))
    named = file(tmp_path, "a.jsonl", lines)
    assert read(named, "en", "fr") == [("a", "x"), ("b", "y")]
    assert read(file(tmp_path, "h.tsv", "fr\ten\nx\ta\n"), "en", "fr") == [("a", "x")]
    with pytest.raises(DataError, match=r"a\.jsonl: which column holds the source\? There are: 'en', 'fr'"):
        read(named)
    with pytest.raises(DataError, match=r"a\.csv: there is no column 'en'"):
        read(table, "en")


def test_columns_are_not_named_where_there_are_none(tmp_path: Path) -> None:
    lines = file(tmp_path, "a.tsv", "en\tfr\na\tx\n")
    with pytest.raises(DataError, match=r"a\.tsv: the column of the target is 'fr', but .* --source-column too"):
        read(lines, None, "fr")
    pair = Pair(file(tmp_path, "t.en", "a\n"), file(tmp_path, "t.fr", "x\n"))
    with pytest.raises(DataError, match=r"t\.fr are two files of lines, which have no column 'en'"):
        read(pair, "en")


def test_rows_to_translate_need_no_targets(tmp_path: Path) -> None:
    for path in (file(tmp_path, "a.jsonl", '{"en": "a", "note": "n"}\n'), file(tmp_path, "a.csv", "en,note\na,n\n")):
        (row,) = read_parallel(path, "en", "fr")
        assert row.values["source"] == "a"
        assert "target" not in row.values
        assert row.values["untargeted"] == "No column 'fr' was found; there are: 'en', 'note'. Say --target-column."
    assert read(file(tmp_path, "a.csv", "sentence\na\n"))[0][0] == "a"
    with pytest.raises(DataError, match=r"which column holds the source\? There are: 'target'"):
        read(file(tmp_path, "a.csv", "target\na\n"))


def test_empty_lines_are_blank_rows(tmp_path: Path) -> None:
    assert read(file(tmp_path, "a.txt", "\na\n \nb\n\n")) == [("",), ("a",), ("",), ("b",), ("",)]
    assert read(file(tmp_path, "a.txt", "\na\tx\n\nb\n\n")) == [("",), ("a", "x"), ("",), ("b",), ("",)]


def test_latin_1_is_refused_with_its_line(tmp_path: Path) -> None:
    path = file(tmp_path, "a.tsv", "Go.\tVa\nTea\tThé\n".encode("latin-1"))
    with pytest.raises(EncodingError, match=r"a\.tsv, line 2: byte 0xE9"):
        read(path)
    with pytest.raises(EncodingError, match=r"a\.tsv, line 2"):
        read(Pair(file(tmp_path, "b", "a\nb\n"), path))


@pytest.mark.parametrize(
    "text", ["I don't know. ", "J'ai  faim\u202f!", "l’été, “ça”", "3.14 a_b\t(c)", "日本語。", " x"]
)
def test_pieces_joined_are_the_text(text: str) -> None:
    assert joined(pieces(text, "words"), "words") == text
    assert joined(pieces(text, "characters"), "characters") == text


def test_words_take_their_space_along_and_elisions_stand_alone() -> None:
    assert pieces("J'ai vu l'été, et toi ?", "words") == [" J'", "ai", " vu", " l'", "été", ",", " et", " toi", " ?"]


def test_few_words_are_read_by_their_characters() -> None:
    counts = TextCounts()
    counts.add("12 mars 2026")
    assert counts.level("auto") == "characters"
    assert counts.level("words") == "words"
    counts.add("a much longer text of ten words or even more")
    assert counts.level("auto") == "words"


def test_folders_in_a_folder_of_files_are_left_alone_and_named(tmp_path: Path) -> None:
    file(tmp_path, "a.tsv", "a\tx\n")
    (tmp_path / "older").mkdir()
    file(tmp_path / "older", "b.tsv", "b\ty\n")
    assert read(tmp_path) == [("a", "x")]
    assert TranslateTask.remarks(tmp_path, TranslateConfig()) == [
        f"left alone beside the files in {tmp_path}: the folders 'older'"
    ]
    assert TranslateTask.remarks(Pair(tmp_path / "a.tsv", tmp_path / "a.tsv"), TranslateConfig()) == []
