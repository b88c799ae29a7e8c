"""Inside a tagger: what it says of every step, and the spans that makes."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.lens.record.trace import trace
from tidegate.lens.tasks.hooks import watched
from tidegate.lens.tasks.inputs import Given, on_cpu
from tidegate.lens.tasks.pictures import pictures
from tidegate.lens.tasks.views import Choices, Look, Steps
from tidegate.tasks.tag.scores import UNSEEN
from tidegate.tasks.tag.spans import PLAIN, Span, spans
from tidegate.tasks.tag.task import Tagger, TagTask, tokens_of


@dataclass(frozen=True)
class TaggerLook(Look):
    """A sequence as a tagger took it; its ``steps`` are "input", whose ``choices`` are the tags.

    Attributes:
        spans: those that the likeliest tags mark: type, first step, step after the last. Empty where tags mark none.
        true_spans: those that the true tags mark; empty where these are not known.
    """

    spans: tuple[Span, ...]
    true_spans: tuple[Span, ...]


def look_at_tags(task: TagTask, model: Tagger, given: Given) -> TaggerLook:
    """Look inside a tagger.

    p(tag_t) = softmax(W h_t + b) at every step t; in both directions h_t has seen the whole sequence.

    Args:
        task: the run's task.
        model: in eval mode.
        given: the example.
    """
    with watched(model.recurrent) as calls:
        probabilities = model(given.columns)[0].softmax(-1)
    choices = Choices(task.preprocessing.vocabulary("labels").entries, on_cpu(probabilities))
    frames = pictures(given.example["inputs"], given.picture) if task.level == "frames" else None
    read = () if frames else _read(task, given)
    steps = Steps(read, trace(model.recurrent, calls[0].args[0][0], labels=read), frames, choices)
    tags, truth = task.preprocessing.vocabulary("labels").decode(probabilities.argmax(-1).tolist()), None
    if "tags" in given.example:
        true = given.example["tags"].tolist()
        truth = [None if it == UNSEEN else choices.labels[it] for it in true]
    marked = task.scheme != PLAIN
    return TaggerLook(
        task=task.name,
        steps={"input": steps},
        said={"tags": tags} if frames else {"tokens": list(read), "tags": tags},
        truth=None if truth is None else {"tags": truth},
        attention=None,
        spans=tuple(spans(tags, task.scheme)) if marked else (),
        true_spans=tuple(spans(list(map(str, truth)), task.scheme)) if marked and truth else (),
    )


def _read(task: TagTask, given: Given) -> tuple[str, ...]:
    """The words or characters; of stored examples as they are spelled, without what is not known."""
    if given.row is not None:
        return tuple(tokens_of(given.row, task.level))
    if "spelling" not in given.example:
        return tuple(task.preprocessing.vocabulary(task.level).decode(given.example["inputs"].tolist()))
    characters = task.preprocessing.vocabulary("characters").decode(given.example["characters"].tolist())
    ends = given.example["spelling"].cumsum().tolist()
    return tuple("".join(characters[a:b]) for a, b in zip([0, *ends], ends, strict=False))
