"""A second process that would write to a run folder is refused at once, and nothing is changed."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import environment, process

HOLD = """
import sys, time
from pathlib import Path
from tidegate.train import one_writer
with one_writer(Path(sys.argv[1]), "cpu"):
    print("held", flush=True)
    time.sleep(100)
"""
SMALL = ["--steps=3", "--hidden-size=8", "--sample-length=0", "--k1=20", "--batch-size=4", "--device=cpu"]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Another process writes to the folder, until it is killed."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.kill()


def contents(folder: Path) -> dict[Path, bytes]:
    return {it.relative_to(folder): it.read_bytes() for it in folder.rglob("*") if it.is_file()}


@pytest.mark.parametrize("options", [["--overwrite"], pytest.param([], marks=pytest.mark.slow)])
def test_a_second_training_is_refused(text_file: Path, tmp_path: Path, options: list[str]):
    folder = tmp_path / "run"
    arguments = ("train", "lm", text_file, "--out", folder, *SMALL, *options)
    with held(folder):
        done = process(*arguments)
        assert (done.returncode, done.stdout) == (2, b"")
        assert f"{folder} is in use".encode() in done.stderr
        assert not contents(folder)
    assert process(*arguments).returncode == 0
    assert not list(folder.glob(".*"))


def test_a_second_resume_or_overwrite_is_refused(run_folder: Path, text_file: Path, tmp_path: Path):
    folder = tmp_path / "run"
    shutil.copytree(run_folder, folder)
    before = contents(folder)
    with held(folder):
        for arguments in (
            ("train", "lm", "--resume", folder, "--steps", 62),
            ("train", "lm", text_file, "--out", folder, *SMALL, "--overwrite"),
            ("train", "lm", text_file, "--out", tmp_path / "." / "run", *SMALL, "--overwrite"),
        ):
            done = process(*arguments)
            assert (done.returncode, b"is in use" in done.stderr) == (2, True), done.stderr
        assert process("evaluate", folder).returncode == 0  # which only reads
    assert contents(folder) == before
    assert process("train", "lm", "--resume", folder, "--steps", 62).returncode == 0


def test_a_training_that_fails_leaves_no_folder(tmp_path: Path):
    (tmp_path / "text.txt").write_bytes(b"\xff\xfe\xfd")
    done = process("train", "lm", tmp_path / "text.txt", "--out", tmp_path / "runs" / "a", *SMALL)
    assert done.returncode == 2
    assert not (tmp_path / "runs" / "a").exists()
