"""A tagger with one hidden unit that was set by hand to carry its tag."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from tests.lens.tasks.tiny import tiny_run

from tidegate.lens.session.example_session import ExampleSession
from tidegate.tasks.tag.config import TagConfig
from tidegate.tasks.tag.task import TagTask
from tidegate.train import Run

UNIT, HIDDEN = 3, 5


def tagged(folder: Path, direction: int, sequences: int = 120) -> Path:
    """Words with brackets; inside them the tag is IN: from the mark that is read first, to before the other."""
    rng, lines = random.Random(1), []
    for _ in range(sequences):
        words = rng.choices("abcd", k=rng.randint(3, 9))
        start, end = sorted(rng.sample(range(len(words) + 1), 2))
        words[end:end], words[start:start] = [")"], ["("]
        inside = range(start, end + 1) if direction == 0 else range(start + 1, end + 2)
        lines += [f"{word} {'IN' if n in inside else 'OUT'}" for n, word in enumerate(words)] + [""]
    path = folder / "train.conll"
    path.write_text("\n".join(lines))
    return path


def planted(folder: Path, direction: int) -> Run:
    """A tagger whose tag is that of one unit: its c is 1 inside brackets and 0 outside. All other weights are small."""
    config = TagConfig(
        embedding_size=8, hidden_size=HIDDEN, bidirectional=direction == 1, online=direction == 0, min_count=1,
        character_hidden_size=0, dropout=0.0, scheme="plain",
    )  # fmt: skip
    task, run = tiny_run(TagTask, [tagged(folder, direction)], config, shares=(0.4, 0, 0.6))
    layers, vocabulary = run.model.recurrent, task.preprocessing.vocabulary("words")
    first, second = ("(", ")") if direction == 0 else (")", "(")
    own, end = dict(layers.named_parameters()), "_reverse" * direction
    with torch.no_grad():
        run.model.input.embedding.weight.copy_(torch.eye(len(vocabulary), 8))
        w, u, b = (own[f"{name}_l0{end}"].unflatten(0, (4, HIDDEN)) for name in ("weight_ih", "weight_hh", "bias"))
        w[:, UNIT], u[:, UNIT] = 0, 0
        b[:, UNIT] = torch.tensor([-20.0, 20, 20, 20])  # i f g o: nothing in, all kept
        w[0, UNIT, vocabulary.number(first)] = 40
        w[1, UNIT, vocabulary.number(second)] = -40
        run.model.output.weight.zero_()
        inside = task.preprocessing.vocabulary("labels").number("IN")
        run.model.output.weight[inside, direction * HIDDEN + UNIT] = 40
        run.model.output.bias.zero_()
        run.model.output.bias[inside] = -15
    return run


@contextmanager
def planted_session(folder: Path, direction: int) -> Iterator[ExampleSession]:
    """A session of such a run, with the files that its page reads."""
    with example_session(planted(folder, direction)) as made:
        yield made


@contextmanager
def example_session(run: Run) -> Iterator[ExampleSession]:
    """A session of a run that was made by hand, with the files that its page reads."""
    (run.folder / "config.json").write_text("{}")
    (run.folder / "metrics.jsonl").write_text("")
    with ExampleSession(run) as made:
        yield made
