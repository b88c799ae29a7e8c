"""Classifiers: the class, after the whole example and while it is read; and properties of the text."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Encoded
from tidegate.lens.tasks.outcomes.label_outcomes import stored_tokens
from tidegate.lens.tasks.units.subject import ReadSequence, Scored, StepLabel, Subject
from tidegate.lens.tasks.units.text_labels import place_labels, text_labels
from tidegate.tasks.classify.task import Classifier, ClassifyTask
from tidegate.tasks.example_batches import Columns


def _steps(example: Encoded) -> int:
    return len(example["inputs"])


def _labels(task: ClassifyTask) -> list[StepLabel]:
    entries, level = task.preprocessing.vocabulary("labels").entries, task.preprocessing.text("input")

    def at_end(number: int) -> Callable[[Encoded], NDArray[Any]]:
        return lambda example: example["label"] == number

    def so_far(number: int) -> Callable[[Encoded], NDArray[Any]]:
        return lambda example: np.full(_steps(example), example["label"][0] == number)

    made: list[StepLabel] = []
    for number, entry in list(enumerate(entries))[len(entries) == 2 :]:  # of two classes, one says both
        end, step = (f"{when} an example of “{entry}”" for when in ("at the end of", "at every step of"))
        made.append(StepLabel(f"{entry}, at the end", "yes/no", at_end(number), whole=True, words=end))
        made.append(StepLabel(f"{entry}, at any step", "yes/no", so_far(number), words=step))
    if level == "frames":
        return [*made, *place_labels(_steps)]
    vocabulary = task.preprocessing.vocabulary(level)
    texts = text_labels(
        level == "words", lambda it: vocabulary.decode(it["inputs"].tolist()), without=["position", "newline"]
    )
    return [*made, *place_labels(_steps), *texts]


def _read(task: ClassifyTask, example: Encoded) -> tuple[str, ...]:
    return () if task.preprocessing.text("input") == "frames" else stored_tokens(task, example)


def _scored(task: ClassifyTask, model: Classifier, columns: Columns) -> list[Scored]:
    log, true = task.logits(model, columns).float().log_softmax(-1), columns["label"].values[:, 0]
    losses, wrong = -log.gather(1, true[:, None]), log.argmax(-1) != true
    return [
        Scored(loss, np.array([float(bad)]))
        for loss, bad in zip(losses.double().cpu().numpy(), wrong.tolist(), strict=True)
    ]


def _groups(task: ClassifyTask, example: Encoded) -> list[str]:
    return [task.preprocessing.vocabulary("labels")[int(example["label"][0])]]


CLASSIFIER = Subject(
    {"input": ReadSequence(lambda model: model.recurrent, _steps, _labels, _read)}, _scored, _groups, "class"
)
