"""Standard streams that are closed, full or not UTF-8, and files that cannot be written, in real processes."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import command, environment

import tidegate

TRAIN = ["--steps=3", "--hidden-size=8", "--sample-length=0", "--k1=20", "--batch-size=4", "--device=cpu"]


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    usual: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120}
    return subprocess.run(command(*arguments), env=environment(), check=False, **{**usual, **options})


def closing(*numbers: int) -> Callable[[], None]:
    def close() -> None:
        for number in numbers:
            os.close(number)

    return close


@pytest.mark.parametrize("closed", [*(pytest.param((it,), marks=pytest.mark.slow) for it in (0, 1, 2)), (0, 1, 2)])
def test_commands_work_with_closed_streams(run_folder: Path, text_file: Path, tmp_path: Path, closed: tuple[int, ...]):
    before = closing(*closed)
    done = run("train", "lm", text_file, "--out", tmp_path / "run", *TRAIN, preexec_fn=before)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.safetensors").is_file()
    for arguments in (("evaluate", run_folder), ("generate", run_folder, "--length", 5), ("cells",), ("--version",)):
        done = run(*arguments, preexec_fn=before)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr


def test_closed_standard_input_is_no_empty_input(run_folder: Path):
    done = run("look", run_folder, "--file", "-", "--out", "x.html", preexec_fn=closing(0))
    assert (done.returncode, b"Standard input is closed" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("arguments", [("cells",), ("--help",), ("train", "lm", "--help"), ("--version",)])
def test_full_standard_output_is_named(arguments: tuple[str, ...]):
    with Path("/dev/full").open("wb") as full:
        done = run(*arguments, stdout=full)
    assert (done.returncode, done.stderr) == (2, b"tidegate: No space left on device: standard output\n")


def test_full_standard_error_has_no_traceback_anywhere():
    with Path("/dev/full").open("wb") as full:
        assert run("generate", "no/such/run", stderr=full).returncode == 2


def test_a_text_that_is_not_utf8_is_refused(run_folder: Path, text_file: Path):
    for arguments in (
        ("generate", run_folder, "--prompt", b"caf\xe9"),
        ("predict", run_folder, "--text", b"caf\xe9"),
        ("train", "classify", text_file, "--target", b"caf\xe9"),
        ("cells", b"caf\xe9"),
        ("look", run_folder, b"caf\xe9"),
    ):
        named = [it if isinstance(it, bytes) else str(it).encode() for it in arguments]
        done = subprocess.run([*command(), *named], capture_output=True, env=environment(), check=False)
        assert done.returncode == 2, done.stderr
        assert b"Traceback" not in done.stderr
        assert b"UTF-8" in done.stderr or b"--target" in done.stderr, done.stderr


@pytest.mark.slow
def test_names_of_files_need_not_be_utf8(text_file: Path, tmp_path: Path):
    text, folder = (Path(os.fsdecode(os.fsencode(tmp_path / name) + b"\xe9")) for name in ("text", "run"))
    shutil.copy(text_file, text)
    run_folder = tmp_path / "run"
    assert run("train", "lm", text, "--out", run_folder, *TRAIN).returncode == 0
    for arguments in (("evaluate", run_folder, text), ("look", run_folder, "--file", text, "--out", f"{text}.html")):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
    done = run("train", "lm", text, "--out", folder, *TRAIN)
    assert (done.returncode, b"the name is not UTF-8" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("limit", [200, *(pytest.param(it, marks=pytest.mark.slow) for it in (600, 3000)), 8000])
def test_a_full_disk_is_named_whatever_is_being_written(text_file: Path, tmp_path: Path, limit: int):
    """A limit on the size of files stands for it: the errors are raised in the same places."""

    def before() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = run("train", "lm", text_file, "--out", tmp_path / "run", *TRAIN, preexec_fn=before)
    assert done.returncode == 2, done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(b"tidegate: File too large: " + os.fsencode(tmp_path / "run")), done
    assert not list(tmp_path.rglob("*.partial"))


def test_a_report_that_cannot_be_written_is_named(run_folder: Path, tmp_path: Path):
    for out, why in ((tmp_path, b"Is a directory"), (tmp_path / ("n" * 300), b"File name too long")):
        done = run("look", run_folder, "--out", out)
        assert (done.returncode, why + b": " + os.fsencode(out) in done.stderr) == (2, True), done.stderr
    assert not list(tmp_path.iterdir())


def test_the_version(cli: Callable[..., object]):
    assert run("--version").stdout == f"tidegate {tidegate.__version__}\n".encode()
