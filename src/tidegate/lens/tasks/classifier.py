"""Inside a classifier: what it would have said at every step, and where it looked."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from tidegate.lens.record.trace import trace
from tidegate.lens.tasks.hooks import watched
from tidegate.lens.tasks.inputs import Given, on_cpu
from tidegate.lens.tasks.pictures import pictures
from tidegate.lens.tasks.views import Choices, Look, Steps
from tidegate.tasks.classify.task import Classifier, ClassifyTask, split_words
from tidegate.tasks.layers import mask

AT_ONCE = 1 << 15  # steps of all prefixes that are pooled together: bounds the memory


def look_at_class(task: ClassifyTask, model: Classifier, given: Given) -> Look:
    """Look inside a classifier.

    The ``choices`` of its steps are the running verdict: p(class | x_1 .. x_t), what the model says of a text that ends
    after step t; the last row is what it says of this one. In one direction all rows come from one pass. Backwards a
    network reads every prefix from its own end, so in two directions each prefix is run by itself: T (T + 1) / 2 steps.

    Args:
        task: the run's task.
        model: in eval mode.
        given: the example.
    """
    with watched(model.recurrent) as calls, watched(getattr(model.pool, "score", None)) as scores:
        probabilities = model(*given.columns["inputs"])[0].softmax(-1).tolist()
    call, labels = calls[0], task.preprocessing.vocabulary("labels").entries
    running = [model.output(it).softmax(-1) for it in _pooled(model, call.args[0], call.output[0])]
    frames = pictures(given.example["inputs"], given.picture) if task.preprocessing.text("input") == "frames" else None
    read = () if frames else _read(task, given)
    traced = trace(model.recurrent, call.args[0][0], labels=read)
    best = max(range(len(labels)), key=probabilities.__getitem__)
    return Look(
        task=task.name,
        steps={"input": Steps(read, traced, frames, Choices(labels, on_cpu(torch.cat(running))))},
        said={"label": labels[best], "probabilities": dict(zip(labels, probabilities, strict=True))},
        truth={"label": labels[int(given.example["label"][0])]} if "label" in given.example else None,
        attention=on_cpu(scores[0].output[..., 0].softmax(1)) if scores else None,
    )


def _pooled(model: Classifier, x: Tensor, output: Tensor) -> Iterator[Tensor]:
    """Inputs (1, T, I) and outputs (1, T, D) to what is pooled of the first 1, 2, .. T steps, (., D) each."""
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


def _read(task: ClassifyTask, given: Given) -> tuple[str, ...]:
    """The words or characters; of stored examples those that are known."""
    level = task.preprocessing.text("input")
    if given.row is None:
        return tuple(task.preprocessing.vocabulary(level).decode(given.example["inputs"].tolist()))
    text = given.row.values["text"]
    return tuple(split_words(text, task.config.lowercase) if level == "words" else text)
