"""Runs small enough for a test, and what two runs that should be equal have in common."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from tidegate.text import Corpus, prepare_corpus
from tidegate.text.model import LanguageModelConfig
from tidegate.train import Finished, TrainConfig, claim_folder, holds_run, new_run, resume, train

WORDS = ("the", "sea", "comes", "in", "and", "goes", "out", "at", "the", "gate", "of", "the", "tide")
CONFIG = TrainConfig(
    batch_size=4, k1=10, steps=30, warmup_steps=5, validate_every=10, report_every=4, learning_rate=0.02
)


def text(words: int = 400) -> str:
    draws = np.random.default_rng(0).integers(0, len(WORDS), words)
    return " ".join(WORDS[draw] for draw in draws)


def corpus_in(folder: Path, **options: Any) -> Corpus:
    source = folder.parent / "text.txt"
    if not source.exists():
        source.write_text(text(), encoding="utf-8")
    return new_run(folder, lambda out: prepare_corpus(source, out, **options))


def model_for(corpus: Corpus, **options: Any) -> LanguageModelConfig:
    return replace(LanguageModelConfig(corpus.tokenizer.vocabulary_size, hidden_size=8), **options)


def train_in(folder: Path, *, model: dict[str, Any] | None = None, **options: Any) -> Finished:
    """A fresh run with a few settings changed."""
    hooks = {name: options.pop(name) for name in ("report", "sample") if name in options}
    corpus = corpus_in(folder)
    return train(folder, corpus, model_for(corpus, **(model or {})), replace(CONFIG, **options), **hooks)


def lines(folder: Path) -> list[dict[str, Any]]:
    """metrics.jsonl less its wall-clock fields."""
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="ascii").splitlines()]
    return [{name: value for name, value in it.items() if name != "clock"} for it in records]


def state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The checkpoint's tensors and counters less the wall-clock."""
    path = folder / "training_state.safetensors"
    with safe_open(path, "pt") as file:
        record = json.loads(file.metadata()["tidegate"])
    counters = record["counters"]
    counters.pop("elapsed")
    counters.pop("metrics_bytes")  # lines hold wall-clock fields of varying length
    return load_file(path), counters


def assert_same_run(one: Path, other: Path) -> None:
    """Bit for bit."""
    assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    (tensors, counters), (tensors_, counters_) = state(one), state(other)
    assert counters == counters_
    assert tensors.keys() == tensors_.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, tensors_[name]), name
    assert lines(one) == lines(other)


# Published recipes' parts with a memory of their own: two decays, then averages, which begin between two checkpoints;
# windows of other lengths in each epoch.
SGD = {
    "k1": 10,
    "k2": 10,
    "random_windows": True,
    "optimizer": "sgd",
    "learning_rate": 30.0,
    "schedule": "plateau",
    "decay_factor": 1.2,
    "average_after": 1,
    "clip": 0.25,
    "validate_every": 4,
    "warmup_steps": 0,
    "steps": 28,
    "feeding": "teacher",
    "sampling_probability_start": 1.0,
    "sampling_probability_end": 1.0,
    "model": {
        "layer_sizes": "8,6",
        "tie_weights": True,
        "locked_dropout": True,
        "recurrent_dropout": 0.1,
        "embedding_dropout": 0.1,
        "weight_dropout": 0.1,
        "activation_regularization": 0.1,
        "temporal_regularization": 0.1,
    },
}


RICH: dict[str, Any] = {
    "batch_size": 8,
    "k1": 8,
    "k2": 12,
    "feeding": "sampled",
    "sampling_probability_start": 0.0,
    "sampling_probability_end": 0.4,
    "learning_rate": 0.02,
    "warmup_steps": 10,
    "steps": 48,
    "validate_every": 17,
    "checkpoint_every": 5,
    "report_every": 4,
    "seed": 3,
}


def rich_run(folder: Path, *, model: dict[str, Any] | None = None, **settings: Any) -> Finished:
    """Begin or go on with a run that uses everything with a memory or with randomness.

    Dropout, own predictions drawn from the softmax, overlapping windows, two layers, several epochs, reports,
    validations and checkpoints out of step with one another.
    """
    if holds_run(folder):
        return resume(folder, sample=lambda model: repr(float(model.output.bias.sum())))
    claim_folder(folder)
    corpus = corpus_in(folder)
    return train(
        folder,
        corpus,
        model_for(corpus, **{"num_layers": 2, "dropout": 0.2, "embedding_size": 6} | (model or {})),
        TrainConfig(**(RICH | settings)),
        sample=lambda model: repr(float(model.output.bias.sum())),
    )
