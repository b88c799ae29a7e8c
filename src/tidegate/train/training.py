"""Start a run, or resume one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tidegate.errors import DataError, RunFolderError
from tidegate.io.hub_cache import refuse_hub
from tidegate.io.tensor_files import layout_of, read_header
from tidegate.train import checkpoint
from tidegate.train.checkpoint import Checkpoint, Counters, read_checkpoint
from tidegate.train.config import TrainConfig
from tidegate.train.distributed import Processes, one_writer
from tidegate.train.events import Event, Finished, Started, ignore
from tidegate.train.loop import Loop
from tidegate.train.optimization import schedule
from tidegate.train.optimization.averaging import average_layout
from tidegate.train.optimization.optimizer import moment_layout
from tidegate.train.randomness import own_randomness
from tidegate.train.registry import task_named
from tidegate.train.run_config import RunConfig, holds_run, own_cell_digest, read_config, write_config
from tidegate.train.run_folder import model_layout
from tidegate.train.task import Data, Task
from tidegate.train.trackers.tracked import tracked

Report = Callable[[Event], None]
Sample = Callable[[Any], str]


def train(
    folder: str | Path,
    data: Data,
    model: Any,
    config: TrainConfig,
    *,
    task: str = "lm",
    report: Report = ignore,
    sample: Sample | None = None,
    data_options: dict[str, Any] | None = None,
    trackers: Sequence[str] = (),
) -> Finished:
    """Train a model from its initial values.

    Args:
        folder: the run folder, where the data were prepared; see `tidegate.train.new_run`.
        data: the task's data: a `tidegate.text.Corpus` of a language model, else `tidegate.data.columns.Examples`.
        model: the model config of the task.
        config: training settings.
        task: name of the task, see `tidegate.train.registry`.
        report: called with every event, on the main process.
        sample: called with the model after each validation, in eval mode and without gradients; its text is reported.
        data_options: what was read and how, as plain values, to be recorded in ``config.json``.
        trackers: "tensorboard", "wandb" or both: where to log the metrics besides ``metrics.jsonl``.

    Returns:
        The last event. At the first Ctrl-C the step is finished, a checkpoint is written and the reason is
        "interrupted".

    Raises:
        RunFolderError: the folder already holds a run, or not the data, or another process writes to it.
        ArgumentError: no task has that name, the model does not fit the data, the batch cannot be divided among the
            processes, or fp16 is chosen on a CPU.
        CorpusTooSmallError: there are not enough data to train on.
        NonFiniteLossError: the loss became inf or nan; the last checkpoint is kept.
        MissingDependencyError: `accelerate`, or what a tracker needs, is not installed.
    """
    folder = Path(folder)
    if holds_run(folder):
        raise RunFolderError(
            f"{folder} already holds a run: resume it (--resume), replace it (--overwrite), or choose another folder."
        )
    if data.folder.resolve() != folder.resolve():
        raise RunFolderError(
            f"The data are in {data.folder}, but a run folder holds its own data: prepare them in {folder}."
        )
    with one_writer(folder, config.device), tracked(folder, trackers, report) as passed_on:
        return _train(folder, data, model, config, task_named(task), passed_on, sample, data_options)


def _train(
    folder: Path,
    data: Data,
    model: Any,
    config: TrainConfig,
    kind: type[Task],
    report: Report,
    sample: Sample | None,
    data_options: dict[str, Any] | None,
) -> Finished:
    processes = Processes(config.device, config.mixed_precision)
    processes.wait()  # no process writes before all have checked that the folder is free
    with own_randomness(processes.device):
        model = kind.complete_config(model, data)
        created = kind.create(data, model, config, processes.world)
        baselines, remarks = created.baselines() if processes.main else ({}, [])
        settings = RunConfig(
            task=kind.name,
            model=model,
            train=config,
            prediction_name=created.prediction_name,
            baselines=baselines,
            split_kind=data.split_kind,
            data_digest=data.digest,
            notes=data.report() + created.notes + remarks,
            cell_digest=own_cell_digest(model),
            loss_unit=None if created.loss_unit == "nats" else created.loss_unit,
            data_options=data_options,
        )
        start = Checkpoint(settings.digest(), data.digest, processes.world, Counters(), None, {})
        loop = Loop(created, config, folder, processes, start, report, sample)
        try:
            loop.checkpoint()
            if processes.main:
                write_config(folder, settings)
            return _run(loop, created, settings, report)
        finally:
            loop.close()
            processes.close()


def resume(
    folder: str | Path,
    *,
    epochs: int | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    report: Report = ignore,
    sample: Sample | None = None,
    trackers: Sequence[str] = (),
) -> Finished:
    """Resume a run exactly from its checkpoint.

    With a budget of epochs or steps, on a CPU and with as many threads, the outcome is bit for bit that of the
    uninterrupted run. A budget given here replaces the run's; the learning rate then follows the new one.

    Args:
        folder: the run folder.
        epochs: new budget in passes over the data.
        steps: new budget in optimizer steps, those already taken included.
        minutes: new budget in minutes, those already used included.
        report: called with every event, on the main process.
        sample: as in `train`.
        trackers: as in `train`, besides those that the run has, which go on in their logs.

    Returns:
        The last event; of a finished run with no budget left, the last event it had.

    Raises:
        RunFolderError: there is no run, or a file is missing, truncated, foreign or altered; or another process writes
            to it.
        DataError: the data are not those the run began with.
        ArgumentError: the new budget is out of range.
        NonFiniteLossError: the loss became inf or nan; the last checkpoint is kept.
        MissingDependencyError: `accelerate`, or what a tracker needs, is not installed.
    """
    folder = Path(folder)
    refuse_hub(folder)
    with one_writer(folder, read_config(folder).train.device), tracked(folder, trackers, report) as passed_on:
        return _resume(folder, epochs, steps, minutes, passed_on, sample)


def _resume(
    folder: Path, epochs: int | None, steps: int | None, minutes: float | None, report: Report, sample: Sample | None
) -> Finished:
    settings = read_config(folder)
    raised = epochs is not None or steps is not None or minutes is not None
    if raised:
        budget = replace(settings.train, epochs=epochs, steps=steps, minutes=minutes)
        settings = replace(settings, train=budget)
    config = settings.train
    kind = task_named(settings.task)
    data = kind.open(folder)
    data.verify()
    if data.digest != settings.data_digest:
        raise DataError(
            f"The data in {folder} are not those this run began with: put the original data back, or start a new run."
        )
    processes = Processes(config.device, config.mixed_precision)
    with own_randomness(processes.device):
        task = kind.create(data, settings.model, config, processes.world)
        loop = Loop(task, config, folder, processes, _read(folder, task, settings, processes.world), report, sample)
        try:
            processes.wait()  # the checkpoint is not replaced before all have read it
            if raised:
                loop.counters.finished, loop.counters.without_best = None, 0
                if processes.main:
                    write_config(folder, settings)
            loop.checkpoint()
            return _run(loop, task, settings, report)
        finally:
            loop.close()
            processes.close()


def _read(folder: Path, task: Task, settings: RunConfig, world: int) -> Checkpoint:
    path = folder / checkpoint.NAME
    _, layout = read_header(path, checkpoint.KIND, checkpoint.VERSION)
    parameters = model_layout(settings.model, task.new_model, path, layout, prefix="model.")
    with torch.device("meta"):
        model = task.new_model()
        carried = layout_of(task.start(model, 0, world))
    digests = {"config": settings.digest(), "data": settings.data_digest}
    learned = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    moments = moment_layout({name: it for name, it in parameters.items() if name in learned}, settings.train)
    average = average_layout(parameters, settings.train.average_after)
    return read_checkpoint(folder, parameters, moments, average, carried, **digests, world=world)


def _run(loop: Loop, task: Task, settings: RunConfig, report: Report) -> Finished:
    if loop.processes.main:
        report(
            Started(
                step=loop.counters.step,
                total_steps=schedule.total_steps(settings.train, len(loop.batches)),
                steps_per_epoch=len(loop.batches),
                parameters=sum(it.numel() for it in loop.parameters),
                prediction_name=settings.prediction_name,
                loss_name=settings.loss_name,
                baselines=settings.baselines,
                split_kind=settings.split_kind,
                batch_size=getattr(task, "batch_size", settings.train.batch_size),
                device=str(loop.processes.device),
                notes=settings.notes,
                best=loop.counters.best,
            )
        )
    return loop.run()
