"""Outcomes of translators and captioners, whose answers are texts."""

from collections.abc import Sequence
from math import exp
from typing import Any

from tidegate.data.column_kinds import stored_text
from tidegate.data.columns import Part
from tidegate.lens.tasks.outcomes.outcome import Outcome
from tidegate.tasks.example_batches import Columns, map_batches
from tidegate.tasks.seq2seq.task import WritingTask

MEASURE = "loss, nats per token"


def text_outcomes(task: WritingTask, model: Any, part: Part, numbers: Sequence[int]) -> list[Outcome]:
    """Return the outcomes of a translator or captioner; the loss is the mean of -log p of the true text's tokens."""

    def act(columns: Columns) -> list[tuple[str, float, float]]:
        first, state, memory = model.begin(columns)
        losses = model.decoder.losses(first, *columns["target"], state, memory).sum(1).double()
        means = (losses / columns["target"].lengths.clamp(min=1)).tolist()
        best = [it[0] for it in task.write(model, columns, task.config.beam)]
        return [(task.text_of(it), it.score, mean) for it, mean in zip(best, means, strict=True)]

    found = []
    for n, (number, (text, score, loss)) in enumerate(
        zip(numbers, map_batches(part, task.LENGTH, model, act), strict=True)
    ):
        example = {name: column[n] for name, column in part.columns.items()}
        truth = stored_text(example["truth"])
        read = stored_text(example["original"]) if "original" in example else ""
        right = text == truth
        found.append(Outcome(number, read, truth, text, exp(score), loss, right, wrong=int(not right)))
    return found
