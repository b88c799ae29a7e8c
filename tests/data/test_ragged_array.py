"""Rows of different lengths on disk."""

from pathlib import Path

import numpy as np
import pytest

from tidegate.data.ragged_array import RaggedWriter, open_ragged
from tidegate.errors import DataError, RunFolderError


def test_rows_come_back(tmp_path: Path) -> None:
    rows = [np.arange(3), np.arange(0), np.arange(7) * 2]
    with RaggedWriter(tmp_path, "a") as writer:
        for row in rows:
            writer.add(row)
    found = open_ragged(tmp_path, "a")
    assert [found[n].tolist() for n in range(len(found))] == [row.tolist() for row in rows]
    assert found.lengths.tolist() == [3, 0, 7]
    assert isinstance(found.values.base, np.memmap)


def test_frames_come_back_and_the_header_holds_any_length(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    with RaggedWriter(tmp_path, "a") as writer:
        for _ in range(300):
            writer.add(frames)
    found = open_ragged(tmp_path, "a")
    assert len(found) == 300
    assert np.array_equal(found[299], frames)


def test_rows_of_another_shape_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    def write() -> None:
        with RaggedWriter(tmp_path, "a") as writer:
            writer.add(np.zeros((2, 3)))
            writer.add(np.zeros((2, 4)))

    with pytest.raises(DataError, match="'a'"):
        write()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "ends", [np.array([2, 1, 7]), np.array([3, 6]), np.array([3.0, 7.0]), np.array([[3, 7]])], ids=str
)
def test_altered_ends_are_refused(tmp_path: Path, ends: np.ndarray) -> None:
    with RaggedWriter(tmp_path, "a") as writer:
        writer.add(np.arange(3))
        writer.add(np.arange(4))
    np.save(tmp_path / "a.ends.npy", ends)
    with pytest.raises(RunFolderError, match="altered"):
        open_ragged(tmp_path, "a")


def test_missing_and_truncated_files_are_named(tmp_path: Path) -> None:
    with RaggedWriter(tmp_path, "a") as writer:
        writer.add(np.arange(300))
    path = tmp_path / "a.values.npy"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RunFolderError, match=r"a\.values\.npy is not a whole array"):
        open_ragged(tmp_path, "a")
    path.unlink()
    with pytest.raises(RunFolderError, match=r"a\.values\.npy is missing"):
        open_ragged(tmp_path, "a")
