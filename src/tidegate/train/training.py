"""Begin a run, or go on with one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from tidegate.data import Corpus, fit_batch, ngram_baselines, open_corpus
from tidegate.errors import ArgumentError, DataError, RunFolderError
from tidegate.tasks.language_model import LanguageModel, LanguageModelConfig
from tidegate.tasks.language_modelling import LanguageModelTask
from tidegate.train import checkpoint, schedule
from tidegate.train.checkpoint import Checkpoint, Counters, read_checkpoint
from tidegate.train.config import TrainConfig
from tidegate.train.distributed import Processes
from tidegate.train.events import Event, Finished, Started, ignore
from tidegate.train.files import layout_of, read_header
from tidegate.train.loop import Loop
from tidegate.train.randomness import own_randomness
from tidegate.train.run_folder import RunConfig, holds_run, model_layout, read_config, write_config

Report = Callable[[Event], None]
Sample = Callable[[LanguageModel], str]


def train(
    folder: Path,
    corpus: Corpus,
    model: LanguageModelConfig,
    config: TrainConfig,
    *,
    report: Report = ignore,
    sample: Sample | None = None,
) -> Finished:
    """Train a language model from its initial values.

    Args:
        folder: the run folder, where the corpus was prepared; see :func:`tidegate.train.new_run`.
        corpus: the text, encoded.
        model: the model's make; its vocabulary is the corpus'.
        config: how to train.
        report: told of every event, on the main process.
        sample: given the model after each validation, in eval mode and without gradients; what it returns is reported.

    Returns:
        How it ended. The first Ctrl-C lets the step finish, writes a checkpoint and returns "interrupted".

    Raises:
        RunFolderError: the folder already holds a run, or not the corpus.
        ArgumentError: the vocabulary's size is not the corpus', the batch cannot be shared by the processes, or fp16 is
            asked for on a CPU.
        CorpusTooSmallError: there is not enough text for one window.
        NonFiniteLossError: the loss became inf or nan; the last checkpoint is kept.
        MissingDependencyError: `accelerate` is not installed.
    """
    folder = Path(folder)
    if holds_run(folder):
        raise RunFolderError(
            f"{folder} already holds a run: go on with it (--resume), replace it (--overwrite), or choose another "
            "folder."
        )
    if corpus.folder.resolve() != folder.resolve():
        raise RunFolderError(
            f"The corpus is in {corpus.folder}, but a run folder is complete in itself: prepare it in {folder}."
        )
    if model.vocabulary_size != corpus.units.size:
        raise ArgumentError(
            f"vocabulary_size is {model.vocabulary_size}, but the corpus has {corpus.units.size} different units."
        )
    processes = Processes(config.device, config.mixed_precision)
    processes.wait()  # all have looked whether the folder is free before the main process fills it
    with own_randomness(processes.device):
        task, notes = _task(corpus, model, config, processes.world)
        baselines, counted = _baselines(corpus, config.validation_units) if processes.main else ({}, [])
        settings = RunConfig(
            task=task.name,
            model=model,
            train=config,
            unit=corpus.units.name,
            baselines=baselines,
            split_kind=corpus.split_kind,
            corpus_digest=corpus.digest,
            notes=notes + counted,
        )
        start = Checkpoint(settings.digest(), corpus.digest, processes.world, Counters(), None, {})
        loop = Loop(task, config, folder, processes, start, report, sample)
        try:
            loop.checkpoint()
            if processes.main:
                write_config(folder, settings)
            return _run(loop, task, settings, report)
        finally:
            loop.close()
            processes.close()


def resume(
    folder: Path,
    *,
    epochs: int | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    report: Report = ignore,
    sample: Sample | None = None,
) -> Finished:
    """Go on with a run exactly where its checkpoint stands.

    With a budget of epochs or steps, on a CPU and with as many threads, the outcome is bit for bit that of the run
    never interrupted. A budget given here replaces the run's; the learning rate then follows the new one.

    Args:
        folder: the run folder.
        epochs: new budget in passes over the data.
        steps: new budget in optimizer steps, those already taken included.
        minutes: new budget in minutes, those already used included.
        report: told of every event, on the main process.
        sample: as for :func:`train`.

    Returns:
        How it ended; of a finished run with no budget left, how it had ended.

    Raises:
        RunFolderError: there is no run, or a file is missing, truncated, foreign or altered.
        DataError: the corpus is not the one the run began with.
        ArgumentError: the new budget is out of range.
        NonFiniteLossError: the loss became inf or nan; the last checkpoint is kept.
        MissingDependencyError: `accelerate` is not installed.
    """
    folder = Path(folder)
    settings = read_config(folder)
    raised = epochs is not None or steps is not None or minutes is not None
    if raised:
        budget = replace(settings.train, epochs=epochs, steps=steps, minutes=minutes)
        settings = replace(settings, train=budget)
    config = settings.train
    corpus = open_corpus(folder)
    corpus.verify()
    if corpus.digest != settings.corpus_digest:
        raise DataError(
            f"The corpus in {folder} is not the one this run began with: put the old one back, or start a new run."
        )
    if corpus.units.size != settings.model.vocabulary_size:
        raise RunFolderError(f"{folder}: config.json and the vocabulary are not of the same run.")
    processes = Processes(config.device, config.mixed_precision)
    with own_randomness(processes.device):
        task, _ = _task(corpus, settings.model, config, processes.world)
        loop = Loop(task, config, folder, processes, _read(folder, task, settings, processes.world), report, sample)
        try:
            processes.wait()  # all have read the checkpoint before the main process replaces it
            if raised:
                loop.counters.finished, loop.counters.bad = None, 0
                if processes.main:
                    write_config(folder, settings)
            loop.checkpoint()
            return _run(loop, task, settings, report)
        finally:
            loop.close()
            processes.close()


def _task(
    corpus: Corpus, model: LanguageModelConfig, config: TrainConfig, world: int
) -> tuple[LanguageModelTask, list[str]]:
    batch_size, note = fit_batch(len(corpus.train), config.batch_size, config.k1, world=world)
    task = LanguageModelTask(
        model,
        corpus.train,
        corpus.validation,
        unit=corpus.units.name,
        batch_size=batch_size,
        k1=config.k1,
        k2=config.k1 if config.k2 is None else config.k2,
        feeding=config.feeding,
        validation_units=config.validation_units,
        backend=config.backend,
    )
    return task, corpus.report() + ([] if note is None else [note])


def _baselines(corpus: Corpus, limit: int | None) -> tuple[dict[str, float], list[str]]:
    validation = corpus.validation[:limit]  # what the model is validated on, and no more
    if len(validation) < 2:
        return {}, []
    baselines = ngram_baselines(corpus.train, validation, corpus.units.size)
    return dict(baselines), [] if baselines.note is None else [baselines.note]


def _read(folder: Path, task: LanguageModelTask, settings: RunConfig, world: int) -> Checkpoint:
    path = folder / checkpoint.NAME
    _, layout = read_header(path, checkpoint.KIND, checkpoint.VERSION)
    parameters = model_layout(settings.model, path, layout, prefix="model.")
    with torch.device("meta"):
        carried = layout_of(task.start(task.build(), 0, world))
    digests = {"config": settings.digest(), "data": settings.corpus_digest}
    return read_checkpoint(folder, parameters, carried, **digests, world=world)


def _run(loop: Loop, task: LanguageModelTask, settings: RunConfig, report: Report) -> Finished:
    if loop.processes.main:
        report(
            Started(
                step=loop.counters.step,
                total_steps=schedule.total_steps(settings.train, len(loop.batches)),
                steps_per_epoch=len(loop.batches),
                parameters=sum(it.numel() for it in loop.parameters),
                unit=settings.unit,
                baselines=settings.baselines,
                split_kind=settings.split_kind,
                batch_size=task.batch_size,
                device=str(loop.processes.device),
                notes=settings.notes,
                best=loop.counters.best,
            )
        )
    return loop.run()
