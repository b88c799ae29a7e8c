"""``tidegate evaluate`` for language models: cross-entropy, bits and perplexity beside n-gram models."""

import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.text.corpus.build_corpus import prepare_corpus
from tidegate.text.corpus.corpus import Corpus
from tidegate.text.corpus.ngrams import ngram_baselines, orders_for
from tidegate.text.dynamic_evaluation import evaluate_dynamically
from tidegate.text.evaluation import evaluate, warm_up_of
from tidegate.text.tokenizers.tokenizer import Tokenizer, WordTokenizer
from tidegate.text.tokenizers.words import UNKNOWN
from tidegate.train.task import EvaluationOptions, EvaluationText

BLOCK = 1 << 20  # tokens decoded at once


def evaluate_run(run: Any, files: Sequence[Path], options: EvaluationOptions) -> EvaluationText:
    """Evaluate a `tidegate.train.Run` on a part of its own text, or on other files.

    Raises:
        ArgumentError: the run's text has no such part.
        RunFolderError: no files are given, and the run was copied without its text.
        DataError: a file cannot be read as text.
    """
    if not files:
        corpus = run.open_data()
        part = options.split or ("test" if len(corpus.test) else "validation")
        _refuse_empty(corpus, part)
        found = _results(run, corpus, getattr(corpus, part), f"{part} ({corpus.split_kind})", options)
        if part == "train" or corpus.splits is None:
            more = "\n\nThe n-grams were counted on this very text, and the model was trained on it."
            return found._replace(text=found.text + more)
        return found
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        other = prepare_corpus(files, folder, tokenizer=run.vocabulary, pattern=options.pattern, splits=None)
        notes = other.report()
        corpus = run.open_data() if run.holds_data else None
        if corpus is None:
            notes.append(f"{run.place} does not hold the training text, so no n-grams are compared with the model.")
        evaluated = _results(run, corpus, other.array, ", ".join(map(str, files)), options)
        del other  # its file is mapped, and Windows removes no mapped file
    return evaluated._replace(notes=notes)


def loss_table(tokenizer: Tokenizer, loss: float, baselines: Mapping[str, float]) -> str:
    """Format the model among its baselines, best last: nats and bits per token, and perplexity."""
    rows = sorted([*baselines.items(), ("this model", loss)], key=lambda row: -row[1])
    lines = [
        f"{'':<12}{'nats/' + tokenizer.name:>16}{'bits/' + tokenizer.name:>16}{'perplexity/' + tokenizer.name:>22}"
    ]
    for name, other in rows:
        verdict = "  beaten" if loss < other else "  not beaten" if name != "this model" else ""
        lines.append(f"{name:<12}{other:>16.3f}{other / math.log(2):>16.3f}{_perplexity(other):>22}{verdict}")
    return "\n".join(lines)


def _refuse_empty(corpus: Corpus, part: str) -> None:
    if part == "validation" and corpus.splits is None:
        return
    if not len(getattr(corpus, part)):
        raise ArgumentError(
            f"The run's text has no {part} part (split: {corpus.split_kind}): choose another with --split."
        )


def _results(
    run: Any, corpus: Corpus | None, ids: NDArray[np.integer], name: str, options: EvaluationOptions
) -> EvaluationText:
    ids = ids[: options.limit]
    warm_up, cache, dynamic = warm_up_of(run.vocabulary.name), options.cache, options.dynamic
    if dynamic is None:
        found = evaluate(run.model, ids, batch_size=options.batch_size, warm_up=warm_up, cache=cache)
    elif cache is None:
        found = evaluate_dynamically(run.model, ids, dynamic, training=None if corpus is None else corpus.train)
    else:
        raise ArgumentError("A cache and dynamic evaluation exclude each other: leave one out.")
    baselines = None
    if corpus is not None:
        size = run.vocabulary.vocabulary_size
        baselines = ngram_baselines(corpus.train, ids, size, orders_for(run.vocabulary.name))
    lines = [
        f"run    {run.place}, {run.config.model.cell}, step {run.step:,}",
        f"text   {name}: {found.predictions:,} {run.vocabulary.name}s predicted",
    ]
    if cache is not None:
        lines.append(
            f"cache  the last {cache.size:,} {run.vocabulary.name}s, theta {cache.theta:g}, weight {cache.weight:g}"
        )
    if dynamic is not None:
        rate, decay = dynamic.values
        lines.append(
            f"learns in one stream, every {dynamic.segment} {run.vocabulary.name}s, by {dynamic.rule}, rate {rate:g}, "
            f"decay {decay:g}"
        )
    if baselines is not None and baselines.note:
        lines.append(f"note   {baselines.note}")
    if share := _unknown_share(run.vocabulary, ids):
        lines.append(f"unk    {share:.2%} of them are {UNKNOWN}, which counts as a word")
    record = {
        "run": run.place,
        "task": run.config.task,
        "step": run.step,
        "data": name,
        "predictions": found.predictions,
        "prediction": run.config.prediction_name,
        "loss": found.loss,
        "loss_name": run.config.loss_name,
        "baselines": dict(baselines or {}),
    }
    if run.vocabulary.kind != "characters":
        record["bits_per_character"] = _bits_per_character(run.vocabulary, ids, found.loss)
        lines.append(f"bits   {record['bits_per_character']:.3f} per character")
    text = "\n".join([*lines, "", loss_table(run.vocabulary, found.loss, baselines or {})])
    return EvaluationText(text, record=record)


def _unknown_share(tokenizer: Tokenizer, ids: NDArray[np.integer]) -> float:
    """Return the share of the predicted tokens that are the token of unknown words."""
    if not isinstance(tokenizer, WordTokenizer) or UNKNOWN not in tokenizer.words:
        return 0.0
    return float(np.mean(ids[1:] == tokenizer.words.index(UNKNOWN)))


def _bits_per_character(tokenizer: Tokenizer, ids: NDArray[np.integer], loss: float) -> float:
    """Spread the bits of all predicted tokens over the characters of their text, as it is decoded."""
    characters = sum(len(tokenizer.decode(ids[start : start + BLOCK])) for start in range(0, len(ids), BLOCK))
    return loss * (len(ids) - 1) / math.log(2) / (characters - len(tokenizer.decode(ids[:1])))


def _perplexity(loss: float) -> str:
    return f"{math.exp(loss):,.2f}" if loss < 100 else "over 1e43"
