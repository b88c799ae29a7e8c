"""Tasks of one's own are looked at by the function that they name."""

from pathlib import Path
from typing import Any, cast

import pytest
from tests.lens.tasks.tiny import tiny_run

from tidegate.errors import ArgumentError
from tidegate.lens.tasks import ClassifierLook, ExampleLook, TextLook, look_at, task_look
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.train import Run
from tidegate.train.registry import register_task

OWN = """
from tidegate.lens.tasks import ExampleLook, Look
from tidegate.lens.tasks.classifier import look_at_class

def look(run):
    return ExampleLook(look_at_own, title="Own", text_field="text")

def look_at_own(task, model, example):
    found = look_at_class(task, model, example)
    return Look(task.name, found.steps, {"own": found.prediction["label"]}, None, None)

def wrong(run):
    return "a look"
"""


class Inheriting(ClassifyTask):
    name = "inheriting"


class Own(ClassifyTask):
    name = "own"
    look = "own_look_of_a_test:look"


class Wrong(ClassifyTask):
    name = "wrong"
    look = "own_look_of_a_test:wrong"


class Missing(ClassifyTask):
    name = "missing"
    look = "no_such_module_of_a_test:look"


class Without(ClassifyTask):
    name = "without"
    look = None


for _kind in (Inheriting, Own, Wrong, Missing, Without):
    register_task(cast(Any, _kind))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "own_look_of_a_test.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a.txt").write_text("__label__x so good\n__label__y so bad\n")
    config = ClassifyConfig(hidden_size=3, embedding_size=4, min_count=1, level="words")
    return lambda kind: tiny_run(kind, [tmp_path / "a.txt"], config)[1]


def test_a_subclass_inherits_the_look(run: Any):
    found = look_at(run(Inheriting), "so good")
    assert isinstance(found, ClassifierLook)
    assert found.task == "inheriting"


def test_the_function_named_is_called(run: Any):
    own: Run = run(Own)
    look = task_look(own)
    assert isinstance(look, ExampleLook)
    assert look.title == "Own"
    found = look_at(own, "so good")
    assert found.prediction == {"own": found.steps["input"].choices.best[-1]}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Missing, "Missing.look is 'no_such_module_of_a_test:look', which cannot be imported"),
        (Wrong, "own_look_of_a_test:wrong returned a str, but should return a TextLook or an ExampleLook"),
        (Without, "cannot be looked at: its class has no attribute `look`"),
    ],
)
def test_a_wrong_look_raises(run: Any, kind: type[ClassifyTask], message: str):
    with pytest.raises(ArgumentError, match=message):
        look_at(run(kind), "so good")


def test_language_models_are_looked_at_by_their_texts(run: Any):
    from tidegate.text.task import LanguageModelTask

    assert LanguageModelTask.look == "tidegate.lens.tasks.language_model:look"
    from tidegate.lens.tasks.language_model import look

    assert isinstance(look(run(Own)), TextLook)
