"""Arrays from files that were altered on the way, or made by somebody else."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from tidegate.data.frames import read_frames
from tidegate.data.rows import Row
from tidegate.errors import DataError
from tidegate.tasks.seq2seq.caption_reader import read_captions
from tidegate.tasks.tag.reader import tags_of


def refused(path: Path, message: str) -> None:
    for read in (lambda: read_frames(path, label="labels"), lambda: read_captions(path, 32)):
        with pytest.raises(DataError, match=message) as caught:
            list(read())
        assert str(path) in str(caught.value)


def claiming(path: Path, shape: tuple[int, ...]) -> None:
    """A file whose header says that its array has this shape, and which holds nothing of it."""
    raw = io.BytesIO()
    npy.write_array_header_1_0(raw, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("frames.npy", raw.getvalue())


@pytest.mark.parametrize("shape", [(2**58, 1), (2**40, 2**40), (2**70,), (-1, 3)], ids=str)
def test_a_header_that_claims_too_much_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    claiming(tmp_path / "a.npz", shape)
    refused(tmp_path / "a.npz", "not a complete .npz file of plain arrays")


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    refused(tmp_path / "a.npz", r"is a single array \(\.npy\), not a \.npz file")


def test_a_member_that_is_no_array_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("frames", b"text")
    refused(tmp_path / "a.npz", "'frames' is not an array")


@pytest.mark.parametrize("compressed", [True, False])
def test_altered_bytes_are_read_or_refused(tmp_path: Path, compressed: bool) -> None:
    """Never anything but a `DataError`: of what zipfile, zlib and NumPy raise nothing comes through."""
    path, draw = tmp_path / "a.npz", np.random.default_rng(0)
    save = np.savez_compressed if compressed else np.savez
    save(path, frames=draw.normal(size=(4, 5, 2)), labels=np.arange(4))
    whole, refusals = path.read_bytes(), 0
    for _ in range(400):
        altered = bytearray(whole)
        altered[int(draw.integers(len(whole)))] ^= 1 << int(draw.integers(8))
        path.write_bytes(altered)
        try:
            list(read_frames(path, label="labels"))
        except DataError:
            refusals += 1
    assert refusals > 200


def test_tags_of_bytes_are_strings(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=np.zeros((1, 2, 3)), labels=np.array([["up", "größer"]]))
    with np.load(tmp_path / "a.npz") as file:
        arrays = dict(file)
    arrays["labels"] = np.char.encode(arrays["labels"], "utf-8")
    np.savez(tmp_path / "a.npz", **arrays)
    (row,) = read_frames(tmp_path / "a.npz", label="labels")
    assert isinstance(row, Row)
    assert tags_of(row, 2) == ["up", "größer"]


def test_captions_of_bytes_are_strings(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=np.zeros((2, 3)), captions=np.array([b"one", "둘".encode()]))
    assert [row.values["target"] for row in read_captions(tmp_path / "a.npz", 32)] == ["one", "둘"]
