"""``tidegate demo``: train a character LSTM on this machine's Python standard library, and look inside."""

from __future__ import annotations

import hashlib
import sysconfig
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.display.progress_line import progress_line
from tidegate.cli.run_and_show import describe_end, train_run
from tidegate.drawing.text import visible
from tidegate.errors import DataError

if TYPE_CHECKING:
    from tidegate.text import Corpus
    from tidegate.train import Run, TrainConfig

__all__ = ["demo", "standard_library"]

CHARACTERS = 4_000_000
HIDDEN_SIZE = 256
RARE = 20  # characters that occur less often are replaced
PROMPT = "def "
REPORT = "report.html"
REPORTED = 2_000  # characters of held-out text in the report
SHOWN = ("story", "unit", "shared", "mistakes", "memory")  # sections of the highlights; the others are printed before
# Test code, and files that are tables rather than programs.
PASSED_OVER = {"site-packages", "dist-packages", "test", "tests", "idle_test", "encodings", "pydoc_data", "entities.py"}


def demo(
    minutes: Annotated[float, typer.Option(help="How long to train.")] = 3.0,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The run's folder. Default: runs/demo, or the next free name.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed starts from the same weights.")] = 0,
) -> None:
    """Train a character LSTM on the Python standard library's source, and look inside it.

    Examples:
        tidegate demo
        tidegate demo --minutes 10 --out runs/longer
    """
    training = _training(minutes, seed)
    files = standard_library(Path(sysconfig.get_paths()["stdlib"]))
    typer.echo(f"Reading Python's standard library: {len(files):,} source files of this machine ...")
    from tidegate.text import LanguageModelTask, prepare_corpus
    from tidegate.text.config import LanguageModelConfig, SampleConfig
    from tidegate.train import new_run, one_writer

    folder = out or _free(Path("runs", "demo"))

    def prepare(to: Path) -> Corpus:
        return prepare_corpus(files, to, unknown="replace", min_count=RARE, limit=CHARACTERS)

    samples = SampleConfig(prompt=PROMPT)
    with one_writer(folder, training.device):
        corpus = new_run(folder, prepare)
        model = LanguageModelConfig(vocabulary_size=corpus.tokenizer.vocabulary_size, hidden_size=HIDDEN_SIZE)
        finished = train_run(folder, corpus, model, training, task=LanguageModelTask, samples=samples)
    if finished.reason == "interrupted":
        describe_end(finished)
    _finish(folder)


def standard_library(root: Path) -> list[Path]:
    """Return Python source files of the standard library of about `CHARACTERS` characters in all.

    They are ordered by a hash of their names, the same on every machine: this mixes the packages, so that validation
    text is like the training text.

    Raises:
        DataError: the folder has no Python source, as when Python runs from an archive.
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
            f"Python's standard library at {root} has no source files: train on text of your own with "
            "tidegate train lm FILES."
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
    """Return the folder, or the first of folder-2, folder-3, ... that does not exist."""
    names = (folder.with_name(f"{folder.name}-{n}") if n > 1 else folder for n in count(1))
    return next(name for name in names if not name.exists())


def _finish(folder: Path) -> None:
    """Print the result beside each baseline, a longer sample, the highlights, and how to continue."""
    from tidegate.cli.verbs.generate import copy_report
    from tidegate.text.evaluation_report import loss_table
    from tidegate.text.generation import generate
    from tidegate.train import load_run

    run = load_run(folder)
    config = run.config
    if run.validation is not None:
        typer.echo(f"\nOn held-out text ({config.split_kind}):\n")
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
    """Print the highlights of the run, which stay in its folder, and write a report."""
    from tidegate.cli.display.story_text import story_text
    from tidegate.lens.highlights import highlights
    from tidegate.lens.record.held_out import passage
    from tidegate.lens.session.text_session import TextSession

    path = run.folder / REPORT
    with TextSession([run], *passage(run, REPORTED)) as session:
        typer.echo("\nLooking inside: searching the hidden unit of each property, with controls ...\n")
        with progress_line("Looking inside ..."):
            sections = session.cached("highlights", lambda: highlights(session))
        typer.echo(story_text([it for it in sections if it.name in SHOWN]))
        typer.echo("\nWriting the report ...")
        from tidegate.serve.report import write_report

        with progress_line("Writing the report ..."):
            write_report(session, path)
    typer.echo(f"The report is {path}: open it in a browser, it works offline.")
