"""Inside a classifier: the running verdict, and where it looked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lens.tasks.tiny import tiny_run

from tidegate.data.rows import Row
from tidegate.lens.tasks import classifier, look_at
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask

SMALL = ClassifyConfig(hidden_size=5, embedding_size=4, min_count=1, level="words")
TEXTS = [("good movie", "pos"), ("bad movie", "neg"), ("a very good film", "pos"), ("an even film", "even")]
WORDS = ["a", "very", "very", "bad", "film", "!", "indeed"]


def fasttext(folder: Path) -> list[Path]:
    path = folder / "texts.txt"
    path.write_text("".join(f"__label__{label} {text}\n" for text, label in TEXTS))
    return [path]


@pytest.mark.parametrize("at_once", [1, 1 << 15])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_running_predictions_are_those_of_predict_for_each_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pooling: Any, bidirectional: bool, cell: str, at_once: int
) -> None:
    monkeypatch.setattr(classifier, "AT_ONCE", at_once)
    config = replace(SMALL, pooling=pooling, bidirectional=bidirectional, cell=cell, num_layers=2)
    task, run = tiny_run(ClassifyTask, fasttext(tmp_path), config)
    look = look_at(run, " ".join(WORDS))
    steps = look.steps["input"]
    assert steps.read == tuple(WORDS)
    assert steps.choices is not None
    prefixes = [Row("", {"text": " ".join(WORDS[: t + 1])}) for t in range(7)]
    expected = []
    for prefix in prefixes:
        ((_, said),) = task.predict_rows(run.model, [prefix])
        expected.append(list(said["probabilities"].values()))
    np.testing.assert_allclose(steps.choices.probabilities, expected, rtol=1e-4, atol=1e-6)
    assert np.ptp(expected, 0).max() > 0.01  # it changes its mind
    assert look.prediction["label"] == steps.choices.best[-1]
    assert list(look.prediction["probabilities"].values()) == pytest.approx(expected[-1], rel=1e-4)
    assert steps.trace.directions == 1 + bidirectional
    assert (look.attention is not None) == (pooling == "attention")


@pytest.mark.parametrize("words", [WORDS, WORDS[:1], WORDS * 9], ids=[7, 1, 63])
def test_attention_is_a_share_of_each_step(tmp_path: Path, words: list[str]) -> None:
    """It is softmax(v . tanh(W h_t + b)), and what is said is said of the outputs so weighed."""
    _, run = tiny_run(ClassifyTask, fasttext(tmp_path), replace(SMALL, pooling="attention"))
    look = look_at(run, " ".join(words))
    assert look.attention is not None
    assert look.attention.shape == (1, len(words))
    assert look.attention.sum() == pytest.approx(1, rel=1e-5)
    trace = look.steps["input"].trace
    h = np.concatenate([trace[0, 0]["h"], trace[0, 1]["h"]], 1)
    own = {name: it.detach().numpy() for name, it in run.model.named_parameters()}
    score = np.tanh(h @ own["pool.hidden.weight"].T + own["pool.hidden.bias"]) @ own["pool.score.weight"][0]
    np.testing.assert_allclose(look.attention[0], np.exp(score) / np.exp(score).sum(), rtol=1e-4, atol=1e-6)
    logits = own["output.weight"] @ (look.attention[0] @ h) + own["output.bias"]
    odds = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(list(look.prediction["probabilities"].values()), odds, rtol=1e-4, atol=1e-6)


def test_an_example_of_the_run_has_its_class(tmp_path: Path) -> None:
    _, run = tiny_run(ClassifyTask, fasttext(tmp_path), SMALL)
    look = look_at(run, 3, part="train")
    assert look.truth == {"label": "even"}
    assert look.steps["input"].read == ("an", "even", "film")
    assert look.prediction == look_at(run, "an even film").prediction
    assert look.task == "classify"


@pytest.mark.parametrize("shape", [(5, 12), (5, 3, 4), (5, 2, 2, 3)])
def test_frames_are_read_step_by_step(tmp_path: Path, shape: tuple[int, ...]) -> None:
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", frames=draw.normal(3, 2, (6, 5, 12)), labels=np.arange(6) % 3)
    task, run = tiny_run(ClassifyTask, [tmp_path / "a.npz"], SMALL)
    given = draw.normal(3, 2, (5, 12)).astype(np.float32)
    look = look_at(run, given.reshape(shape))
    ((_, said),) = task.predict_rows(run.model, [Row("", {"frames": given})])
    assert look.prediction["probabilities"] == pytest.approx(said["probabilities"], rel=1e-5)
    steps = look.steps["input"]
    assert steps.frames is not None
    # 12 numbers are 3 times the square 2 x 2 unless the array says otherwise.
    assert steps.frames.values.shape == ((5, 2, 2, 3) if len(shape) == 2 else shape)
    assert look_at(run, given, picture=(6, 2)).steps["input"].frames.values.shape == (5, 6, 2)  # type: ignore[union-attr]
    stored = look_at(run, 4, part="train")
    assert (stored.truth, len(stored.steps["input"])) == ({"label": "1"}, 5)
