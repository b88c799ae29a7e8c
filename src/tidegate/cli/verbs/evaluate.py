"""``tidegate evaluate RUN [FILES]``: how well a trained model predicts, beside what counting achieves."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tidegate.cli.decoding_overrides import Beam, LengthPenalty, MaxLength, decoding
from tidegate.cli.devices import Device, chosen_device
from tidegate.cli.display.result_tables import evaluate_examples
from tidegate.cli.error_boundary import note

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tidegate.text import Corpus, Tokenizer
    from tidegate.train import Run

__all__ = ["evaluate", "results"]


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILES", help="Other text to evaluate on.")] = None,
    split: Annotated[
        Literal["test", "validation", "train"] | None,
        typer.Option(help="Which part of the run's own text; test if it has one, else validation."),
    ] = None,
    pattern: Annotated[str, typer.Option(help="Which files of a folder to read.")] = "*",
    batch_size: Annotated[int, typer.Option(min=1, help="Streams of text read side by side.")] = 32,
    limit: Annotated[int | None, typer.Option(min=2, help="Read only the first so many units.")] = None,
    beam: Beam = None,
    length_penalty: LengthPenalty = None,
    max_length: MaxLength = None,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
) -> None:
    """Measure a model beside what needs no network: in nats per unit, or by its task's metrics."""
    if files and split:
        raise typer.BadParameter(
            "leave it out beside FILES: it names a part of the run's own text", param_hint="--split"
        )
    from tidegate.train import load_run

    loaded = load_run(run, device=chosen_device(device))
    config = decoding(loaded, beam=beam, length_penalty=length_penalty, max_length=max_length)
    if loaded.config.task != "lm":
        if limit is not None or pattern != "*":
            raise typer.BadParameter(
                f"it is for language models' texts, but {run} is a run of {loaded.config.task}",
                param_hint="--pattern" if limit is None else "--limit",
            )
        evaluate_examples(loaded, files or [], split, config)
        return
    corpus = loaded.open_corpus()
    if not files:
        part = split or ("test" if len(corpus.test) else "validation")
        _refuse_empty(corpus, part)
        _measure(loaded, corpus, getattr(corpus, part), f"{part} ({corpus.split_kind})", batch_size, limit)
        if part == "train" or corpus.splits is None:
            typer.echo("\nThe n-grams were counted on this very text, as the model was trained on it.")
        return
    from tidegate.text import prepare_corpus

    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        other = prepare_corpus(files, folder, tokenizer=loaded.tokenizer, pattern=pattern, splits=None)
        for line in other.report():
            note(line)
        _measure(loaded, corpus, other.array, ", ".join(map(str, files)), batch_size, limit)
        del other  # its file is mapped, and Windows removes no mapped file


def _refuse_empty(corpus: Corpus, part: str) -> None:
    if part == "validation" and corpus.splits is None:
        return
    if not len(getattr(corpus, part)):
        raise typer.BadParameter(
            f"the run's text has no {part} part (split: {corpus.split_kind}); choose another", param_hint="--split"
        )


def _measure(run: Run, corpus: Corpus, ids: NDArray[np.integer], name: str, batch_size: int, limit: int | None) -> None:
    from tidegate.text import ngram_baselines
    from tidegate.text.evaluation import evaluate as measure

    ids = ids[:limit]
    found = measure(run.model, ids, batch_size=batch_size)
    baselines = ngram_baselines(corpus.train, ids, run.tokenizer.vocabulary_size)
    typer.echo(f"run    {run.folder}, {run.config.model.cell}, step {run.step:,}")
    typer.echo(f"text   {name}: {found.predictions:,} {run.tokenizer.name}s predicted")
    if baselines.note:
        typer.echo(f"note   {baselines.note}")
    typer.echo("\n" + results(run.tokenizer, found.nats, baselines))


def results(tokenizer: Tokenizer, nats: float, baselines: dict[str, float]) -> str:
    """The model among the baselines, best last: nats and bits a unit, and perplexity."""
    rows = sorted([*baselines.items(), ("this model", nats)], key=lambda row: -row[1])
    lines = [f"{'':<12}{'nats/' + tokenizer.name:>16}{'bits/' + tokenizer.name:>16}{'perplexity':>12}"]
    for name, loss in rows:
        said = "  beaten" if nats < loss else "  not beaten" if name != "this model" else ""
        lines.append(f"{name:<12}{loss:>16.3f}{loss / math.log(2):>16.3f}{_perplexity(loss):>12}{said}")
    return "\n".join(lines)


def _perplexity(nats: float) -> str:
    return f"{math.exp(nats):,.2f}" if nats < 100 else "over 1e43"
