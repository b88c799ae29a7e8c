"""Small runs of every task on independent examples, for the tests that all of them must pass."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.data.samples.probes import temporal_order
from tidegate.data.sources import find_sources
from tidegate.tasks.base_task import example_task
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.train import Finished, TrainConfig, holds_run, new_run, resume, train

CONFIG = TrainConfig(
    batch_size=6, steps=24, warmup_steps=4, validate_every=9, checkpoint_every=4, report_every=5, seed=2
)


@dataclass(frozen=True)
class Small:
    """A task's smallest run.

    Attributes:
        write: writes the data into a folder and returns what is given as data.
        config: the model's settings.
        training: changed settings of training.
    """

    write: Callable[[Path], list[Path]]
    config: dict[str, Any]
    training: dict[str, Any]


def classify(folder: Path) -> list[Path]:
    lines = (f"__label__{'ab'[n % 2]} {'xy'[n % 2]} {'z ' * (n % 7)} w{n % 11}\n" for n in range(90))
    (folder / "classify.txt").write_text("".join(lines))
    return [folder / "classify.txt"]


def tag(folder: Path) -> list[Path]:
    tags = {"Ann": "B-P", "Lee": "I-P", "w0": "O", "w1": "O", "w2": "O"}
    lines = ("".join(f"{word}\t{tags[word]}\n" for word in (f"w{n % 3}", "Ann", "Lee")[n % 2 :]) for n in range(90))
    (folder / "tag.conll").write_text("\n".join(lines))
    return [folder / "tag.conll"]


def forecast(folder: Path) -> list[Path]:
    steps = range(300)
    lines = (f"{math.sin(t / 3) + 0.1 * (t % 5):.4f},{math.cos(t / 7):.4f}\n" for t in steps)
    (folder / "forecast.csv").write_text("a,b\n" + "".join(lines))
    return [folder / "forecast.csv"]


def regress(folder: Path) -> list[Path]:
    steps = range(300)
    lines = (f"{'pq'[t % 3 == 0]},{math.sin(t / 3):.4f},{math.cos(t / 5) if t % 7 else ''}\n" for t in steps)
    (folder / "regress.csv").write_text("of,a,b\n" + "".join(lines))
    return [folder / "regress.csv"]


def probe(folder: Path) -> list[Path]:
    for part, count in (("train", 80), ("validation", 20)):
        arrays: dict[str, Any] = temporal_order.generate(8, count, len(part))
        np.savez(folder / f"{part}.npz", **arrays)
    return [folder]


def translate(folder: Path) -> list[Path]:
    texts = ["".join("abcd"[(n * k) % 4] for k in range(1, 2 + n % 6)) for n in range(90)]
    (folder / "translate.tsv").write_text("".join(f"{text}{n}\t{text[::-1]}\n" for n, text in enumerate(texts)))
    return [folder / "translate.tsv"]


def caption(folder: Path) -> list[Path]:
    features = [[n % 3, n % 5, n % 7] for n in range(90)]
    np.savez(folder / "caption.npz", features=features, captions=[("one", "two", "three")[n % 3] for n in range(90)])
    return [folder / "caption.npz"]


SMALL = {"hidden_size": 6, "embedding_size": 5, "num_layers": 2}
SUBWORDS = {"min_count": 7, "subwords": "1-3", "subword_min_count": 2}
TASKS = {
    "translate": Small(
        translate, SMALL | {"word_dropout": 0.2}, {"feeding": "sampled", "sampling_probability_start": 0.0}
    ),
    "caption": Small(caption, SMALL, {}),
    "classify": Small(classify, SMALL | {"word_dropout": 0.2, "r_drop": 1.0} | SUBWORDS, {}),
    "tag": Small(tag, {"hidden_size": 6, "embedding_size": 5, "character_hidden_size": 3, "num_layers": 2}, {}),
    "forecast": Small(
        forecast,
        {"hidden_size": 6, "horizon": 4, "window": 20, "noise": 0.1, "paths": 5},
        {"feeding": "sampled", "sampling_probability_start": 0.0, "sampling_probability_end": 0.5},
    ),
    "regress": Small(
        regress,
        {
            "inputs": "a",
            "targets": "b",
            "series_column": "of",
            "hidden_size": 6,
            "loss": "esr",
            "segment": 25,
            "taps": 5,
        },
        {"k1": 10},
    ),
    "probe": Small(probe, {"cell": "gru", "hidden_size": 6}, {}),
}


def run(name: str, folder: Path, **options: Any) -> Finished:
    """Begin a task's small run in a folder, or go on with it."""
    hooks = {hook: options.pop(hook) for hook in ("report",) if hook in options}
    if holds_run(folder):
        return resume(folder, **hooks)
    small, kind = TASKS[name], example_task(name)
    config = kind.Config(**small.config)
    place = folder.parent / "data"
    place.mkdir(exist_ok=True)
    sources = find_sources([str(path) for path in small.write(place)], workspace=place)
    data = new_run(folder, lambda to: prepare_examples(kind, sources, config, to), task=name)
    training = replace(CONFIG, **(small.training | options))
    return train(folder, data, config, training, task=name, **hooks)
