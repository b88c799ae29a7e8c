"""Runs in C: their labels, vocabulary and units go along, and bad input leaves nothing behind."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.export.c_programs import language_run, needs_compiler, run_example, strictly_compiled, untrained
from torch import nn

import tidegate
from tidegate import export
from tidegate.data.columns import Preprocessing
from tidegate.errors import ArgumentError, MissingDependencyError
from tidegate.export.c.running import compilers
from tidegate.export.graph.exported import exported
from tidegate.tasks.classify.task import Classifier, ClassifyConfig
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.tag.config import TagConfig
from tidegate.tasks.tag.model import Tagger
from tidegate.text.tokenizers.tokenizer import WordTokenizer
from tidegate.train.run_folder import Run

WORDS = ["<unk>", "the", "cat", '"', "é"]
FITTED = {
    "input": "words",
    "words": WORDS,
    "characters": ["<unk>", "a"],
    "labels": ["N", "V\\?", "D"],
    "scheme": "none",
}


def classifier(*, both: bool, level: str = "words") -> Run:
    fitted = Preprocessing(FITTED | {"input": level, level: WORDS if level == "words" else ["<unk>", "a", "é", " "]})
    config = ClassifyConfig(hidden_size=9, bidirectional=both, embedding_size=5, pooling="mean")
    return untrained("classify", Classifier(config, fitted, backend="reference"), fitted, config)


def tagger(*, both: bool) -> Run:
    config = TagConfig(hidden_size=9, online=not both, embedding_size=5, character_hidden_size=0)
    fitted = Preprocessing(FITTED)
    return untrained("tag", Tagger(config, fitted, backend="reference"), fitted, config)


@needs_compiler
@pytest.mark.parametrize(
    "both", [pytest.param(False, marks=pytest.mark.slow), True], ids=["one direction", "both directions"]
)
@pytest.mark.parametrize(
    "task", ["tag", *(pytest.param(it, marks=pytest.mark.slow) for it in ("classify", "characters"))]
)
def test_the_example_writes_labels(task: str, both: bool, tmp_path: Path) -> None:
    run = (
        tagger(both=both)
        if task == "tag"
        else classifier(both=both, level="characters" if task == "characters" else "words")
    )
    folder = export.c(run, tmp_path / "code", check=False)
    lines = ["the cat é", '" the', "wrong the"] if task != "characters" else ["aé a", "é", "xa"]
    found = run_example(strictly_compiled(folder), given="\n".join([*lines[:2], "", lines[2]]))
    expected = []
    level, source = run.vocabulary.text("input"), exported(run)
    for line in lines:
        ids = run.vocabulary.vocabulary(level).encode(line.split() if level == "words" else line)
        shares = source.outputs([torch.from_numpy(ids)]).softmax(-1)
        expected += [
            f"{FITTED['labels'][int(row.argmax())]}\t{float(row.max()):.3f}" for row in shares[-1:] if task != "tag"
        ]
        expected += [
            f"{FITTED['labels'][int(row.argmax())]}\t{float(row.max()):.3f}" for row in shares if task == "tag"
        ]
        expected += [""] * (task == "tag")
    assert found.stdout.split("\n")[:-1] == expected
    assert "does not know" in found.stderr
    assert r'"V\134\077"' in (folder / "model.c").read_text()


def amplifier(mean: float = 3.0) -> Run:
    statistics = {
        "input_mean": [mean, -1.0],
        "input_deviation": [0.5, 20.0],
        "target_mean": [100.0],
        "target_deviation": [7.0],
    }
    fitted = Preprocessing(statistics | {"inputs": ["rain", "a`b*/"], "targets": ["flow"], "rate": 0})
    config = RegressConfig(hidden_size=9)
    return untrained("regress", Regressor(config, 2, 1, backend="reference"), fitted, config)


@needs_compiler
@pytest.mark.parametrize("mean", [3.0, pytest.param(20_000.3, marks=pytest.mark.slow)])
def test_a_run_of_regress_reads_and_writes_in_units(mean: float, tmp_path: Path) -> None:
    run = amplifier(mean)
    folder = export.c(run, tmp_path / "code")  # which compares it with Python
    x = np.random.default_rng(0).normal((mean, -1), (0.5, 20), (7, 2)).astype(np.float32)
    given = "\n".join(" ".join(f"{it:.9g}" for it in row) for row in x)
    program = strictly_compiled(folder)
    found = run_example(program, given=given).stdout.split()
    normalised = torch.from_numpy(((x - np.array([mean, -1.0])) / np.array([0.5, 20.0])).astype(np.float32))
    with torch.no_grad():
        expected = run.model(normalised[:, None])[0][:, 0, 0].double() * 7 + 100
    np.testing.assert_allclose(np.array(found, float), expected.numpy(), rtol=1e-4)
    for short in ("1 2\n3", "1 x"):
        refused = run_example(program, given=short)
        assert refused.returncode == 2
        assert "After 1 numbers of a line" in refused.stderr
    readme = (folder / "README.md").read_text()
    assert "in their units: `rain`, `a'b*/`" in readme
    assert "`flow`" in readme


def of_frames(*, both: bool) -> Run:
    fitted = Preprocessing({"input": "frames", "mean": [0.0] * 3, "deviation": [1.0] * 3, "labels": ["x\ud800", "y*/"]})
    config = ClassifyConfig(hidden_size=9, bidirectional=both, pooling="mean")
    return untrained("classify", Classifier(config, fitted), fitted, config)


KINDS: dict[str, Any] = {
    "a token that is no text": lambda: language_run(WordTokenizer(("<unk>", "a\ud800"))),
    "frames with classes": lambda: of_frames(both=False),
    "sequences with classes": lambda: of_frames(both=True),
    "tokens": lambda: nn.Sequential(nn.Embedding(7, 4), tidegate.nn.GRU(4, 5), nn.Linear(5, 3)),
    "sequences of tokens": lambda: nn.Sequential(nn.Embedding(7, 4), tidegate.nn.GRU(4, 5, bidirectional=True)),
    "two inputs": lambda: tidegate.nn.Recurrent("time_lstm", 5, 9),
    "sequences of two inputs": lambda: tidegate.nn.Recurrent("time_lstm", 5, 9, bidirectional=True),
}


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_example_compiles_without_a_warning(kind: str, compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} on this machine")
    model = KINDS[kind]()
    for embed in (False, True):
        folder = export.c(model, tmp_path / f"{embed}", embed=embed, check=False)
        strictly_compiled(folder, compiler=compiler, flags=("-O2",))


@pytest.mark.parametrize("function", ["write_text", "write_bytes"])
def test_a_full_disk_leaves_nothing_behind(function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, function, full)
    with pytest.raises(OSError, match="No space"):
        export.c(nn.Linear(2, 3), tmp_path / "code")
    assert not [*tmp_path.iterdir()]


def test_what_is_asked_for_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = nn.Linear(2, 3)
    with pytest.raises(ArgumentError, match="vector is 8, but must be one of auto, 16, 32, 64"):
        export.c(model, tmp_path / "code", vector=8)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="target is 'dll', but must be one of c, library, wasm"):
        export.c(model, tmp_path / "code", target="dll")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="name is 'example'"):
        export.c(model, tmp_path / "code", name="example")
    monkeypatch.setattr(compilers, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingDependencyError, match="pip install ziglang"):
        export.c(model, tmp_path / "code", target="wasm")
    with pytest.raises(MissingDependencyError, match="C compiler"):
        export.c(model, tmp_path / "code", target="library", check=False)
    assert not [*tmp_path.iterdir()]


@needs_compiler
def test_a_library_is_compared_itself(tmp_path: Path) -> None:
    made = export.c(nn.Linear(2, 3), tmp_path / "code", target="library", name="small")
    assert (made / f"libsmall.{compilers.SUFFIX}").exists()
