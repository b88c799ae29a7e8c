"""Translators and captioners: the token that comes next, what was copied, and properties of source and target."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Encoded
from tidegate.lens.tasks.units.subject import ReadSequence, Scored, StepLabel, Subject
from tidegate.lens.tasks.units.text_labels import place_labels, text_labels
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.layers import mask
from tidegate.tasks.seq2seq.task import WritingModel, WritingTask

NEXT = 12  # tokens, the most frequent ones, that may be what comes next


def _source_steps(example: Encoded) -> int:
    return len(example["source"])


def _target_steps(example: Encoded) -> int:
    return len(example["target"])


def _pieces(task: WritingTask, side: str) -> Callable[[Encoded], list[str]]:
    vocabulary = task.preprocessing.vocabulary(side)
    return lambda example: vocabulary.decode(example[side].tolist())


def _words(task: WritingTask, side: str) -> bool:
    return task.preprocessing.text(f"{side}_level") == "words"


def _source_labels(task: WritingTask) -> list[StepLabel]:
    source, target = _pieces(task, "source"), _pieces(task, "target")
    in_target = StepLabel(
        "in the target",
        "yes/no",
        lambda it: np.isin(source(it), target(it)),
        words="on tokens that are in the target, too",
    )
    return [*place_labels(_source_steps), in_target, *text_labels(_words(task, "source"), source, without=["position"])]


def _target_labels(task: WritingTask) -> list[StepLabel]:
    """Return properties of the text that was written before each step, and of the token that the step writes."""
    pieces, vocabulary = _pieces(task, "target"), task.preprocessing.vocabulary("target")
    counts = np.array(task.preprocessing.numbers("occurrences", len(vocabulary)))
    frequent = [int(n) for n in np.argsort(-counts, kind="stable") if n != vocabulary.unknown and counts[n]][:NEXT]

    def following(number: int) -> Callable[[Encoded], NDArray[Any]]:
        return lambda example: example["target"] == number

    names = {n: _shown(vocabulary.entries[n]) for n in frequent}
    made = [
        StepLabel(f"next: {name}", "yes/no", following(n), words=f"where “{name}” is to be written next")
        for n, name in names.items()
    ]
    if "source" in task.preprocessing.values:
        source = _pieces(task, "source")

        def copied(example: Encoded) -> NDArray[Any]:
            return np.isin(pieces(example), source(example))

        words = "where what is to be written next is in the source"
        made.append(StepLabel("next is in the source", "yes/no", copied, words=words))

    def digit(example: Encoded) -> list[bool]:
        return [piece.strip().isdigit() for piece in pieces(example)]

    made.append(StepLabel("next is a digit", "yes/no", digit, words="where a digit is to be written next"))
    # Step t has read the token before the one that it writes; the first has read none.
    texts = text_labels(_words(task, "target"), lambda it: ["", *pieces(it)[:-1]], without=["position"])
    return [*place_labels(_target_steps), *made, *texts]


def _source_read(task: WritingTask, example: Encoded) -> list[str]:
    return _pieces(task, "source")(example)


def _target_read(task: WritingTask, example: Encoded) -> list[str]:
    return ["⟨start⟩", *_pieces(task, "target")(example)[:-1]]


def _scored(task: WritingTask, model: WritingModel, columns: Columns) -> list[Scored]:
    (tokens, lengths), (first, state, memory), decoder = columns["target"], model.begin(columns), model.decoder
    features, _ = decoder.features(decoder.inputs(first, tokens), state, memory)
    log = decoder.output(features).float().log_softmax(-1)
    losses = (-log.gather(-1, tokens[..., None])[..., 0]).masked_fill(~mask(lengths, tokens.shape[1]), np.nan)
    if decoder.never is not None:
        log[..., decoder.never] = -np.inf
    wrong = (log.argmax(-1) != tokens).double().cpu().numpy()
    values = losses.double().cpu().numpy()
    return [Scored(values[n, :length], wrong[n, :length]) for n, length in enumerate(lengths.tolist())]


def _groups(task: WritingTask, example: Encoded) -> Sequence[str]:
    return [_shown(it) for it in task.preprocessing.vocabulary("target").decode(example["target"].tolist())]


def _shown(token: str) -> str:
    """Return a token with its blanks visible."""
    return token.replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥")


TARGET = ReadSequence(lambda model: model.decoder.recurrent, _target_steps, _target_labels, _target_read)
TRANSLATOR = Subject(
    {
        "source": ReadSequence(lambda model: model.encoder, _source_steps, _source_labels, _source_read),
        "target": TARGET,
    },
    _scored,
    _groups,
    "token",
)
CAPTIONER = Subject({"target": TARGET}, _scored, _groups, "token")
