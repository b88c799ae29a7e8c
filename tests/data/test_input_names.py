"""Names of files are names and their endings have no case; what is no regular file is refused at once."""

import os
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from tidegate.data.lines import read_lines
from tidegate.data.rows import Row, read_table
from tidegate.data.sources import find_sources, source_name
from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words.vectors import read_vectors
from tidegate.errors import DataError
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.seq2seq.caption_reader import read_captions
from tidegate.tasks.seq2seq.translate_reader import Pair, read_parallel
from tidegate.tasks.tag.task import TagConfig, TagTask
from tidegate.text.corpus.build_corpus import prepare_corpus

ODD = ["films[1]", "a*b", "x?", "c:d", "{a,b}", "**", "sample:a", " a", "a b", "-a", "é", "%41"]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "json", "parquet", "txt"])
def test_a_name_is_a_name(tmp_path: Path, odd: str, ending: str) -> None:
    """In the names of files and of folders, beside files that a pattern of that name would find."""
    for folder, text in (("films1", "other"), (odd, "own")):
        (tmp_path / folder).mkdir()
        for name in {"films1", "ab", "axb", "xy", "d", odd}:
            path = tmp_path / folder / f"{name}.{ending}"
            said = text if name == odd else "other"
            if ending == "parquet":
                pyarrow.parquet.write_table(pyarrow.table({"text": [said]}), path)
            else:
                path.write_text(f'{{"text": "{said}"}}' if "json" in ending else f"text\n{said}\n")
    path = tmp_path / odd / f"{odd}.{ending}"
    sources = find_sources([str(path)], workspace=tmp_path)
    assert sources.train == (path,)
    assert [row.values["text"] for row in ClassifyTask.read(path, ClassifyConfig())][-1] == "own"


def test_a_run_has_the_name_of_its_source() -> None:
    names = [source_name(it) for it in ("sample:digits", "hub:owner/name", "c:d.csv", "x/hub:a[1].csv")]
    assert names == ["digits", "owner-name", "c:d", "hub:a[1]"]


@pytest.mark.parametrize("ending", ["npz", "NPZ", "Npz"])
def test_frames_whatever_the_case_of_their_ending(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"FRAMES[1].{ending}"
    with path.open("wb") as file:
        np.savez(file, frames=np.zeros((3, 4, 2)), labels=np.zeros((3, 4), int))
    for rows in (ClassifyTask.read(path, ClassifyConfig()), TagTask.read(path, TagConfig()), read_captions(path, 8)):
        assert len(list(rows)) == 3
    assert len(list(read_series(path))) == 6


def test_endings_of_tables_and_texts_have_no_case(tmp_path: Path) -> None:
    (tmp_path / "A.CSV").write_text("text\nx\n")
    (tmp_path / "A.JSON").write_text('[{"text": "x"}]')
    pyarrow.parquet.write_table(pyarrow.table({"text": ["x"]}), tmp_path / "A.PARQUET")
    for name in ("A.CSV", "A.JSON", "A.PARQUET"):
        assert [row.values for row in read_table(tmp_path / name, ["text"])] == [{"text": "x"}]
    (tmp_path / "A.TXT").write_text("x y\n")
    assert [row.values["text"] for row in TagTask.read(tmp_path / "A.TXT", TagConfig())] == ["x y"]
    (tmp_path / "A.CONLLU").write_text("1\ta" + "\t_" * 8 + "\n")
    assert [row.values["tokens"] for row in TagTask.read(tmp_path / "A.CONLLU", TagConfig())] == [["a"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["Unix", "Windows", "old Mac"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark(tmp_path: Path, end: str, mark: str) -> None:
    def written(name: str, *lines: str) -> Path:
        (tmp_path / name).write_bytes((mark + end.join(lines) + end).encode())
        return tmp_path / name

    path = written("a.txt", "one", "", "나")
    assert list(read_lines(path)) == [(f"{path}, line {n + 1}", it) for n, it in enumerate(["one", "", "나"])]
    path = written("a.csv", "text,label", "x,1", "", '"y",2', "  ")
    assert [row.values for row in read_table(path, ["text", "label"])] == [
        {"text": "x", "label": "1"},
        {"text": "y", "label": "2"},
    ]
    path = written("a.jsonl", "", '{"text": "x"}', "", '{"text": "y"}')
    assert [row.values["text"] for row in read_table(path, ["text"])] == ["x", "y"]
    path = written("a.conll", "a\tX", "b\tY", "", "c\tX")
    assert [row.values["tokens"] for row in TagTask.read(path, TagConfig())] == [["a", "b"], ["c"]]


def test_a_carriage_return_within_a_line_ends_no_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\rstill one\ntwo\n")
    assert [text for _, text in read_lines(tmp_path / "a.txt")] == ["one\rstill one", "two"]
    # The ends of an old Mac's lines where a block of the file ends.
    lines = ["x" * (1 << 20), "", "y" * ((1 << 20) - 1), "z"]
    (tmp_path / "b.txt").write_bytes("\r".join(lines).encode())
    assert [text for _, text in read_lines(tmp_path / "b.txt")] == lines


PIPED = ["a.txt", "a.csv", "a.jsonl", "a.parquet", "a.npz", "a.conll"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", PIPED)
def test_a_pipe_is_refused_at_once(tmp_path: Path, name: str) -> None:
    """Nothing is written to it, so that opening it would wait for ever."""
    path = tmp_path / name
    os.mkfifo(path)
    said = rf"{name} is a pipe, but files are read more than once: write its contents to a regular file"
    for read in (
        lambda: find_sources([str(path)], workspace=tmp_path),
        lambda: list(ClassifyTask.read(path, ClassifyConfig())),
        lambda: (
            list(TagTask.read(path.with_suffix(".conll"), TagConfig())) if path.suffix == ".conll" else refuse(path)
        ),
        lambda: list(read_parallel(path)),
        lambda: list(read_parallel(Pair(path, path))),
        lambda: read_vectors(path, Vocabulary(["a"]), 3),
        lambda: prepare_corpus([path], tmp_path / "corpus"),
    ):
        with pytest.raises(DataError, match=said):
            read()
    for read in (lambda: list(read_series(path)), lambda: list(read_captions(path, 8))):
        if path.suffix in (".csv", ".jsonl", ".parquet", ".npz"):
            with pytest.raises(DataError, match=said):
                read()


def refuse(path: Path) -> list[Row]:
    return list(read_table(path, [])) if path.suffix in (".csv", ".jsonl", ".parquet") else list(read_parallel(path))


def test_a_pipe_in_a_folder_of_classes_and_a_device_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "good")
    with pytest.raises(DataError, match="good is a pipe"):
        list(ClassifyTask.read(tmp_path, ClassifyConfig()))
    with pytest.raises(DataError, match="/dev/null is a device"):
        list(read_lines(Path("/dev/null")))


@pytest.mark.parametrize("name", ["a\0.png", "\ud800.png", "x" * 300 + ".png"])
def test_what_cannot_be_the_name_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot be"):
        list(read_lines(tmp_path / name))


def test_a_file_of_two_parts_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.csv").write_text("text,label\nx,y\n")
    with pytest.raises(
        DataError, match=r"a\.csv is given for validation, and is in .*inside, which is given for training"
    ):
        find_sources([inside], [inside / "a.csv"], workspace=tmp_path)
