"""What ``train`` and ``demo`` share: a run under a display, from the first step or from where it stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tidegate.cli.display.live import watching
from tidegate.cli.error_boundary import INTERRUPTED, note

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate.text import Corpus, Tokenizer
    from tidegate.text.model import LanguageModel, LanguageModelConfig
    from tidegate.train import Finished, TrainConfig
    from tidegate.train.task import Data

__all__ = ["resume_run", "run_task", "sampler", "start_run", "tell"]


def start_run(
    folder: Path,
    corpus: Corpus,
    model: LanguageModelConfig,
    config: TrainConfig,
    sample_length: int,
    prompt: str = "",
) -> Finished:
    """Train from the first step, watched."""
    from tidegate.train import train

    with watching(_title(folder, model)) as report:
        sample = sampler(corpus.tokenizer, sample_length, prompt)
        return train(folder, corpus, model, config, report=report, sample=sample)


def resume_run(
    folder: Path, epochs: int | None, steps: int | None, minutes: float | None, sample_length: int
) -> Finished:
    """Go on with a run where it stopped, watched."""
    from tidegate.text import load_tokenizer
    from tidegate.train import read_config, resume

    run = read_config(folder)
    model, sample = run.model, sampler(load_tokenizer(folder), sample_length) if run.task == "lm" else None
    with watching(_title(folder, model)) as report:
        return resume(folder, epochs=epochs, steps=steps, minutes=minutes, report=report, sample=sample)


def sampler(tokenizer: Tokenizer, length: int, prompt: str = "") -> Callable[[LanguageModel], str] | None:
    """Writes a sample with the same draws each time, so that only the model changes from one to the next."""
    if length == 0:
        return None

    def sample(model: LanguageModel) -> str:
        from tidegate.text.generation import generate

        pieces = generate(model, tokenizer, prompt, length=length, temperature=0.8, seed=0)
        return prompt + "".join(piece.text for piece in pieces)

    return sample


def run_task(folder: Path, task: str, data: Data, model: Any, config: TrainConfig) -> Finished:
    """Train any task from the first step, watched."""
    from tidegate.train import train

    with watching(_title(folder, model)) as report:
        return train(folder, data, model, config, task=task, report=report)


def tell(finished: Finished) -> None:
    """Say how a run ended and how to go on; an interrupted one exits as the shell expects."""
    from tidegate.train import is_main_process, read_config

    if is_main_process():
        run = read_config(finished.folder)
        best = (
            f"; best {finished.nats:.3f} nats per {run.prediction_name} on validation ({run.split_kind})"
            if finished.nats
            else ""
        )
        typer.echo(f"Finished ({finished.why}) at step {finished.step:,}{best}. The run is in {finished.folder}")
        if finished.why == "interrupted":
            note(f"Interrupted; nothing is lost. Go on with: tidegate train {run.task} --resume {finished.folder}")
        elif run.task == "lm":
            typer.echo(f"Now: tidegate generate {finished.folder}")
        else:
            typer.echo(f"Now: tidegate evaluate {finished.folder}, or tidegate predict {finished.folder} FILES")
    if finished.why == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _title(folder: Path, model: Any) -> str:
    layers = f"{model.num_layers} layers of " if model.num_layers > 1 else ""
    return f"{model.cell}, {layers}{model.hidden_size} units, in {folder}"
