"""Inside a tagger: tags, spans, both directions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.lens.tasks.tiny import as_torch, tiny_run

from tidegate.data.buckets import pad
from tidegate.data.rows import Row
from tidegate.errors import ArgumentError
from tidegate.lens.tasks import TaggerLook, look_at
from tidegate.tasks.tag.spans import spans
from tidegate.tasks.tag.task import TagConfig, TagTask

SMALL = TagConfig(hidden_size=5, embedding_size=4, character_hidden_size=3, num_layers=2, min_count=1)
TAGS = {"Ann": "B-P", "Lee": "I-P", "w0": "O", "w1": "O", "Rome": "B-L"}
WORDS = ["w0", "Ann", "Lee", "Lee", "unheard", "Rome", "w1"]


def conll(folder: Path) -> list[Path]:
    path = folder / "tag.conll"
    sentences = (["w0", "Ann", "Lee"], ["Rome"], ["w1", "Rome", "w0", "Ann"])
    path.write_text("\n".join("".join(f"{word}\t{TAGS[word]}\n" for word in it) for it in sentences))
    return [path]


def characters(folder: Path) -> list[Path]:
    path = folder / "tag.jsonl"
    path.write_text('{"text": "ab a", "tags": ["x", "y", "z", "x"]}\n{"text": "b", "tags": ["y"]}\n')
    return [path]


def frames(folder: Path) -> list[Path]:
    path = folder / "tag.npz"
    draw = np.random.default_rng(0)
    np.savez(path, frames=draw.normal(3, 2, (6, 7, 9)), labels=np.arange(42).reshape(6, 7) % 4)
    return [path]


def looked(run: Any, given: Any, **options: Any) -> TaggerLook:
    look = look_at(run, given, **options)
    assert isinstance(look, TaggerLook)
    return look


@pytest.mark.parametrize("words", [WORDS, WORDS[:1], WORDS * 9], ids=[7, 1, 63])
def test_both_directions_are_those_of_torch(tmp_path: Path, words: list[str]) -> None:
    task, run = tiny_run(TagTask, conll(tmp_path), SMALL)
    look = looked(run, words)
    steps = look.steps["input"]
    assert (steps.read, steps.trace.labels) == (tuple(words), tuple(words))
    (example,) = task.encode(Row("", {"tokens": words}), SMALL, task.preprocessing, labelled=False)
    columns = {name: pad([it]) for name, it in example.items()}
    with torch.no_grad():
        spelled = run.model.spelling(columns["characters"], columns["spelling"])
        x = torch.cat([run.model.input(columns["inputs"].values), spelled], -1)
        for layer in range(2):
            x, (_, c) = as_torch(run.model.recurrent, layer)(x)
            for direction in range(2):
                kept = steps.trace[layer, direction]
                own = x[0, :, 5 * direction : 5 * (direction + 1)].numpy()
                np.testing.assert_allclose(kept["h"], own, atol=1e-5)
                np.testing.assert_allclose(kept["c"][0 if direction else -1], c[direction, 0].numpy(), atol=1e-5)
    # What is said at a step is made of both directions' h there.
    both = np.concatenate([steps.trace[1, 0]["h"], steps.trace[1, 1]["h"]], 1)
    weight, bias = (it.detach().numpy() for it in (run.model.output.weight, run.model.output.bias))
    odds = np.exp(both @ weight.T + bias)
    assert steps.choices is not None
    np.testing.assert_allclose(steps.choices.probabilities, odds / odds.sum(1, keepdims=True), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("online", [False, True])
def test_tags_and_spans_are_those_of_predict(tmp_path: Path, online: bool) -> None:
    task, run = tiny_run(TagTask, conll(tmp_path), replace(SMALL, online=online))
    kinds: set[str] = set()
    for text in (" ".join(WORDS), "Rome", "Lee Ann w1 Rome x"):
        look = looked(run, text)
        row = Row("here", {"text": text})
        ((_, said),) = task.predict_rows(run.model, [row])
        assert said == look.prediction
        assert [(it["type"], it["start"], it["end"]) for it in said["spans"]] == list(look.spans)
        choices = look.steps["input"].choices
        assert choices is not None
        assert choices.best == said["tags"]
        np.testing.assert_allclose(choices.probabilities.sum(1), 1, rtol=1e-5)
        for best, tag, row in zip(choices.top(3), said["tags"], choices.probabilities, strict=True):
            assert best[0][0] == tag
            assert [p for _, p in best] == sorted(row.tolist(), reverse=True)[:3]
        assert look.steps["input"].trace.directions == 2 - online
        assert look.truth is None
        kinds |= set(said["tags"])
    assert len(kinds) > 2


def test_an_example_of_the_run_has_its_words_as_spelled_and_its_tags(tmp_path: Path) -> None:
    _, run = tiny_run(TagTask, conll(tmp_path), SMALL)
    look = looked(run, 2, part="train")
    assert look.steps["input"].read == ("w1", "Rome", "w0", "Ann")  # its inputs are in small letters
    assert look.truth == {"tags": ["O", "B-L", "O", "B-P"]}
    assert look.true_spans == (("L", 1, 2), ("P", 3, 4))
    assert look.spans == tuple(spans(look.prediction["tags"], "BIO"))
    assert looked(run, ["w1", "Rome", "w0", "Ann"]).prediction == look.prediction
    assert looked(run, -1, part="train").prediction == look.prediction


def test_probabilities_are_the_marginals_of_the_random_field(tmp_path: Path) -> None:
    task, run = tiny_run(TagTask, conll(tmp_path), replace(SMALL, crf=True, valid_spans=True))
    look = looked(run, "Ann Rome, w1")
    row = Row("here", {"text": "Ann Rome, w1"})
    ((_, said),) = task.predict_rows(run.model, [row])
    assert look.prediction == said
    choices = look.steps["input"].choices
    assert choices is not None
    shares = [row[choices.labels.index(tag)] for row, tag in zip(choices.probabilities, said["tags"], strict=True)]
    assert said["probabilities"] == pytest.approx(shares)
    forbidden = [n for n, label in enumerate(choices.labels) if label.startswith("I-")]
    assert not choices.probabilities[0, forbidden].any()  # no span goes on where none began


def test_characters_and_frames(tmp_path: Path) -> None:
    task, run = tiny_run(TagTask, characters(tmp_path), SMALL)
    look = looked(run, "ba a?")
    ((_, said),) = task.predict_rows(run.model, [Row("", {"text": "ba a?"})])
    assert (look.prediction, look.spans) == (said, ())
    assert look.steps["input"].read == tuple("ba a?")
    task, run = tiny_run(TagTask, frames(tmp_path), SMALL)
    given = np.random.default_rng(1).normal(3, 2, (7, 9)).astype(np.float32)
    look = looked(run, given)
    ((_, said),) = task.predict_rows(run.model, [Row("", {"frames": given})])
    assert look.prediction == said
    steps = look.steps["input"]
    assert steps.read == ()
    assert steps.frames is not None
    assert (steps.frames.values.shape, len(steps)) == ((7, 3, 3), 7)
    np.testing.assert_allclose(steps.frames.values.reshape(7, 9), (given - given.min()) / np.ptp(given), atol=1e-6)


def test_an_input_without_a_step_raises(tmp_path: Path) -> None:
    _, run = tiny_run(TagTask, conll(tmp_path), SMALL)
    for nothing in ("", "  ", []):
        with pytest.raises(ArgumentError, match="nothing to look at"):
            look_at(run, nothing)
