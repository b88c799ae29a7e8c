"""``tidegate demo``: a character LSTM learns to write Python from this machine's own standard library."""

from __future__ import annotations

import hashlib
import sysconfig
from itertools import count
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.run_and_show import describe_end, train_run
from tidegate.drawing.text import visible
from tidegate.errors import DataError

if TYPE_CHECKING:
    from tidegate.train import Run, TrainConfig

__all__ = ["demo", "standard_library"]

CHARACTERS = 4_000_000
HIDDEN_SIZE = 256
RARE = 20  # characters that stand fewer times in the text are not worth learning
PROMPT = "def "
REPORT = "report.html"
REPORTED = 2_000  # characters of held-out text in the report
# Test code, and files that are tables rather than programs.
PASSED_OVER = {"site-packages", "dist-packages", "test", "tests", "idle_test", "encodings", "pydoc_data", "entities.py"}


def demo(
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 3.0,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; runs/demo, or the next free name, if left out.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed starts from the same weights.")] = 0,
) -> None:
    """Train a character LSTM on the Python standard library's source, and read what it writes."""
    training = _training(minutes, seed)
    files = standard_library(Path(sysconfig.get_paths()["stdlib"]))
    typer.echo(f"Reading Python's standard library: {len(files):,} source files of this machine ...")
    from tidegate.text import LanguageModelTask, prepare_corpus
    from tidegate.text.config import LanguageModelConfig, SampleConfig
    from tidegate.train import new_run

    folder = out or _free(Path("runs", "demo"))
    corpus = new_run(folder, lambda to: prepare_corpus(files, to, unknown="replace", min_count=RARE, limit=CHARACTERS))
    model = LanguageModelConfig(vocabulary_size=corpus.tokenizer.vocabulary_size, hidden_size=HIDDEN_SIZE)
    samples = SampleConfig(prompt=PROMPT)
    finished = train_run(folder, corpus, model, training, task=LanguageModelTask, samples=samples)
    if finished.reason == "interrupted":
        describe_end(finished)
    _finish(folder)


def standard_library(root: Path) -> list[Path]:
    """Python source files of the standard library that make up some `CHARACTERS` characters.

    They come in the order of a hash of their names: the same on every machine, and no part of the corpus is all of one
    package, so that what is validated on is of the kind that is trained on.

    Raises:
        DataError: the folder has no Python source, as where Python runs from an archive.
    """
    candidates = [
        (hashlib.sha256(path.relative_to(root).as_posix().encode()).digest(), path)
        for path in root.rglob("*.py")
        if not PASSED_OVER & set(path.relative_to(root).parts)
    ]
    chosen, size = [], 0
    for _, path in sorted(candidates):
        if size >= CHARACTERS:
            break
        try:
            size += len(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:  # some sources declare another encoding
            continue
        chosen.append(path)
    if not size:
        raise DataError(
            f"Python's standard library at {root} holds no source files to learn from; train on text of your own: "
            "tidegate train lm FILES"
        )
    return chosen


def _training(minutes: float, seed: int) -> TrainConfig:
    from tidegate.train import TrainConfig

    return TrainConfig(
        batch_size=64,
        k1=64,
        learning_rate=4e-3,
        warmup_steps=50,
        minutes=minutes,
        report_every=5,
        validate_every=100,
        validation_tokens=50_000,
        seed=seed,
    )


def _free(folder: Path) -> Path:
    """The folder, or the first of folder-2, folder-3, ... that is not there: no run is ever in the way."""
    names = (folder.with_name(f"{folder.name}-{n}") if n > 1 else folder for n in count(1))
    return next(name for name in names if not name.exists())


def _finish(folder: Path) -> None:
    """The result against each baseline, a longer sample, the unit that remembers best, and how to go on."""
    from tidegate.cli.verbs.generate import copy_report
    from tidegate.text.evaluate_run import loss_table
    from tidegate.text.generation import generate
    from tidegate.train import load_run

    run = load_run(folder)
    config = run.config
    if run.validation is not None:
        typer.echo(f"\nOn text it has not seen ({config.split_kind}):\n")
        typer.echo(loss_table(run.tokenizer, run.validation, config.baselines))
    pieces = generate(run.model, run.tokenizer, PROMPT, length=800, temperature=0.7, seed=config.train.seed)
    text = "".join(piece.text for piece in pieces)
    typer.echo(f"\nIt writes, from {PROMPT!r}:\n")
    typer.echo(visible(PROMPT + text))
    typer.echo("\n" + visible(copy_report(run, [text])))
    _inside(run)
    typer.echo(f"\nThe run is in {folder}. Go on with:\n")
    typer.echo(f"  tidegate look {folder}")
    typer.echo(f"  tidegate generate {folder} --prompt 'class '")
    typer.echo(f"  tidegate train lm --resume {folder} --minutes 30")
    typer.echo(f"  tidegate evaluate {folder}")
    typer.echo("  tidegate train lm YOUR_TEXT.txt --cell gru")


def _inside(run: Run) -> None:
    """What the finder finds, the best of it coloured, what its cut costs, and a report."""
    from tidegate.cli.display.unit_preview import best_cell, coloured, listed
    from tidegate.lens import ablate
    from tidegate.lens.session.text_session import Looking, held_out
    from tidegate.serve.report import write_report
    from tidegate.serve.screens.cells import findings
    from tidegate.serve.screens.cut import cost

    typer.echo("\nLooking inside: every unit against what it may remember, with controls ...\n")
    path = run.folder / REPORT
    with Looking([run], held_out(run, REPORTED)) as looking:
        found = findings(looking)
        typer.echo(listed(found))
        best = best_cell(found)
        if best is not None:
            typer.echo(f"\n{fill(str(best), 80)}")
            typer.echo(f"\n{coloured(run, best)}\n")
            paid = cost(looking, (ablate(best.layer, best.name, best.unit),))
            worst = max(paid.classes.values(), key=lambda it: it.change)
            said = (
                f"Cutting that unit adds {worst.change:.2f} nats to {worst.name} ({worst.control_mean:+.2f} if another "
                f"is cut, {worst.control_worst:+.2f} at worst), {paid.whole.change:+.3f} to all {paid.unit}s."
            )
            typer.echo(fill(said, 80))
        typer.echo("\nWriting the report ...")
        write_report(looking, path)
    typer.echo(f"The report is {path}: open it in a browser, it works offline.")
