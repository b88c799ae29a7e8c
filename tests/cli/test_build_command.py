"""``tidegate build``: a run as C code that writes the text that ``tidegate generate`` writes."""

import errno
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")


def test_the_code_of_a_run_writes_what_generate_writes(
    cli: Callable[..., Result], run_folder: Path, tmp_path: Path
) -> None:
    done = cli("build", run_folder, "--out", tmp_path / "c")
    assert done.exit_code == 0, done.output
    assert "of Python's on 50 random steps and" in done.stderr
    assert "held-out characters" in done.stderr
    subprocess.run(["make", "-C", str(tmp_path / "c")], check=True, capture_output=True)
    written = subprocess.run(
        ["./example", "--length", "60", "the "], cwd=tmp_path / "c", capture_output=True, check=True
    )
    options = ("--prompt", "the ", "--length", 60, "--greedy", "--no-copies")
    assert written.stdout.decode() == cli("generate", run_folder, *options).stdout


def test_bad_input_is_a_line_and_exit_code_2(
    cli: Callable[..., Result], run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.txt").write_text("x")
    for arguments, words in {
        ("--out", tmp_path): "not an empty folder",
        ("--out", tmp_path / "c", "--name", "a b"): "identifier of C",
        ("--out", tmp_path / "mine.txt"): "not an empty folder",
    }.items():
        refused = cli("build", run_folder, *arguments)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert words in refused.stderr
        assert refused.stderr.count("\n") == 1

    def full(*_: Any, **__: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    refused = cli("build", run_folder, "--out", tmp_path / "c")
    assert refused.exit_code == 2
    assert "No space left on device" in refused.stderr
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    refused = cli("build", run_folder, "--out", tmp_path / "c")
    assert refused.exit_code == 2
    assert "no-check" in refused.stderr
    assert [it.name for it in tmp_path.iterdir()] == ["mine.txt"]
