"""Outcomes of classifiers and taggers, whose answers are labels."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Encoded, Part
from tidegate.lens.tasks.outcomes.confusion import UNSEEN, UNSEEN_LABEL
from tidegate.lens.tasks.outcomes.outcome import Outcome
from tidegate.tasks.classify.task import Classifier, ClassifyTask
from tidegate.tasks.example_batches import Columns, map_batches
from tidegate.tasks.tag.task import Tagger, TagTask

MEASURE = "loss, nats"
SURE = 1e-37  # the smallest probability whose logarithm is taken, in float32


def class_outcomes(task: ClassifyTask, model: Classifier, part: Part, numbers: Sequence[int]) -> list[Outcome]:
    """Return the outcomes of a classifier; the loss is -log p(true class)."""

    def act(columns: Columns) -> list[NDArray[Any]]:
        return list(task.logits(model, columns).log_softmax(-1).double().cpu().numpy())

    labels = task.preprocessing.vocabulary("labels")
    level = task.preprocessing.text("input")
    found = []
    for n, (number, log_p) in enumerate(zip(numbers, map_batches(part, task.LENGTH, model, act), strict=True)):
        example = {name: column[n] for name, column in part.columns.items()}
        true, best = int(example["label"][0]), int(log_p.argmax())
        found.append(
            Outcome(
                number,
                text="" if level == "frames" else _spaced(stored_tokens(task, example), level),
                truth=labels[true],
                guess=labels[best],
                p=float(np.exp(log_p[best])),
                loss=float(-log_p[true]),
                right=true == best,
                wrong=int(true != best),
                counts={(true, best): 1},
            )
        )
    return found


def tag_outcomes(task: TagTask, model: Tagger, part: Part, numbers: Sequence[int]) -> list[Outcome]:
    """Return the outcomes of a tagger; the loss is the mean of -log p(true tag) over steps whose tag is known."""

    def act(columns: Columns) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        scores, lengths = model(columns), columns["inputs"].lengths
        best, p = model.best(scores, lengths).cpu().numpy(), model.probabilities(scores, lengths).double().cpu().numpy()
        return [(best[n, :length], p[n, :length]) for n, length in enumerate(lengths.tolist())]

    labels = task.preprocessing.vocabulary("labels")
    found = []
    for n, (number, (best, p)) in enumerate(zip(numbers, map_batches(part, task.LENGTH, model, act), strict=True)):
        example = {name: column[n] for name, column in part.columns.items()}
        true, steps = np.asarray(example["tags"]), np.arange(len(best))
        p_true = np.where(true == UNSEEN, 0.0, p[steps, true])
        wrong = true != best
        # The least likely of the wrong tags; if all are right, the least likely of these.
        at = int(np.where(wrong == wrong.any(), p_true, np.inf).argmin())
        losses = -np.log(np.maximum(p_true, SURE))[true != UNSEEN]
        tokens = () if task.level == "frames" else spelled_tokens(task, example)
        found.append(
            Outcome(
                number,
                text=_spaced(tokens, task.level),
                truth=UNSEEN_LABEL if true[at] == UNSEEN else labels[int(true[at])],
                guess=labels[int(best[at])],
                p=float(p[at, best[at]]),
                loss=float(losses.mean()) if len(losses) else 0.0,
                right=not wrong.any(),
                step=at,
                token=tokens[at] if tokens else "",
                predictions=len(best),
                wrong=int(wrong.sum()),
                counts=Counter(zip(true.tolist(), best.tolist(), strict=True)),
            )
        )
    return found


def stored_tokens(task: ClassifyTask | TagTask, example: Encoded) -> tuple[str, ...]:
    """Return the words or characters of a stored example that are in the vocabulary."""
    level = task.preprocessing.text("input")
    return tuple(task.preprocessing.vocabulary(level).decode(example["inputs"].tolist()))


def spelled_tokens(task: TagTask, example: Encoded) -> tuple[str, ...]:
    """Return the words or characters of a stored example as spelled there, unknown characters left out."""
    if "spelling" not in example:
        return stored_tokens(task, example)
    characters = task.preprocessing.vocabulary("characters").decode(example["characters"].tolist())
    ends = example["spelling"].cumsum().tolist()
    return tuple("".join(characters[a:b]) for a, b in zip([0, *ends], ends, strict=False))


def _spaced(tokens: Sequence[str], level: str) -> str:
    return (" " if level == "words" else "").join(tokens)
