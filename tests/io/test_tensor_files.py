"""Tensor files: whole or refused."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tidegate.errors import RunFolderError
from tidegate.io.tensor_files import digest, layout_of, read_header, read_tensors, write_tensors

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([3, -1]), "c": torch.tensor(2.5)}
RECORD = {"format": "tidegate test", "version": 3, "step": 7}
LAYOUT = layout_of(TENSORS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_tensors(tmp_path / "x.safetensors", TENSORS, RECORD)
    return tmp_path / "x.safetensors"


def read(path: Path, expected=None):
    record, layout = read_header(path, "tidegate test", 3)
    return record, read_tensors(path, record, layout, LAYOUT if expected is None else expected)


def test_round_trip(path):
    record, tensors = read(path)
    torch.testing.assert_close(tensors, TENSORS, rtol=0, atol=0)
    assert record | {"digest": ""} == RECORD | {"digest": ""}
    assert os.listdir(path.parent) == ["x.safetensors"]


def test_same_content_is_the_same_file(path):
    before = path.read_bytes()
    write_tensors(path, dict(reversed(TENSORS.items())), dict(RECORD))
    assert path.read_bytes() == before


def test_every_truncation_is_refused(path):
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(RunFolderError, match=r"x\.safetensors"):
            read(path)


def test_every_changed_byte_is_refused(path):
    # Blanks in the header's padding and such carry no meaning: what is read must then be exactly what was written.
    whole = path.read_bytes()
    harmless = 0
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        try:
            record, tensors = read(path)
        except RunFolderError as error:
            assert "x.safetensors" in str(error)  # noqa: PT017
        else:
            harmless += 1
            torch.testing.assert_close(tensors, TENSORS, rtol=0, atol=0)
            assert {name: record[name] for name in RECORD} == RECORD
    assert harmless < 10


def test_other_programs_and_versions_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(RunFolderError, match="is missing"):
        read(path)
    save_file(TENSORS, path)
    with pytest.raises(RunFolderError, match="another program"):
        read(path)
    save_file(TENSORS, path, {"tidegate": "[" * 100_000})
    with pytest.raises(RunFolderError, match="another program"):
        read(path)
    write_tensors(path, TENSORS, RECORD | {"version": 4})
    with pytest.raises(RunFolderError, match="version 4"):
        read(path)
    path.write_bytes(b"\x80\x04\x95")  # the beginning of a pickle
    with pytest.raises(RunFolderError, match="not a whole safetensors file"):
        read(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d": (torch.float32, (1,))}, "'d' is missing"),
        ({"a": (torch.float32, (3, 2))}, r"'a' should be .*\(3, 2\).*\(2, 3\)"),
        ({"b": (torch.float32, (2,))}, "'b' should be torch.float32"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(path, change, message):
    with pytest.raises(RunFolderError, match=message):
        read(path, LAYOUT | change)


def test_a_tensor_too_many_is_named(path):
    with pytest.raises(RunFolderError, match="'c' does not belong"):
        read(path, {name: entry for name, entry in LAYOUT.items() if name != "c"})


def test_digest_depends_on_everything():
    base = digest(TENSORS, RECORD)
    assert digest(dict(reversed(TENSORS.items())), RECORD) == base
    others = [
        digest(TENSORS, RECORD | {"step": 8}),
        digest(TENSORS | {"a": TENSORS["a"].view(3, 2)}, RECORD),
        digest(TENSORS | {"a": TENSORS["a"].view(torch.int32)}, RECORD),
        digest(TENSORS | {"c": torch.tensor(2.0)}, RECORD),
        digest({"A": TENSORS["a"], "b": TENSORS["b"], "c": TENSORS["c"]}, RECORD),
    ]
    assert len({base, *others}) == 6


def test_a_failed_write_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_tensors(path, TENSORS, RECORD | {"step": 8})
    assert path.read_bytes() == before
