"""Classifiers: the class probabilities after every step, and the attention weights."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.columns import Encoded
from tidegate.lens.record.trace import trace
from tidegate.lens.tasks.example import Example, frames_row, on_cpu
from tidegate.lens.tasks.hooks import recorded_calls
from tidegate.lens.tasks.outcomes.label_outcomes import MEASURE, class_outcomes, stored_tokens
from tidegate.lens.tasks.pictures import pictures
from tidegate.lens.tasks.reasons.decisions import CLASSES
from tidegate.lens.tasks.task_look import ExampleLook
from tidegate.lens.tasks.units.classifier_subject import CLASSIFIER
from tidegate.lens.tasks.views import Choices, Look, Steps
from tidegate.tasks.classify.task import Classifier, ClassifyTask, split_words
from tidegate.tasks.layers import mask
from tidegate.train import Run

AT_ONCE = 1 << 15  # steps of all prefixes that are pooled together: bounds the memory


@dataclass(frozen=True, repr=False)
class ClassifierLook(Look):
    """What a classifier did with a sequence.

    The ``choices`` of ``steps["input"]`` are running predictions: p(class | x_1 .. x_t), as if the sequence ended after
    step t; the last row is the prediction for all of it.
    """


def look(run: Run) -> ExampleLook:
    """Return how a run of ``classify`` is looked at."""
    text = run.vocabulary.text("input") != "frames"
    return ExampleLook(
        look_at_class,
        "Classes",
        "text" if text else None,
        array_row=frames_row,
        outcomes=class_outcomes,
        measure=MEASURE,
        answers="labels",
        picture=None if text else _sheet,
        subject=CLASSIFIER,
        decisions=CLASSES,
    )


def _sheet(task: ClassifyTask, encoded: Encoded) -> NDArray[np.float32]:
    """Return the frames, one below the other, as a picture: frames are often the lines of one."""
    frames = np.asarray(encoded["inputs"])
    return pictures(frames.reshape(1, -1), frames.shape).values[0]


def look_at_class(task: ClassifyTask, model: Classifier, example: Example) -> ClassifierLook:
    """Look inside a classifier.

    In one direction the running predictions come from one pass. Backwards a network reads every prefix from its own
    end, so in two directions each prefix is run by itself: T (T + 1) / 2 steps.

    Args:
        task: the run's task.
        model: in eval mode.
        example: what it reads.
    """
    with recorded_calls(model.recurrent) as calls, recorded_calls(getattr(model.pool, "score", None)) as scores:
        probabilities = task.logits(model, example.columns)[0].softmax(-1).tolist()
    call, labels = calls[0], task.preprocessing.vocabulary("labels").entries
    running = [model.output(it).softmax(-1) for it in _pooled(model, call.args[0], call.output[0])]
    frames = (
        pictures(example.encoded["inputs"], example.picture) if task.preprocessing.text("input") == "frames" else None
    )
    read = () if frames else _tokens(task, example)
    traced = trace(model.recurrent, call.args[0][0], labels=read)
    best = max(range(len(labels)), key=probabilities.__getitem__)
    return ClassifierLook(
        task=task.name,
        steps={"input": Steps(read, traced, frames, Choices(labels, on_cpu(torch.cat(running))))},
        prediction={"label": labels[best], "probabilities": dict(zip(labels, probabilities, strict=True))},
        truth={"label": labels[int(example.encoded["label"][0])]} if "label" in example.encoded else None,
        attention=on_cpu(scores[0].output[..., 0].softmax(1)) if scores else None,
    )


def _pooled(model: Classifier, x: Tensor, output: Tensor) -> Iterator[Tensor]:
    """Pool the first 1, 2, .. T steps of inputs (1, T, I) and outputs (1, T, D): (., D) each."""
    steps = x.shape[1]
    size = max(1, AT_ONCE // steps)
    for start in range(1, steps + 1, size):
        lengths = torch.arange(start, min(start + size, steps + 1), device=x.device)
        longest = int(lengths[-1])
        if model.recurrent.bidirectional:
            outputs, final = model.recurrent(x[:, :longest].repeat(len(lengths), 1, 1), lengths=lengths)
            last = final[0] if isinstance(final, tuple) else final
        else:
            outputs = output[:, :longest] * mask(lengths, longest)[..., None]
            last = output[:, lengths - 1]  # the output is the state, so it was the final one when the text ended there
        yield model.pool(outputs, last, lengths)


def _tokens(task: ClassifyTask, example: Example) -> tuple[str, ...]:
    """Return the words or characters; of stored examples those that are in the vocabulary."""
    level = task.preprocessing.text("input")
    if example.row is None:
        return stored_tokens(task, example.encoded)
    text = example.row.values["text"]
    cutting = task.preprocessing.cutting()
    return tuple(split_words(text, task.config.lowercase, cutting) if level == "words" else text)
