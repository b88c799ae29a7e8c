"""Altered run folders are used or refused: no other exception, no crash, no endless loop, no memory without bound."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fuzz.guarded import Guarded
from tests.fuzz.run_folders import KINDS, altered, fit_digest, make_run

Make = Callable[[str], Path]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a kind's run, made once."""
    runs: dict[str, Path] = {}

    def run(kind: str) -> Path:
        if kind not in runs:
            runs[kind] = make_run(kind, tmp_path_factory.mktemp(kind) / "run")
        return runs[kind]

    return run


def use_altered(run: Path, copy: Path, count: int) -> list[str]:
    """Use a run with each of its files altered ``count`` times; return the faults."""
    shutil.copytree(run, copy)
    faults: list[str] = []
    with Guarded("tests.fuzz.run_folders:use", run) as guarded:
        for file in sorted(it for it in run.rglob("*") if it.is_file()):
            name, whole = file.relative_to(run), file.read_bytes()
            for seed in range(count):
                (copy / name).write_bytes(altered(whole, file.name, seed))
                if seed % 2:
                    fit_digest(copy)
                outcome = guarded.outcome(copy)
                if not outcome.allowed:
                    faults.append(f"{name}, seed {seed}: {outcome.kind}: {outcome.detail}")
                if seed % 2 and (run / "examples.json").exists():
                    shutil.copy(run / "examples.json", copy)
            (copy / name).unlink()
            outcome = guarded.outcome(copy)
            if not outcome.allowed:
                faults.append(f"without {name}: {outcome.kind}: {outcome.detail}")
            (copy / name).write_bytes(whole)
    return faults


@pytest.mark.parametrize(("kind", "count"), [("characters", 2), ("classify", 1)])
def test_some_altered_runs(made: Make, tmp_path: Path, kind: str, count: int):
    faults = use_altered(made(kind), tmp_path / "run", count)
    assert not faults, "\n\n".join(faults[:5])


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", KINDS)
def test_many_altered_runs(made: Make, tmp_path: Path, kind: str):
    faults = use_altered(made(kind), tmp_path / "run", 1000)
    assert not faults, f"{len(faults)} faults, of which:\n" + "\n\n".join(faults[:20])
