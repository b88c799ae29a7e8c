"""Images and captions: which files are read, and what is said of those that cannot be."""

import importlib.util
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.errors import DataError, EncodingError, MissingDependencyError
from tidegate.tasks.seq2seq.caption import CaptionConfig, CaptionTask
from tidegate.tasks.seq2seq.caption_reader import image_of, read_captions, read_image

needs_pillow = pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="Pillow is not installed")


def npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def png(path: Path, red: int, green: int, blue: int, side: int = 2) -> Path:
    """A square of one colour, as the PNG specification says."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    lines = (b"\0" + bytes([red, green, blue]) * side) * side
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("name", ["features", "frames", "images"])
def test_arrays_of_numbers_and_strings(tmp_path: Path, name: str) -> None:
    shape = (2, 6) if name != "images" else (2, 2, 3)
    path = npz(tmp_path, **{name: np.arange(12).reshape(shape), "captions": ["one", "둘"]})
    rows = list(read_captions(path, 32))
    assert [it.values["target"] for it in rows] == ["one", "둘"]
    assert rows[1].where == f"{path}, image 2"
    np.testing.assert_array_equal(image_of(rows[1], 6), np.arange(6, 12, dtype=np.float32)[None])


def test_arrays_without_captions_are_read_to_be_described(tmp_path: Path) -> None:
    assert [list(it.values) for it in read_captions(npz(tmp_path, features=np.zeros((2, 3))), 32)] == [["image"]] * 2


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"captions": ["a"]}, r"no array 'features' or 'images'; there are: 'captions'"),
        ({"features": np.zeros((2, 3)), "captions": ["a"]}, r"'captions' should be 2 strings"),
        ({"features": np.zeros((2, 3)), "captions": [1, 2]}, r"'captions' should be 2 strings"),
        (
            {"features": np.zeros((2, 3)), "extra": ["a", "a"]},
            r"'extra' should be different names \(M,\) of the last M",
        ),
        ({"features": np.zeros((2, 3)), "extra": ["a", "b", "c"]}, r"of the 3 numbers of each image"),
        ({"features": np.zeros((2, 3)), "extra": np.zeros(1)}, r"but is float64 of \(1,\)"),
        ({"features": np.zeros(3)}, r"'features' should be numbers \(N, F\)"),
        ({"features": np.array([["a"]])}, r"'features' should be numbers"),
        ({"features": np.array([[{}]])}, r"not a complete \.npz file of plain arrays"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read_captions(npz(tmp_path, **arrays), 32))


def test_numbers_that_are_none_are_named(tmp_path: Path) -> None:
    features = np.zeros((3, 4))
    features[1, 2] = np.nan
    rows = list(read_captions(npz(tmp_path, features=features), 32))
    with pytest.raises(DataError, match=r"a\.npz, image 2: number 3 of the image is nan or inf"):
        image_of(rows[1])
    with pytest.raises(DataError, match="has 4 numbers, but those of training had 5"):
        image_of(rows[0], 5)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = npz(tmp_path, features=np.zeros((9, 9)))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="not a complete"):
        list(read_captions(path, 32))


def test_folders_with_nothing_to_read_and_files_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither a table of captions nor images"):
        list(read_captions(tmp_path, 32))
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DataError, match=r"a\.txt is not a \.npz, folder or table"):
        list(read_captions(tmp_path / "a.txt", 32))
    for name in ("a.csv", "b.tsv"):
        (tmp_path / name).write_text("file,caption\n")
    with pytest.raises(DataError, match=r"several tables: a\.csv, b\.tsv"):
        list(read_captions(tmp_path, 32))


def test_without_pillow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    (tmp_path / "a.tsv").write_text("a.png\tred\n")
    with pytest.raises(MissingDependencyError, match="pip install 'pillow>="):
        list(read_captions(tmp_path / "a.tsv", 32))


def test_a_table_of_captions_must_be_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes("file\tcaption\na.png\tThé\n".encode("latin-1"))
    with pytest.raises(EncodingError, match=r"a\.tsv, line 2"):
        list(read_captions(tmp_path, 32))


@needs_pillow
def test_image_files_and_their_captions(tmp_path: Path) -> None:
    png(tmp_path / "a.png", 255, 0, 51)
    png(tmp_path / "b.png", 0, 0, 0, side=5)
    for name, table in (("c.tsv", "a.png\tred\nb.png\tblack\n"), ("c.csv", "caption,file\nred,a.png\nblack,b.png\n")):
        (tmp_path / name).write_text(table)
        rows = list(read_captions(tmp_path, 2))
        assert [it.values["target"] for it in rows] == ["red", "black"]
        assert [it.values["file"] for it in rows] == ["a.png", "b.png"]
        np.testing.assert_allclose(rows[0].values["image"], [1, 0, 0.2] * 4)
        np.testing.assert_array_equal(rows[1].values["image"], np.zeros(12))
        (tmp_path / name).unlink()
    assert [list(it.values) for it in read_captions(tmp_path, 2)] == [["image"]] * 2


@needs_pillow
def test_broken_and_missing_image_files_are_named(tmp_path: Path) -> None:
    whole = png(tmp_path / "a.png", 1, 2, 3)
    whole.write_bytes(whole.read_bytes()[:40])
    with pytest.raises(DataError, match=r"a\.png is not a complete image"):
        read_image(whole, 2)
    (tmp_path / "c.tsv").write_text("file\tcaption\nnone.png\tx\n")
    with pytest.raises(DataError, match=r"c\.tsv, line 2: there is no image file .*none\.png"):
        list(read_captions(tmp_path / "c.tsv", 2))


def test_other_files_beside_images_are_left_alone_and_named(tmp_path: Path) -> None:
    for name in ("a.png", "notes.txt", ".hidden"):
        (tmp_path / name).write_text("x")
    (tmp_path / "table.tsv").write_text("a.png\tred\n")
    assert CaptionTask.remarks(tmp_path, CaptionConfig()) == [
        f"left alone beside the images in {tmp_path}: 'notes.txt'"
    ]
    assert CaptionTask.remarks(tmp_path / "table.tsv", CaptionConfig()) == []
