"""One entry for all tasks: real runs, and what is refused."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.lens.tasks.tiny import tiny_run
from tests.train.task_runs import run as trained

from tidegate.data.buckets import pad
from tidegate.data.columns import open_examples
from tidegate.errors import ArgumentError, DataError
from tidegate.lens.tasks import look_at
from tidegate.tasks.base_task import example_task
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.seq2seq.caption import CaptionConfig, CaptionTask
from tidegate.train import load_run

PAGE = Path(__file__).parents[3] / "docs" / "look" / "tasks.md"
CLASSIFY = ClassifyConfig(hidden_size=3, embedding_size=4, min_count=1, level="words")


@pytest.fixture
def classifier(tmp_path: Path) -> Any:
    (tmp_path / "a.txt").write_text("__label__x so good\n__label__y so bad\n")
    return tiny_run(ClassifyTask, [tmp_path / "a.txt"], CLASSIFY)[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["classify", "tag", "translate", "caption", "forecast"])
def test_every_tasks_own_run_can_be_looked_at(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    trained(name, folder)
    run = load_run(folder)
    task: Any = example_task(name)(run.config.model, run.vocabulary)
    look = look_at(run, 0)
    rows = open_examples(folder).parts["validation"].rows([0])
    with torch.inference_mode():
        (said,) = task.predict(run.model, {column: pad(it) for column, it in rows.items()})
    assert {key: look.prediction[key] for key in said} == said
    assert look.truth is not None
    for steps in look.steps.values():
        assert len(steps) == len(steps.trace.labels) == len(steps.read)
        assert steps.trace.layers == run.config.model.num_layers


@pytest.mark.slow
def test_the_pages_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    trained("tag", tmp_path / "runs" / "tags")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "tasks.md", "exec"), names)
    assert names["steps"].read == ("Ann", "Lee", "went", "to", "Rome")


def test_a_text_a_row_and_a_file_of_one_are_the_same(classifier: Any, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("so good bad\n")
    (row,) = ClassifyTask.read(tmp_path / "one.txt", CLASSIFY)
    said = look_at(classifier, "so good bad").prediction
    assert look_at(classifier, row).prediction == said
    assert look_at(classifier, tmp_path / "one.txt").prediction == said
    (tmp_path / "two.txt").write_text("so good\nso bad\n")
    with pytest.raises(ArgumentError, match=r"two\.txt holds more than one example"):
        look_at(classifier, tmp_path / "two.txt")


def test_a_look_changes_nothing(classifier: Any) -> None:
    classifier.model.train()
    look = look_at(classifier, "so good")
    assert classifier.model.training
    assert look_at(classifier, "so good").prediction == look.prediction  # no dropout
    assert not any(module._forward_hooks for module in classifier.model.modules())


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        (9, {"part": "train"}, "train example 9: there are 2, 0 to 1"),
        (0, {}, "no examples for validation"),
        (0, {"part": "dev"}, "no part 'dev': choose one of train, validation, test"),
        ("", {}, "nothing to look at"),
        ("so", {"beam": 3}, "beam is given, but .* is a run of classify, which writes no text"),
        (["so", "good"], {}, "classify does not read a list"),
        (np.zeros(3), {}, r"frames should be \(T, F\)"),
        (np.array(["a"]), {}, "An array of numbers is needed, but this is <U1"),
    ],
    ids=str,
)
def test_invalid_input_raises(classifier: Any, given: Any, options: Any, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        look_at(classifier, given, **options)


def test_frames_for_a_model_of_words_raise(classifier: Any) -> None:
    with pytest.raises(DataError, match="what was given: the model reads words, but frames were given"):
        look_at(classifier, np.zeros((2, 3)))


def test_a_text_for_a_captioner_raises(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=np.arange(8).reshape(2, 4), captions=["a", "b"])
    config = CaptionConfig(hidden_size=3, embedding_size=4, min_count=1)
    _, run = tiny_run(CaptionTask, [tmp_path / "a.npz"], config)
    with pytest.raises(ArgumentError, match="caption does not read a str"):
        look_at(run, "a picture of a cat")
    with pytest.raises(DataError, match="the image has 5 numbers, but those of training had 4"):
        look_at(run, torch.zeros(5))


def test_tasks_without_examples_to_look_at_raise(classifier: Any) -> None:
    for task, hint in (("lm", "tidegate.lens.read"), ("probe", "of the task probe, which cannot be looked at")):
        other = replace(classifier, config=replace(classifier.config, task=task))
        with pytest.raises(ArgumentError, match=hint):
            look_at(other, "a text")


def test_importing_it_is_light() -> None:
    code = "import sys, tidegate.lens.tasks; print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"sklearn", "pandas", "matplotlib", "fastapi", "xarray", "datasets", "seqeval", "scipy"}
    assert not heavy & set(done.stdout.split())
