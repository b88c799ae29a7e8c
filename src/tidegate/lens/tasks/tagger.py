"""Taggers: tag probabilities at every step, and the spans of the likeliest tags."""

from dataclasses import dataclass

from tidegate.data.rows import Row
from tidegate.lens.record.trace import trace
from tidegate.lens.tasks.example import Example, frames_row, on_cpu
from tidegate.lens.tasks.hooks import recorded_calls
from tidegate.lens.tasks.outcomes.label_outcomes import MEASURE, spelled_tokens, tag_outcomes
from tidegate.lens.tasks.pictures import pictures
from tidegate.lens.tasks.reasons.decisions import TAGS
from tidegate.lens.tasks.task_look import ExampleLook
from tidegate.lens.tasks.units.tagger_subject import TAGGER
from tidegate.lens.tasks.views import Choices, Look, Steps
from tidegate.tasks.tag.answers import answer_for
from tidegate.tasks.tag.scores import UNSEEN
from tidegate.tasks.tag.spans import PLAIN, Span, spans
from tidegate.tasks.tag.task import Tagger, TagTask, tokens_of
from tidegate.train import Run


@dataclass(frozen=True, repr=False)
class TaggerLook(Look):
    """What a tagger did with a sequence; its ``steps`` are "input", whose ``choices`` are the tags.

    Attributes:
        spans: of the likeliest tags: type, first step, step after the last. Empty if tags mark no spans.
        true_spans: of the true tags; empty if these are not known.
    """

    spans: tuple[Span, ...]
    true_spans: tuple[Span, ...]


def look(run: Run) -> ExampleLook:
    """Return how a run of ``tag`` is looked at."""
    text = run.vocabulary.text("input") != "frames"
    return ExampleLook(
        look_at_tags,
        "Tags",
        "text" if text else None,
        "tokens" if text else None,
        frames_row,
        outcomes=tag_outcomes,
        measure=MEASURE,
        answers="labels",
        subject=TAGGER,
        decisions=TAGS,
    )


def look_at_tags(task: TagTask, model: Tagger, example: Example) -> TaggerLook:
    """Look inside a tagger.

    p(tag_t) = softmax(W h_t + b) at every step t, or the marginals of a CRF; in both directions h_t has seen the whole
    sequence.

    Args:
        task: the run's task.
        model: in eval mode.
        example: what it reads.
    """
    with recorded_calls(model.recurrent) as calls:
        scores, lengths = model(example.columns), example.columns["inputs"].lengths
    probabilities, best = model.probabilities(scores, lengths)[0], model.best(scores, lengths)[0].tolist()
    choices = Choices(task.preprocessing.vocabulary("labels").entries, on_cpu(probabilities))
    frames = pictures(example.encoded["inputs"], example.picture) if task.level == "frames" else None
    read = () if frames else _tokens(task, example)
    steps = Steps(read, trace(model.recurrent, calls[0].args[0][0], labels=read), frames, choices)
    tags, truth = task.preprocessing.vocabulary("labels").decode(best), None
    sure = [float(shares[tag]) for shares, tag in zip(probabilities, best, strict=True)]
    if "tags" in example.encoded:
        true = example.encoded["tags"].tolist()
        truth = [None if it == UNSEEN else choices.labels[it] for it in true]
    marked = task.scheme != PLAIN
    row = example.row or Row("", {} if frames else {"tokens": list(read)})
    prediction = answer_for(
        row, {"tags": tags, "probabilities": sure}, task.level, task.scheme, task.preprocessing.cutting()
    )
    return TaggerLook(
        task=task.name,
        steps={"input": steps},
        prediction=prediction,
        truth=None if truth is None else {"tags": truth},
        attention=None,
        spans=tuple(spans(tags, task.scheme)) if marked else (),
        true_spans=tuple(spans(list(map(str, truth)), task.scheme)) if marked and truth else (),
    )


def _tokens(task: TagTask, example: Example) -> tuple[str, ...]:
    if example.row is not None:
        return tuple(tokens_of(example.row, task.level, task.preprocessing.cutting()))
    return spelled_tokens(task, example.encoded)
