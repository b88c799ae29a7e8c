"""Altered files of every kind: each is read or refused in words, in little memory and time."""

from collections import Counter
from pathlib import Path

import pytest
from tests.fuzz.guarded import Guarded
from tests.fuzz.mutate import mutated
from tests.fuzz.readers import READERS, whole

from tidegate.io.input_files import LARGEST_NAME

BOUND = 1 << 26  # bytes that a file may claim for an array
MEMORY = 1 << 30  # bytes that a call may map: threads and libraries need some
SAMPLE, ALL = 12, 1000  # altered files of each kind
IN_A_PROCESS = ("weights-h5", "weights-keras")  # for each of which a process is started


@pytest.fixture(autouse=True)
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LARGEST_NAME, str(BOUND))


def put(folder: Path, name: str) -> Path:
    path = folder / name / READERS[name][0]
    path.parent.mkdir(parents=True)
    if name == "classify-folder":
        (path.parent / "b.txt").write_text("another class\n")
    if name == "caption-tsv":
        (path.parent / "b.png").write_bytes(whole("image-png"))
    path.write_bytes(whole(name))
    return path


def attack(guarded: Guarded, path: Path, seeds: range) -> list[str]:
    """Have a file read after changes; return the faults."""
    unchanged, faults = path.read_bytes(), []
    kinds: Counter[str] = Counter()
    for seed in seeds:
        path.write_bytes(mutated(unchanged, seed))
        outcome = guarded.outcome(path)
        kinds[outcome.kind] += 1
        if not outcome.allowed:
            faults.append(f"{path.parent.name}, seed {seed}: {outcome.kind}: {outcome.detail}")
    path.write_bytes(unchanged)
    assert kinds["refused"] + kinds["read"] + len(faults) == len(seeds)
    return faults


def test_a_sample_of_altered_files(tmp_path: Path) -> None:
    for name in READERS:
        put(tmp_path / "whole", name)
    faults: list[str] = []
    # All whole files come first: a library that is loaded, or an allocator that starts, takes more than any file.
    with Guarded("tests.fuzz.readers:read", tmp_path / "whole", memory=MEMORY) as guarded:
        for name in READERS:
            faults += attack(guarded, put(tmp_path, name), range(SAMPLE if name not in IN_A_PROCESS else 1))
    assert not faults, "\n\n".join(faults)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_altered_files(tmp_path: Path, name: str) -> None:
    path = put(tmp_path, name)
    whole_file = put(tmp_path / "whole", name)
    with Guarded("tests.fuzz.readers:read", whole_file, memory=MEMORY) as guarded:
        faults = attack(guarded, path, range(ALL))
    assert not faults, f"{len(faults)} faults; " + "\n\n".join(faults[:5])
