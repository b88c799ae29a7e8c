"""A peer in a process of its own."""

import gc
from pathlib import Path

import pytest
from benchmarks.peers.worker import Worker

from tidegate.errors import BenchmarkError

PROGRAM = """
import sys
from pathlib import Path
folder, word = sys.argv[1:]
for line in sys.stdin:
    if line == "end\\n":
        sys.exit("I was told to end")
    print(len((Path(folder) / "given").read_text()) + len(word) + len(line), flush=True)
"""


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    (tmp_path / "program.py").write_text(PROGRAM)
    return Worker(tmp_path / "program.py", {"given": b"12345"}, "123")


def test_a_worker_has_files_and_arguments_and_answers(worker: Worker) -> None:
    assert [worker.ask("1"), worker.ask("22")] == [10, 11]


def test_a_worker_that_ends_is_an_error_with_its_words(worker: Worker) -> None:
    for _ in range(2):
        with pytest.raises(BenchmarkError, match="I was told to end"):
            worker.ask("end")


def test_a_worker_ends_with_its_last_reference(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    worker = Worker(tmp_path / "program.py", {"given": b""}, "")
    folder, process = worker.folder, worker._process
    del worker
    gc.collect()
    assert process.poll() is not None
    assert not folder.exists()
