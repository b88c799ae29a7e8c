"""The models of all tasks in C give the outputs of Python, or are refused with the reason."""

import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tidegate import export
from tidegate.data.columns import Preprocessing
from tidegate.errors import ArgumentError
from tidegate.tasks.classify.task import Classifier, ClassifyConfig
from tidegate.tasks.elapsed_times import ElapsedTimes
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.distributions import DISTRIBUTIONS
from tidegate.tasks.forecast.model import Forecaster
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.tag.config import TagConfig
from tidegate.tasks.tag.model import Tagger

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")


def preprocessing(kind: str) -> Preprocessing:
    entries = {"words": ["<pad>", "<unk>", "a", "b", "c"], "labels": ["x", "y", "O"], "scheme": "none"}
    return Preprocessing({"input": kind, "mean": [0.1, 0.2, 0.3], "deviation": [1.0, 2.0, 3.0], **entries})


def written(model: torch.nn.Module, folder: Path) -> str:
    """Write a model, which compares it with Python; return its header."""
    with torch.no_grad():
        for p in model.parameters():
            p.uniform_(-1, 1)
    return (export.c(model, folder / "code") / "model.h").read_text()


@pytest.mark.parametrize(
    ("pooling", "both", "kind"),
    [
        pytest.param(
            *case, marks=() if case in (("max", True, "words"), ("attention", False, "frames")) else pytest.mark.slow
        )
        for case in itertools.product(("last", "mean", "max", "attention"), (False, True), ("words", "frames"))
    ],
)
def test_classifiers(pooling: Any, both: bool, kind: str, tmp_path: Path) -> None:
    config = ClassifyConfig(hidden_size=9, bidirectional=both, embedding_size=5, pooling=pooling, num_layers=2)
    made = written(Classifier(config, preprocessing(kind)), tmp_path)
    assert ("model_run" in made) == both
    assert ("model_step" in made) == (not both)


@pytest.mark.slow
@pytest.mark.parametrize("both", [False, True])
def test_taggers(both: bool, tmp_path: Path) -> None:
    config = TagConfig(hidden_size=9, online=not both, embedding_size=5, character_hidden_size=0)
    assert "float *y" in written(Tagger(config, preprocessing("words")), tmp_path)


def test_taggers_that_choose_sequences_or_read_characters_are_refused(tmp_path: Path) -> None:
    config = TagConfig(hidden_size=9, embedding_size=5, character_hidden_size=0, crf=True)
    with pytest.raises(ArgumentError, match=r"best sequence of tags.*--crf"):
        export.c(Tagger(config, preprocessing("words")), tmp_path / "code")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gaussian", "negative_binomial"])
def test_forecasters(name: Any, tmp_path: Path) -> None:
    distribution = DISTRIBUTIONS[name]()
    model = Forecaster(ForecastConfig(hidden_size=9), 4, distribution, targets=3, past=5)
    assert "model_step" in written(model, tmp_path)


@pytest.mark.parametrize("how", [None, "scaled", pytest.param("log", marks=pytest.mark.slow)])
def test_regressors(how: Any, tmp_path: Path) -> None:
    elapsed = None if how is None else ElapsedTimes(2, 1.5, 0.4, how)
    config = RegressConfig(hidden_size=9, cell="time_lstm" if how else "lstm")
    assert "x: 3 numbers" in written(Regressor(config, 3, 2, elapsed=elapsed), tmp_path)
