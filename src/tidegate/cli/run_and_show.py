"""A run under a display, new or resumed: shared by ``train`` and ``demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tidegate.cli.display.board import figure
from tidegate.cli.display.live import watching
from tidegate.cli.error_boundary import INTERRUPTED, note
from tidegate.cli.user_code import typed_options

if TYPE_CHECKING:
    from tidegate.train import Finished, TrainConfig
    from tidegate.train.task import Data, Task

__all__ = ["describe_end", "resume_run", "title", "train_run"]


def train_run(
    folder: Path,
    data: Data,
    model: Any,
    config: TrainConfig,
    *,
    task: type[Task],
    samples: Any = None,
    **more: Any,
) -> Finished:
    """Train from the first step, with a display.

    Args:
        folder: the run folder.
        data: the task's data.
        model: the model config.
        config: training settings.
        task: the task.
        samples: the task's `SampleConfig`.
        **more: further arguments of `tidegate.train.train`.
    """
    from tidegate.train import train

    sample = None if samples is None else task.sampler(task.vocabulary(folder), samples)
    with watching(title(folder, model)) as report:
        return train(folder, data, model, config, task=task.name, report=report, sample=sample, **more)


def resume_run(folder: Path, samples: Any = None, **more: Any) -> Finished:
    """Resume a run, with a display; ``more`` are arguments of `tidegate.train.resume`, such as the budget."""
    from tidegate.train import read_config, resume
    from tidegate.train.registry import task_named

    run = read_config(folder)
    task = task_named(run.task)
    sample = None if samples is None else task.sampler(task.vocabulary(folder), samples)
    with watching(title(folder, run.model)) as report:
        return resume(folder, report=report, sample=sample, **more)


def describe_end(finished: Finished, *, summary: bool = True) -> None:
    """Print how a run ended and which commands follow; an interrupted one exits as the shell expects."""
    from tidegate.train import is_main_process, read_config
    from tidegate.train.registry import BUILT_IN, task_named

    if is_main_process():
        run = read_config(finished.folder)
        task, own = task_named(run.task), typed_options()
        best = (
            f"; best {figure(finished.best_loss)} {run.loss_name} on validation ({run.split_kind})"
            if finished.best_loss is not None
            else ""
        )
        typer.echo(f"Finished ({finished.reason}) at step {finished.step:,}{best}. The run is in {finished.folder}")
        if finished.reason == "interrupted":
            name = run.task if run.task in BUILT_IN else ""  # else --task replaces it
            command = " ".join(f"tidegate train {name}{own} --resume {finished.folder}".split())
            note(f"Interrupted; nothing is lost. Resume with: {command}")
        else:
            commands = (it.format(run=finished.folder) + own for it in task.next_commands)
            typer.echo("Now: " + ", or ".join(commands))
            if summary and (text := task.summary(finished.folder)):
                typer.echo("\n" + text)
    if finished.reason == "interrupted":
        raise typer.Exit(INTERRUPTED)


def title(folder: Path, model: Any) -> str:
    """Return the first words of a run's display: its cell, its sizes and its folder."""
    layers = f"{model.num_layers} layers of " if model.num_layers > 1 else ""
    sizes = getattr(model, "layer_sizes", None) or str(
        model.hidden_size
    )  # only language models have layers that differ
    return f"{model.cell}, {layers}{sizes.replace(',', ', ')} hidden units, in {folder}"
