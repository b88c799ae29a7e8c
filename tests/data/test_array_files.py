"""Arrays of every type, layout and header: read as NumPy reads them, or refused in words and by the header."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

from tidegate.data.array_files import read_arrays
from tidegate.data.frames import read_frames
from tidegate.errors import DataError
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask

FRAMES = np.arange(24).reshape(3, 4, 2)


def packed(path: Path, header: dict[str, Any], data: bytes, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A file with one member, which has this header and these bytes."""
    raw = io.BytesIO()
    npy.write_array_header_2_0(raw, header)
    with zipfile.ZipFile(path, "w", compression) as file, file.open("frames.npy", "w", force_zip64=True) as member:
        member.write(raw.getvalue())
        member.write(data)
    return path


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "g", ">f4", ">f8", "i1", ">i2", "i8", "u1", ">u4", "u8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_numbers_of_every_type_and_layout(tmp_path: Path, kind: str, order: Any, save: Any) -> None:
    given = np.array(FRAMES.astype(kind), order=order)
    save(tmp_path / "a.npz", frames=given)
    found = np.stack([row.values["frames"] for row in read_frames(tmp_path / "a.npz", label="labels")])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, given.astype(np.float32))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_headers_of_every_version(tmp_path: Path, version: tuple[int, int]) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file, file.open("frames.npy", "w", force_zip64=True) as member:
        npy.write_array(member, FRAMES, version)
    np.testing.assert_array_equal(read_arrays(tmp_path / "a.npz", ["frames"])[0]["frames"], FRAMES)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.array([{}, 1, "a"], object), "Python objects"),
        (np.zeros(3, "c16"), "complex numbers"),
        (np.zeros(3, "f4,i4"), "records"),
        (np.zeros(3, "M8[ns]"), "dates"),
        (np.zeros(3, "m8[s]"), "durations"),
        (np.zeros(3, "V7"), "records"),
    ],
    ids=lambda it: str(getattr(it, "dtype", it)),
)
def test_other_types_are_refused_by_name_if_they_are_used(tmp_path: Path, given: Any, said: str) -> None:
    np.savez(tmp_path / "a.npz", frames=FRAMES, labels=given, others=given)
    with pytest.raises(
        DataError, match=rf"a\.npz is not a complete \.npz file of plain arrays \('labels' holds {said}"
    ):
        read_arrays(tmp_path / "a.npz", ["frames", "labels"])
    assert list(read_arrays(tmp_path / "a.npz", ["frames"])[0]) == ["frames"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (np.array([1, 2, 2**64 - 1], "u8"), ["1", "2", "18446744073709551615"]),
        (np.array([True, False, True]), ["true", "false", "true"]),
        (np.array([0.1, 2, -1e20], "f4"), ["0.1", "2.0", "-1e+20"]),
        (np.array([0.5, 1, 2], "f2"), ["0.5", "1.0", "2.0"]),
        (np.array(["a", "é👍", ""], ">U2"), ["a", "é👍", ""]),
        (np.array(["a", "é", ""]).astype("U9"), ["a", "é", ""]),
    ],
)
def test_labels_are_their_digits_or_strings(tmp_path: Path, given: Any, wanted: list[str]) -> None:
    np.savez(tmp_path / "a.npz", frames=FRAMES, labels=given)
    assert [row.values["label"] for row in read_frames(tmp_path / "a.npz", label="labels")] == wanted


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_label_that_is_no_number_is_refused_with_its_series(tmp_path: Path, value: float) -> None:
    np.savez(tmp_path / "a.npz", frames=FRAMES, labels=np.array([1, value, 2]))
    with pytest.raises(DataError, match=r"a\.npz, series 2: 'labels' is -?(nan|inf)"):
        list(read_frames(tmp_path / "a.npz", label="labels"))


@pytest.mark.parametrize("point", [0xD800, 0x110000, 0xFFFFFFFF])
def test_strings_that_are_no_unicode_are_refused(tmp_path: Path, point: int) -> None:
    data = np.array([97, point, 98], "<u4").tobytes()
    path = packed(tmp_path / "a.npz", {"descr": "<U1", "fortran_order": False, "shape": (3,)}, data)
    with pytest.raises(DataError, match="'frames' has strings that are no Unicode text"):
        read_arrays(path, ["frames"])


@pytest.mark.parametrize("descr", ["<f8", "|u1", "<U1000", "|S9"])
@pytest.mark.parametrize("shape", [(10**9, 1), (10**6, 10**6), (2**62, 4), (10**30,), (1, -1), (-1, -1)], ids=str)
def test_a_header_that_does_not_fit_its_data_is_refused(tmp_path: Path, descr: str, shape: tuple[int, ...]) -> None:
    path = packed(tmp_path / "a.npz", {"descr": descr, "fortran_order": False, "shape": shape}, b"12345678")
    with pytest.raises(
        DataError, match=r"a\.npz is not a complete .*the header of 'frames' says .* but 8 bytes follow"
    ):
        read_arrays(path, ["frames"])


@pytest.mark.parametrize("descr", ["<U0", "|S0", "|V0"])
def test_elements_of_no_size_are_refused(tmp_path: Path, descr: str) -> None:
    """A file of some hundred bytes could have any number of them."""
    path = packed(tmp_path / "a.npz", {"descr": descr, "fortran_order": False, "shape": (10**12,)}, b"")
    with pytest.raises(DataError, match="not a complete"):
        read_arrays(path, ["frames"])


def test_a_bomb_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2 GB of zeros are 2 MB compressed; here a hundredth of that, with a bound of as much less."""
    shape = (20, 1000, 1000)
    path = packed(tmp_path / "a.npz", {"descr": "|u1", "fortran_order": False, "shape": shape}, bytes(20_000_000))
    assert path.stat().st_size < 30_000
    assert read_arrays(path, ["frames"])[0]["frames"].shape == shape
    monkeypatch.setenv("TIDEGATE_MAX_ARRAY_BYTES", "10_000_000".replace("_", ""))
    with pytest.raises(DataError, match=r"the array 'frames' would take 20,000,000 bytes, but at most 10,000,000"):
        read_arrays(path, ["frames"])
    monkeypatch.setenv("TIDEGATE_MAX_ARRAY_BYTES", "20000000")
    read_arrays(path, ["frames"])


def test_an_array_as_large_as_its_file_is_always_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_MAX_ARRAY_BYTES", "1")
    np.savez(tmp_path / "a.npz", frames=FRAMES)
    assert len(list(read_frames(tmp_path / "a.npz", label="labels"))) == 3


def test_encrypted_arrays_and_odd_compression_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=FRAMES)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[6] |= 1  # the flag of the member, and in the central directory
    data[data.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(DataError, match=r"'frames' is encrypted"):
        read_arrays(tmp_path / "a.npz", ["frames"])
    header = {"descr": "|u1", "fortran_order": False, "shape": (3,)}
    for compression in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(DataError, match="compressed in a way that NumPy does not use"):
            read_arrays(packed(tmp_path / "b.npz", header, b"abc", compression), ["frames"])


def test_every_cut_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=FRAMES, labels=np.arange(3))
    whole = (tmp_path / "a.npz").read_bytes()
    for end in range(0, len(whole), 7):
        (tmp_path / "b.npz").write_bytes(whole[:end])
        with pytest.raises(DataError, match=r"b\.npz"):
            read_arrays(tmp_path / "b.npz", ["frames", "labels"])


def test_a_changed_bit_of_the_data_is_found_by_the_checksum(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=FRAMES)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[data.index(FRAMES.tobytes()) + 8] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(DataError, match="Bad CRC-32"):
        read_arrays(tmp_path / "a.npz", ["frames"])


@pytest.mark.parametrize("shape", [(3, 0, 2), (3, 4, 0), (3, 0)])
def test_frames_without_a_step_or_number_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.savez(tmp_path / "a.npz", frames=np.zeros(shape), labels=np.arange(3))
    with pytest.raises(DataError, match="have no step or no number"):
        list(read_frames(tmp_path / "a.npz", label="labels"))


def test_series_that_are_all_empty_are_refused_in_training(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=FRAMES, labels=np.arange(3), lengths=np.zeros(3, int))
    rows = ClassifyTask.read(tmp_path / "a.npz", ClassifyConfig())
    with pytest.raises(DataError, match="all of its series are empty"):
        ClassifyTask.fit(rows, ClassifyConfig())


def test_numbers_too_large_for_float32_are_refused_where_they_are_used(tmp_path: Path) -> None:
    """In words, and without a warning of NumPy's."""
    np.savez(tmp_path / "a.npz", frames=FRAMES * 1e300, labels=np.arange(3))
    rows = ClassifyTask.read(tmp_path / "a.npz", ClassifyConfig())
    with pytest.raises(DataError, match=r"a\.npz, series 1: frame 1 holds nan or inf"):
        ClassifyTask.fit(rows, ClassifyConfig())
