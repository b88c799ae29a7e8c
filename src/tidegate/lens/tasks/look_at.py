"""One entry for all tasks: `look_at`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import torch

from tidegate.errors import ArgumentError
from tidegate.lens.tasks.classifier import look_at_class
from tidegate.lens.tasks.forecaster import look_at_series
from tidegate.lens.tasks.inputs import Givable, Given, PartName, read_given
from tidegate.lens.tasks.seq2seq import look_at_text
from tidegate.lens.tasks.tagger import look_at_tags
from tidegate.lens.tasks.views import Look
from tidegate.nn.evaluating import evaluating
from tidegate.tasks.classify.task import ClassifyTask
from tidegate.tasks.example_task import ExampleTask
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.seq2seq.caption import CaptionTask
from tidegate.tasks.seq2seq.translate import TranslateTask
from tidegate.tasks.tag.task import TagTask
from tidegate.train.registry import task_named

if TYPE_CHECKING:
    from tidegate.train import Run

LOOKS: dict[type[ExampleTask], Callable[[Any, Any, Given], Look]] = {
    TagTask: look_at_tags,
    ClassifyTask: look_at_class,
    TranslateTask: look_at_text,
    CaptionTask: look_at_text,
    ForecastTask: look_at_series,
}


def look_at(
    run: Run,
    given: Givable,
    *,
    part: PartName = "validation",
    picture: Sequence[int] | None = None,
    beam: int | None = None,
    length_penalty: float | None = None,
    max_length: int | None = None,
) -> Look:
    """Look inside a trained model of any task but language modelling (`tidegate.lens.read`) while it takes one example.

    Args:
        run: from `tidegate.train.load_run`.
        given: a text (classify, tag, translate); a list of words or characters (tag); an array of frames (T, F) or
            (T, height, width), an image, or a series (T,); the path of a file of one example, or a row, as the task
            reads them; or the number of an example of the run's own data.
        part: which of these, "train", "validation" or "test".
        picture: (height, width) or (height, width, channels) of frames and images; None: see
            `tidegate.lens.tasks.pictures`.
        beam: texts kept while searching; as the run has it if not given. So for the others.
        length_penalty: how much long texts are favoured.
        max_length: a text that has not ended after so many tokens is cut.

    Returns:
        A `TaggerLook`, `WriterLook` or `ForecasterLook`; of a classifier a `Look`.

    Raises:
        ArgumentError: this task cannot be looked at, does not read what was given, or does not write; there is no such
            example, or it has no step.
        DataError: what was given does not fit the model.
    """
    kind = task_named(run.config.task)
    act = next((act for known, act in LOOKS.items() if issubclass(kind, known)), None)
    if act is None or not issubclass(kind, ExampleTask):
        hint = ": let it read a text, tidegate.lens.read" if run.config.task == "lm" else ""
        raise ArgumentError(
            f"{run.folder} is a run of the task {run.config.task}, but there are looks for "
            f"{', '.join(known.name for known in LOOKS)} only{hint}"
        )
    task = kind(_decoding(run, beam=beam, length_penalty=length_penalty, max_length=max_length), run.vocabulary)
    read = read_given(run, task, given, part=part, picture=picture)
    with evaluating(run.model), torch.inference_mode():
        return act(task, run.model, read)


def _decoding(run: Run, **given: float | None) -> Any:
    chosen = {name: value for name, value in given.items() if value is not None}
    known = {it.name for it in fields(run.config.model)}
    for name in chosen:
        if name not in known:
            raise ArgumentError(
                f"{name} is given, but {run.folder} is a run of {run.config.task}, which writes no text"
            )
    return replace(run.config.model, **chosen)
