"""Compiled kernels on disk: found again, ignored when damaged, optional."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.engine.backends.llvm.jit.compile import source_digest
from tidegate.engine.kernels.cache import Code, load, save

CODE = Code({"x": 0, "steps": 1}, b"\x7fELF machine code")
PROGRAM = """
import torch, tidegate
from tidegate.engine.backends.llvm.jit import compile
counted = []
real = compile._compile
compile._compile = lambda spec, key: counted.append(1) or real(spec, key)
torch.manual_seed(0)
layer = tidegate.nn.LSTM(3, 5, backend="llvm")
output = layer(torch.ones(4, 2, 3))[0]
output.sum().backward()
print(len(counted), round(output.sum().item(), 6))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def run() -> list[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.split()


def test_a_saved_kernel_is_loaded(folder: Path) -> None:
    assert load("k") is None
    save("k", CODE)
    assert load("k") == CODE
    assert [path.name for path in folder.iterdir()] == ["k.kernel"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("cut", [0, 10, 31, 32, 60, -1])
def test_a_truncated_file_is_ignored(folder: Path, cut: int) -> None:
    save("k", CODE)
    path = folder / "k.kernel"
    path.write_bytes(path.read_bytes()[:cut])
    assert load("k") is None


def test_a_file_with_a_flipped_bit_is_ignored(folder: Path) -> None:
    save("k", CODE)
    path = folder / "k.kernel"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    assert load("k") is None


def test_a_file_under_another_key_is_ignored(folder: Path) -> None:
    save("k", CODE)
    (folder / "k.kernel").rename(folder / "other.kernel")
    assert load("other") is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs files that have owners")
def test_a_file_that_others_can_write_is_ignored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save("k", CODE)
    path = folder / "k.kernel"
    for mode in (0o620, 0o602, 0o666):
        path.chmod(mode)
        assert load("k") is None
    path.chmod(0o644)
    assert load("k") == CODE
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
    assert load("k") is None


def test_a_second_process_compiles_nothing_and_damaged_files_are_compiled_again(folder: Path) -> None:
    compiled, value = run()
    assert int(compiled) >= 4  # forward and backward, packing, products
    assert run() == ["0", value]
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert run() == [compiled, value]
    assert run() == ["0", value]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a file in the place of a folder")
def test_kernels_run_without_a_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "file"))
    assert int(run()[0]) >= 4
    assert os.listdir(tmp_path) == ["file"]


def test_two_processes_at_once(folder: Path) -> None:
    started = [subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    values = {process.communicate(timeout=120)[0].split()[1] for process in started}
    assert [process.returncode for process in started] == [0, 0]
    assert len(values) == 1
    assert run()[0] == "0"
    assert not list(folder.glob("*.partial"))


@pytest.mark.parametrize("name", ["top.py", "one/middle.py", "one/two/deep.py"])
def test_the_source_digest_sees_a_change_in_every_subfolder(tmp_path: Path, name: str) -> None:
    for path in ("top.py", "one/middle.py", "one/two/deep.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("WIDTH = 16\n")
    before = source_digest(tmp_path)
    assert source_digest(tmp_path) == before
    (tmp_path / name).write_text("WIDTH = 32\n")
    assert source_digest(tmp_path) != before


def test_the_source_digest_sees_a_file_that_moves(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "kernel.py").write_text("WIDTH = 16\n")
    before = source_digest(tmp_path)
    (tmp_path / "kernel.py").rename(tmp_path / "one" / "kernel.py")
    assert source_digest(tmp_path) != before
