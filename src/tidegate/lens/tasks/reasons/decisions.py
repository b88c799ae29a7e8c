"""The decisions of each task as functions of what its layers read: what attribution needs to know of a task."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tidegate.data.buckets import Padded
from tidegate.drawing.brief import brief_repr
from tidegate.lens.tasks.hooks import recorded_calls
from tidegate.nn.layered import Layered
from tidegate.tasks.classify.task import Classifier, ClassifyTask
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.seq2seq.task import WritingTask
from tidegate.tasks.seq2seq.translate import Translator
from tidegate.tasks.tag.model import Tagger
from tidegate.tasks.tag.task import TagTask

MAX_STEPS = 400  # that a decision is attributed to: each is erased once


class Layout(NamedTuple):
    """How the steps that a decision is due to are named and shown.

    Attributes:
        names: of the W steps; empty where inputs are numbers, which are shown as curves.
        grid: rows and columns of the regions that the first steps are; None if they are none.
    """

    names: tuple[str, ...] = ()
    grid: tuple[int, int] | None = None


def numbers(task: Any, columns: Columns) -> Layout:
    """Return the layout of steps that read numbers."""
    return Layout()


@dataclass(frozen=True)
class Decisions:
    """What a model decides, as a function of the inputs of W steps.

    Attributes:
        inputs: from a task, its model and one example as a batch to the steps' inputs (W, I).
        outputs: from these and B variants of the inputs (W, B, I) to (B, P, C): at each of P places log p of C choices,
            or C values.
        choices: from a task to the names of the C choices.
        unit: what outputs are measured in.
        place: what the P places are, such as "word"; empty if there is one.
        reads: from a task to what one of the W steps is, such as "word".
        layout: from a task and the example to how the W steps are named and shown. Default: by the text that they read.
        meaning: from a task to a sentence on what is decided, where that needs one.
        window: from a long example and a place to the example with at most 400 steps up to that place, and the number
            of the first of them. The P places are then those steps. Default: all steps are taken.
    """

    inputs: Callable[[Any, Any, Columns], Tensor]
    outputs: Callable[[Any, Any, Columns, Tensor], Tensor]
    choices: Callable[[Any], Sequence[str]]
    unit: str = "nats"
    place: str = ""
    reads: Callable[[Any], str] = lambda task: "step"
    layout: Callable[[Any, Columns], Layout] | None = None
    meaning: Callable[[Any], str] = lambda task: ""
    window: Callable[[Columns, int], tuple[Columns, int]] = lambda columns, at: (columns, 0)

    __repr__ = brief_repr


def repeated(columns: Columns, count: int) -> Columns:
    """Return a batch of one example as a batch of ``count``."""
    return {
        name: Padded(it.values.expand(count, *it.values.shape[1:]), it.lengths.expand(count))
        for name, it in columns.items()
    }


@contextmanager
def reading(layers: Layered, inputs: Tensor) -> Iterator[None]:
    """Let recurrent layers, batch first, read other inputs (W, B, I) than those they are called with."""

    def replace(_: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return (inputs.transpose(0, 1), *args[1:]), kwargs

    hook = layers.register_forward_pre_hook(replace, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def read_by(layers: Layered, forward: Callable[[], object]) -> Tensor:
    """Return what recurrent layers, batch first, read of a batch of one: (W, I)."""
    with torch.no_grad(), recorded_calls(layers) as calls:
        forward()
    return calls[0].args[0][0]


def _class_inputs(task: ClassifyTask, model: Classifier, columns: Columns) -> Tensor:
    return read_by(model.recurrent, lambda: task.logits(model, columns))


def _class_outputs(task: ClassifyTask, model: Classifier, columns: Columns, inputs: Tensor) -> Tensor:
    with reading(model.recurrent, inputs):
        return task.logits(model, repeated(columns, inputs.shape[1])).double().log_softmax(-1)[:, None]


def _tag_inputs(task: TagTask, model: Tagger, columns: Columns) -> Tensor:
    return read_by(model.recurrent, lambda: model(columns))


def _tag_outputs(task: TagTask, model: Tagger, columns: Columns, inputs: Tensor) -> Tensor:
    batch = repeated(columns, inputs.shape[1])
    with reading(model.recurrent, inputs):
        return model.log_probabilities(model(batch).double(), batch["inputs"].lengths)


def _meaning_of_tags(task: TagTask) -> str:
    if not (task.config.crf or task.config.valid_spans):
        return ""
    return (
        "This tagger decides on whole sequences of tags. p is the marginal probability of the tag: the sum over all "
        "sequences that have it at this step."
    )


def _token_inputs(task: WritingTask, model: Translator, columns: Columns) -> Tensor:
    return read_by(model.encoder, lambda: model.begin(columns))


def _token_outputs(task: WritingTask, model: Translator, columns: Columns, inputs: Tensor) -> Tensor:
    """Return log p of each token of the text in "target", given those before it."""
    batch, decoder = repeated(columns, inputs.shape[1]), model.decoder
    with reading(model.encoder, inputs):
        first, state, memory = model.begin(batch)
    features, _ = decoder.features(decoder.inputs(first, batch["target"].values), state, memory)
    return decoder.output(features).double().log_softmax(-1)


def _labels(task: Any) -> list[str]:
    return task.preprocessing.vocabulary("labels").entries


def _read(level: str) -> Callable[[Any], str]:
    """Return what a step reads by the level that preprocessing holds: "words" are read word by word."""
    return lambda task: task.preprocessing.text(level).removesuffix("s")


CLASSES = Decisions(_class_inputs, _class_outputs, _labels, reads=_read("input"))
TAGS = Decisions(_tag_inputs, _tag_outputs, _labels, place="step", reads=_read("input"), meaning=_meaning_of_tags)
TOKENS = Decisions(
    _token_inputs,
    _token_outputs,
    lambda task: task.preprocessing.vocabulary("target").entries,
    place="token",
    reads=_read("source_level"),
)
