"""``tidegate train lm``: train a language model on text files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tidegate.cli.run_and_show import resume_run, start_run, tell

if TYPE_CHECKING:
    from tidegate.text import Corpus

__all__ = ["language_model", "parse_splits", "refuse_beside_resume"]

MODEL, DATA, TRAINING, BUDGET, OUTPUT = "Model", "Data", "Training", "Budget", "Output"
WITH_RESUME = {"resume", "epochs", "steps", "minutes", "sample_length"}  # what may stand beside --resume


def _option(panel: str, help: str, *names: str, **rest: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, **rest)


# The defaults are those of LanguageModelConfig, TrainConfig and prepare_corpus, repeated here so that --help need not
# import torch; tests/cli/test_train.py holds them together.
def language_model(
    ctx: typer.Context,
    data: Annotated[
        list[Path] | None, typer.Argument(metavar="DATA", help="Text files, or folders of them (UTF-8).")
    ] = None,
    cell: Annotated[str, _option(MODEL, "The recurrent cell; see tidegate cells.")] = "lstm",
    hidden_size: Annotated[int, _option(MODEL, "Tokenizer a layer.", min=1)] = 256,
    num_layers: Annotated[int, _option(MODEL, "Recurrent layers.", "--layers", min=1)] = 1,
    embedding_size: Annotated[
        int | None, _option(MODEL, "Learned input vectors of this size instead of one-hot input.", min=1)
    ] = None,
    dropout: Annotated[
        float, _option(MODEL, "Share of values dropped between layers and before the output.", min=0.0, max=1.0)
    ] = 0.0,
    tie_weights: Annotated[
        bool,
        _option(MODEL, "Use the embedding as output layer (needs --embedding-size = --hidden-size).", "--tie-weights"),
    ] = False,
    init: Annotated[Literal["torch", "keras"], _option(MODEL, "Whose initial values.")] = "torch",
    forget_bias: Annotated[float | None, _option(MODEL, "Initial bias of the forget gate.")] = None,
    tokenizer: Annotated[Literal["characters", "bytes", "bpe"], _option(DATA, "What is predicted.")] = "characters",
    pattern: Annotated[str, _option(DATA, "Which files of a folder to read.")] = "*",
    normalize: Annotated[Literal["NFC"] | None, _option(DATA, "Compose characters first (Hangul, accents).")] = None,
    unknown: Annotated[
        Literal["error", "replace", "drop"],
        _option(DATA, "What to do with characters outside the vocabulary, now and in prompts."),
    ] = "error",
    min_count: Annotated[int, _option(DATA, "Characters rarer than this are unknown.", min=1)] = 1,
    vocabulary_size: Annotated[int | None, _option(DATA, "Tokens to learn, for --tokenizer bpe.", min=1)] = None,
    splits: Annotated[
        str, _option(DATA, "Training/validation/test, contiguous; or none: validate on the training text.")
    ] = "90/5/5",
    limit: Annotated[int | None, _option(DATA, "Use only the first so many characters.", min=1)] = None,
    batch_size: Annotated[int, _option(TRAINING, "Streams of text, or examples, in all processes.", min=1)] = 32,
    k1: Annotated[int, _option(TRAINING, "An optimizer step every k1 units.", min=1)] = 100,
    k2: Annotated[int | None, _option(TRAINING, "Gradients go back k2 units; as k1 if left out.", min=1)] = None,
    feeding: Annotated[
        Literal["teacher", "greedy", "sampled"],
        _option(TRAINING, "Feed the true previous unit, the model's best guess, or a draw from it."),
    ] = "teacher",
    sampling_probability_start: Annotated[
        float, _option(TRAINING, "Share of own predictions fed at the start ...", min=0.0, max=1.0)
    ] = 1.0,
    sampling_probability_end: Annotated[float, _option(TRAINING, "... and at the end.", min=0.0, max=1.0)] = 1.0,
    learning_rate: Annotated[float, _option(TRAINING, "AdamW's, at its peak.")] = 3e-3,
    final_learning_rate: Annotated[float, _option(TRAINING, "The cosine ends at this share of it.")] = 0.05,
    warmup_steps: Annotated[int, _option(TRAINING, "Steps of linear warm-up.", min=0)] = 100,
    beta1: Annotated[float, _option(TRAINING, "AdamW's momentum.")] = 0.9,
    beta2: Annotated[float, _option(TRAINING, "AdamW's average of squares.")] = 0.99,
    weight_decay: Annotated[float, _option(TRAINING, "On matrices only.")] = 0.01,
    clip: Annotated[float, _option(TRAINING, "Largest gradient norm; 0 never clips.", min=0.0)] = 1.0,
    seed: Annotated[int, _option(TRAINING, "The same seed gives the same run.")] = 0,
    device: Annotated[Literal["auto", "cpu"], _option(TRAINING, "Where to train.")] = "auto",
    mixed_precision: Annotated[Literal["no", "fp16", "bf16"], _option(TRAINING, "On a GPU.")] = "no",
    backend: Annotated[str | None, _option(TRAINING, "The engine's backend; its own choice if left out.")] = None,
    epochs: Annotated[int | None, _option(BUDGET, "Passes over the text; 10 if no budget is given.", min=1)] = None,
    steps: Annotated[int | None, _option(BUDGET, "Optimizer steps.", min=1)] = None,
    minutes: Annotated[float | None, _option(BUDGET, "Minutes of training.")] = None,
    validate_every: Annotated[int, _option(BUDGET, "Steps between validations.", min=1)] = 250,
    validation_tokens: Annotated[
        int | None, _option(BUDGET, "Validate on the first so many units only.", min=1)
    ] = None,
    patience: Annotated[
        int | None, _option(BUDGET, "Stop after so many validations without improvement.", min=1)
    ] = None,
    out: Annotated[
        Path | None, _option(OUTPUT, "The run's folder; runs/NAME-CELL after the first DATA if left out.")
    ] = None,
    resume: Annotated[
        Path | None,
        _option(OUTPUT, "Go on with this run where it stopped; a budget given beside it replaces the old."),
    ] = None,
    overwrite: Annotated[bool, _option(OUTPUT, "Replace the run that is in --out.", "--overwrite")] = False,
    report_every: Annotated[int, _option(OUTPUT, "Steps between reports.", min=1)] = 10,
    checkpoint_every: Annotated[
        int | None, _option(OUTPUT, "Steps between checkpoints; at validations if left out.", min=1)
    ] = None,
    sample_length: Annotated[int, _option(OUTPUT, "Tokenizer to write at each validation; 0 for none.", min=0)] = 300,
) -> None:
    """Train a language model on text; everything about the run is kept in one folder."""
    if resume is not None:
        refuse_beside_resume(ctx)
        tell(resume_run(resume, epochs, steps, minutes, sample_length))
        return
    if not data:
        raise typer.BadParameter("give text files or folders to train on, or --resume RUN", param_hint="DATA")

    from tidegate.cells import get_cell
    from tidegate.text import prepare_corpus
    from tidegate.text.model import LanguageModelConfig
    from tidegate.train import TrainConfig, new_run

    get_cell(cell)  # a misspelt cell is told before the text is read
    config = TrainConfig(
        batch_size=batch_size,
        k1=k1,
        k2=k2,
        feeding=feeding,
        sampling_probability_start=sampling_probability_start,
        sampling_probability_end=sampling_probability_end,
        learning_rate=learning_rate,
        final_learning_rate=final_learning_rate,
        warmup_steps=warmup_steps,
        beta1=beta1,
        beta2=beta2,
        weight_decay=weight_decay,
        clip=clip or None,
        epochs=epochs,
        steps=steps,
        minutes=minutes,
        validate_every=validate_every,
        validation_tokens=validation_tokens,
        patience=patience,
        report_every=report_every,
        checkpoint_every=checkpoint_every,
        seed=seed,
        device=device,
        mixed_precision=mixed_precision,
        backend=backend,
    )
    model = LanguageModelConfig(
        vocabulary_size=1,  # known when the text has been read; a wrong option is told before
        cell=cell,
        hidden_size=hidden_size,
        num_layers=num_layers,
        embedding_size=embedding_size,
        dropout=dropout,
        tie_weights=tie_weights,
        init=init,
        forget_bias=forget_bias,
    )
    parts = parse_splits(splits)
    folder = out or Path("runs", f"{data[0].resolve().stem}-{cell}")

    def prepare(folder: Path) -> Corpus:
        return prepare_corpus(
            data,
            folder,
            tokenizer=tokenizer,
            pattern=pattern,
            normalize=normalize,
            unknown=unknown,
            min_count=min_count,
            vocabulary_size=vocabulary_size,
            splits=parts,
            limit=limit,
        )

    corpus = new_run(folder, prepare, overwrite=overwrite, device=device)
    model = replace(model, vocabulary_size=corpus.tokenizer.vocabulary_size)
    tell(start_run(folder, corpus, model, config, sample_length))


def refuse_beside_resume(ctx: typer.Context) -> None:
    """A resumed run keeps its settings, so an option that would be ignored is refused."""
    given = {name for name in ctx.params if getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"}
    if wrong := sorted(given - WITH_RESUME):
        names = ", ".join("DATA" if name == "data" else "--" + name.replace("_", "-") for name in wrong)
        raise typer.BadParameter(
            f"a resumed run keeps its own settings, so {names} cannot be given; only a new budget can "
            "(--epochs, --steps, --minutes)",
            param_hint="--resume",
        )


def parse_splits(text: str) -> tuple[float, float, float] | None:
    """``90/5/5`` or ``0.9/0.05/0.05`` as fractions, ``90/10`` without a test part; ``none`` as None."""
    if text.strip().lower() == "none":
        return None
    try:
        train, validation, *rest = (float(part) for part in text.split("/"))
        (test,) = rest or [0.0]
    except ValueError:
        train = validation = test = math.nan
    whole = 1 if math.isclose(train + validation + test, 1) else 100
    if not math.isclose(train + validation + test, whole):
        raise typer.BadParameter(
            f"{text!r} is not two or three shares that make up a whole, such as 90/5/5 or 0.8/0.2, nor none",
            param_hint="--splits",
        )
    return train / whole, validation / whole, test / whole
