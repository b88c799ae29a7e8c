"""The fuzz tests' own machinery: each kind of fault is seen, and the next file is read after it."""

import os
import signal
import time
from pathlib import Path

import pytest
from tests.fuzz.guarded import Guarded
from tests.fuzz.mutate import mutated

from tidegate.errors import DataError


def misbehave(path: Path) -> None:
    """Do what the file says."""
    what = path.read_text()
    if what == "refuse":
        raise DataError("refused")
    if what == "raise":
        raise KeyError("x")
    if what == "allocate":
        bytearray(1 << 30)
    if what == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "hang":
        time.sleep(60)
    if what == "print":
        print("hello", flush=True)


def test_each_fault_is_seen_and_the_next_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "whole").write_text("fine")
    wanted = {
        "fine": "read",
        "refuse": "refused",
        "raise": "raised",
        "allocate": "raised",
        "die": "died",
        "hang": "hung",
        "print": "read",
    }
    with Guarded("tests.fuzz.test_fuzz_machinery:misbehave", tmp_path / "whole", memory=1 << 28, seconds=1) as guarded:
        for what, kind in wanted.items():
            (tmp_path / "a").write_text(what)
            assert guarded.outcome(tmp_path / "a").kind == kind, what
            assert guarded.outcome(tmp_path / "whole").allowed


def test_a_whole_file_that_is_refused_fails_the_test(tmp_path: Path) -> None:
    (tmp_path / "whole").write_text("refuse")
    with (
        Guarded("tests.fuzz.test_fuzz_machinery:misbehave", tmp_path / "whole") as guarded,
        pytest.raises(AssertionError, match="was not read"),
    ):
        guarded.outcome(tmp_path / "whole")


def test_a_seed_gives_the_same_copy_and_seeds_differ() -> None:
    whole = b'{"text": "warm", "number": 12}\n' * 20
    copies = [mutated(whole, seed) for seed in range(200)]
    assert copies == [mutated(whole, seed) for seed in range(200)]
    assert len(set(copies)) > 150
    mutated(b"", 0)
