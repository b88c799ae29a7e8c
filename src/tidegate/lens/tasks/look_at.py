"""`look_at`: what a trained model of any task but language modelling did with one example."""

from collections.abc import Sequence
from typing import cast

import torch

from tidegate.errors import ArgumentError
from tidegate.lens.tasks.inputs import ExampleLike, PartName, encode_input
from tidegate.lens.tasks.task_look import ExampleLook, TextLook, task_look
from tidegate.lens.tasks.views import Look
from tidegate.nn.evaluating import evaluating
from tidegate.tasks.base_task import ExampleTask
from tidegate.train import Run
from tidegate.train.options import with_settings
from tidegate.train.registry import task_named


def look_at(
    run: Run,
    given: ExampleLike,
    *,
    part: PartName = "validation",
    picture: Sequence[int] | None = None,
    beam: int | None = None,
    length_penalty: float | None = None,
    max_length: int | None = None,
) -> Look:
    """Look inside a trained model while it takes one example; for language models see `tidegate.lens.read`.

    Args:
        run: from `tidegate.train.load_run`.
        given: A text (classify, tag, translate); a list of words or characters (tag); an array of frames (T, F) or
            (T, height, width), an image, or a series (T,); the path of a file of one example, or a row, as the task
            reads them; or the number of an example of the run's own data.
        part: which part of that data: "train", "validation" or "test".
        picture: (height, width) or (height, width, channels) of frames and images. Default: see
            `tidegate.lens.tasks.pictures`.
        beam: width of the beam search, for tasks that write texts. Default: the run's; likewise below.
        length_penalty: how much long texts are favoured.
        max_length: maximal number of tokens of a text.

    Returns:
        What the task's own ``look`` computes: a `TaggerLook`, `ClassifierLook`, `WriterLook`, `ForecasterLook`
        or `RegressorLook` for the built-in tasks.

    Raises:
        ArgumentError: the task cannot be looked at, does not read what was given, or does not write; or there is no
            such example, or it has no step.
        DataError: the input does not fit the model.
    """
    look = task_look(run)
    if not isinstance(look, ExampleLook):
        why = (
            "reads texts: use tidegate.lens.read"
            if isinstance(look, TextLook)
            else "cannot be looked at: its class has no attribute `look`"
        )
        raise ArgumentError(f"{run.place} is a run of the task {run.config.task}, which {why}.")
    kind = cast(type[ExampleTask], task_named(run.config.task))
    settings = {"beam": beam, "length_penalty": length_penalty, "max_length": max_length}
    config = with_settings(
        run.config.model,
        settings,
        lambda name: ArgumentError(
            f"{name} is given, but {run.place} is a run of {run.config.task}, which writes no text."
        ),
    )
    task = kind(config, run.vocabulary)
    example = encode_input(run, task, look, given, part=part, picture=picture)
    with evaluating(run.model), torch.inference_mode():
        return look.look(task, run.model, example)
