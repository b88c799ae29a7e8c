"""Files written whole or not at all: long names, full disks, and errors that name the file."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tidegate.io.arrays import open_array, write_array
from tidegate.io.files import named_errors, partial_name, replacing


@pytest.mark.parametrize("name", ["a", "n" * 247, "n" * 248, "n" * 255, "조" * 85])
def test_a_name_as_long_as_the_file_system_takes_is_written(tmp_path: Path, name: str):
    assert len(os.fsencode(partial_name(name))) <= 255
    with replacing(tmp_path / name) as file:
        file.write(b"x")
    assert [it.name for it in tmp_path.iterdir()] == [name]


def test_a_name_that_is_too_long_is_named(tmp_path: Path):
    with pytest.raises(OSError, match="File name too long") as caught, replacing(tmp_path / ("n" * 256)) as file:
        file.write(b"x")
    assert caught.value.filename == str(tmp_path / ("n" * 256))
    assert not list(tmp_path.iterdir())


def test_the_error_of_a_full_disk_names_the_file():
    for name in ("/dev/full", Path("/dev/full")):
        with pytest.raises(OSError, match="No space left") as caught, named_errors(name), Path(name).open("wb") as file:
            file.write(b"x")
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "/dev/full")


def test_an_error_that_names_a_file_keeps_it(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as caught, named_errors("other"):
        (tmp_path / "missing").open()
    assert caught.value.filename == str(tmp_path / "missing")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught, replacing(tmp_path / "folder") as file:
        file.write(b"x")
    assert caught.value.filename == str(tmp_path / "folder")
    assert [it.name for it in tmp_path.iterdir()] == ["folder"]


LIMITED = """
import resource, sys
import numpy as np
from pathlib import Path
from tidegate.io.arrays import write_array
from tidegate.io.files import replacing
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with replacing(Path(sys.argv[1])) as file:
        write_array(file, np.zeros(10_000))
except OSError as error:
    print(error.errno, error.filename)
"""


def test_an_array_that_is_too_large_for_the_disk(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "a.npy"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{errno.EFBIG} {tmp_path / 'a.npy'}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("array", [np.arange(6).reshape(2, 3), np.zeros((0, 3)), np.float32(1.5), np.arange(6)[::2]])
def test_an_array_is_what_numpy_reads(tmp_path: Path, array: np.ndarray):
    with replacing(tmp_path / "a.npy") as file:
        write_array(file, np.asarray(array))
    np.testing.assert_array_equal(open_array(tmp_path / "a.npy", "make it again"), array)
    assert open_array(tmp_path / "a.npy", "make it again").dtype == array.dtype
