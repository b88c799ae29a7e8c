"""Taggers: each tag, the spans that tags mark, and properties of the text."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Encoded
from tidegate.lens.tasks.outcomes.label_outcomes import spelled_tokens
from tidegate.lens.tasks.units.subject import ReadSequence, Scored, StepLabel, Subject
from tidegate.lens.tasks.units.text_labels import place_labels, text_labels
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.tag.model import Tagger
from tidegate.tasks.tag.scores import UNSEEN
from tidegate.tasks.tag.spans import PLAIN, TAG
from tidegate.tasks.tag.task import TagTask

NEW = "a tag that training lacks"


def _steps(example: Encoded) -> int:
    return len(example["inputs"])


def _among(numbers: Sequence[int]) -> Callable[[Encoded], NDArray[Any]]:
    """Return the label of the steps whose tag is one of some; undefined where training lacks it."""
    return lambda example: np.where(example["tags"] == UNSEEN, np.nan, np.isin(example["tags"], numbers))


def _labels(task: TagTask) -> list[StepLabel]:
    entries = task.preprocessing.vocabulary("labels").entries
    chosen: dict[str, list[int]] = {}
    words: dict[str, str] = {}
    if task.scheme != PLAIN:
        parts = {n: match.groups() for n, entry in enumerate(entries) if (match := TAG.fullmatch(entry))}
        kinds = dict.fromkeys(kind for _, kind in parts.values())
        chosen["in a span"] = list(parts)
        chosen["a span begins"] = [n for n, (letter, _) in parts.items() if letter in "BS"]
        chosen |= {f"in {kind}": [n for n, own in parts.items() if own[1] == kind] for kind in kinds}
        words |= {"in a span": "inside spans of any type", "a span begins": "where a span begins"}
        words |= {f"in {kind}": f"inside spans of “{kind}”" for kind in kinds}
    chosen |= {entry: [n] for n, entry in enumerate(entries) if entry != "O" or task.scheme == PLAIN}
    made = [
        StepLabel(name, "yes/no", _among(numbers), words=words.get(name, f"where the tag is “{name}”"))
        for name, numbers in chosen.items()
    ]
    if task.level == "frames":
        return [*made, *place_labels(_steps)]
    vocabulary = task.preprocessing.vocabulary(task.level)
    texts = text_labels(
        task.level == "words", lambda it: vocabulary.decode(it["inputs"].tolist()), without=["position", "newline"]
    )
    taken = {it.name for it in made}
    return [*made, *place_labels(_steps), *(it for it in texts if it.name not in taken)]


def _read(task: TagTask, example: Encoded) -> tuple[str, ...]:
    return () if task.level == "frames" else spelled_tokens(task, example)


def _scored(task: TagTask, model: Tagger, columns: Columns) -> list[Scored]:
    scores, (true, lengths) = model(columns), columns["tags"]
    known = true != UNSEEN
    shares = model.probabilities(scores, lengths).double().gather(-1, true.clamp_min(0)[..., None])[..., 0]
    losses = (-shares.log()).masked_fill(~known, np.nan).cpu().numpy()
    wrong = (model.best(scores, lengths) != true).double().cpu().numpy()  # a tag that training lacks is never right
    return [Scored(losses[n, :length], wrong[n, :length]) for n, length in enumerate(lengths.tolist())]


def _groups(task: TagTask, example: Encoded) -> list[str]:
    entries = task.preprocessing.vocabulary("labels").entries
    return [NEW if it == UNSEEN else entries[it] for it in example["tags"].tolist()]


TAGGER = Subject(
    {"input": ReadSequence(lambda model: model.recurrent, _steps, _labels, _read)}, _scored, _groups, "tag"
)
