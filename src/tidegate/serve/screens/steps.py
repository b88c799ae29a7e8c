"""Steps: what a tagger, classifier, translator, captioner, forecaster or regressor did with one example."""

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.record.trace import Trace
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.session.session import Session
from tidegate.lens.tasks.beam_tree import BeamTree
from tidegate.lens.tasks.classifier import ClassifierLook
from tidegate.lens.tasks.forecaster import ForecasterLook
from tidegate.lens.tasks.pictures import Frames
from tidegate.lens.tasks.regressor import RegressorLook
from tidegate.lens.tasks.seq2seq import WriterLook
from tidegate.lens.tasks.tagger import TaggerLook
from tidegate.lens.tasks.views import Steps
from tidegate.serve.screens.read import BEGINNING
from tidegate.serve.screens.screen import Question, Screen, packed, rounded

MAX_STEPS = 4_000  # of a sequence that are shown
MAX_CHOICES = 5  # likeliest labels of a step
MAX_CURVES = 7  # classes whose probability is drawn
MAX_BEAM = 16
MAX_REPORTED, MAX_BYTES = 12, 2 << 20  # examples in a report, and the bytes of their states


def examples(session: ExampleSession) -> dict[str, Any]:
    """Return the names of the examples; "tried" is whether `outcomes` says what the run makes of its own."""
    return {"names": [it.name for it in session.examples], "tried": session.answers is not None}


def texts(session: ExampleSession) -> list[dict[str, Any]]:
    """Return the texts that were typed, with their numbers and the beginning of each."""
    first = session.first_typed
    typed = [str(it.value) for it in session.examples[first:]]
    return [{"number": n, "beginning": it[:BEGINNING], "characters": len(it)} for n, it in enumerate(typed, first)]


def look(session: ExampleSession, text: int = 0, beam: int | None = None) -> dict[str, Any]:
    """Return what the run did with an example: inputs and predictions of each step, the prediction, and the truth.

    Raises:
        ArgumentError: there is no such example, or the run has no beam of that width.
    """
    if beam is not None and not 1 <= beam <= MAX_BEAM:
        raise ArgumentError(f"The beam is {beam}: give 1 to {MAX_BEAM}.")
    found = session.look(text, beam)
    answer: dict[str, Any] = {
        "name": session.example(text).name,
        "task": found.task,
        "sequences": [
            _sequence(name, steps, choices=not isinstance(found, ClassifierLook)) for name, steps in found.steps.items()
        ],
        "attention": None if found.attention is None else packed(found.attention[:MAX_STEPS, :MAX_STEPS]),
    }
    match found:
        case TaggerLook():
            answer |= _tags(found)
        case WriterLook():
            answer |= _writing(found)
        case ForecasterLook():
            answer |= _forecast(found)
        case RegressorLook():
            answer |= _regression(found)
        case ClassifierLook():
            answer |= _classes(found)
        case _:
            answer |= {
                "prediction": _text(found.prediction),
                "truth": None if found.truth is None else _text(found.truth),
            }
    return answer


def states(
    session: ExampleSession,
    sequence: str,
    name: str,
    layer: int = 0,
    direction: int = 0,
    text: int = 0,
    beam: int | None = None,
) -> dict[str, Any]:
    """Return all hidden units of a gate or state over a sequence: (steps, H).

    Raises:
        ArgumentError: there is no such example, sequence, layer, direction, gate or state.
    """
    steps = session.look(text, beam).steps
    if sequence not in steps:
        raise ArgumentError(f"There is no sequence {sequence!r:.40}: choose one of {', '.join(steps)}.")
    return packed(
        steps[sequence].trace.sel(layer=layer, direction=direction, name=name, time=slice(0, MAX_STEPS)).values
    )


def _sequence(name: str, steps: Steps, *, choices: bool) -> dict[str, Any]:
    trace, guesses = steps.trace, None
    if choices and steps.choices is not None:
        guesses = [[[label, rounded(p)] for label, p in row] for row in steps.choices.top(MAX_CHOICES)[:MAX_STEPS]]
    return {
        "name": name,
        "steps": len(steps),
        "read": list(steps.read[:MAX_STEPS]),
        "pictures": None if steps.frames is None else _pictures(steps.frames),
        "layers": trace.layers,
        "directions": trace.directions,
        "names": list(trace.names),
        "guesses": guesses,
    }


def _pictures(frames: Frames) -> dict[str, Any]:
    return {"low": rounded(frames.low), "high": rounded(frames.high), **packed(frames.values[:MAX_STEPS], 1.0)}


def _tags(found: TaggerLook) -> dict[str, Any]:
    truth, words = found.truth and found.truth["tags"][:MAX_STEPS], found.prediction.get("words")
    return {
        "tags": found.prediction["tags"][:MAX_STEPS],
        "probabilities": [rounded(it) for it in found.prediction["probabilities"][:MAX_STEPS]],
        "positions": words and [[it["start"], it["end"]] for it in words[:MAX_STEPS]],
        "true_tags": truth,
        "spans": [list(it) for it in found.spans],
        "true_spans": [list(it) for it in found.true_spans],
    }


def _classes(found: ClassifierLook) -> dict[str, Any]:
    choices = found.steps["input"].choices
    assert choices is not None
    probabilities = found.prediction["probabilities"]
    order = sorted(range(len(choices.labels)), key=lambda n: -probabilities[choices.labels[n]])[:MAX_CURVES]
    return {
        "label": found.prediction["label"],
        "true_label": found.truth and found.truth["label"],
        "classes": len(choices.labels),
        "probabilities": [[choices.labels[n], rounded(probabilities[choices.labels[n]])] for n in order],
        "running": [[rounded(it) for it in choices.probabilities[:MAX_STEPS, n]] for n in order],
    }


def _writing(found: WriterLook) -> dict[str, Any]:
    best = found.prediction.get("n_best", [found.prediction])
    chosen = found.steps["target"].choices
    assert chosen is not None
    number = {label: n for n, label in enumerate(chosen.labels)}
    p = [rounded(chosen.probabilities[t, number[token]]) for t, token in enumerate(found.written)]
    return {
        "texts": [[it["text"], rounded(it["score"])] for it in best],
        "true_text": found.truth and found.truth["text"],
        "written": list(found.written),
        "written_p": p,
        "tree": _tree(found.tree),
        "image": None if found.image is None else _pictures(found.image),
        "extra": [[name, rounded(value)] for name, value in found.extra.items()],
    }


def _tree(tree: BeamTree) -> dict[str, Any]:
    branches = [[it.step, it.parent, it.token, rounded(it.log_p), rounded(it.score), it.fate] for it in tree.branches]
    return {"width": tree.width, "leaves": list(tree.leaves), "branches": branches}


def _forecast(found: ForecasterLook) -> dict[str, Any]:
    each = {name: found.of(name) for name in found.targets} or {"": found}
    return {
        "levels": list(found.levels),
        "forecasts": [
            {
                "name": name,
                "history": _numbers(own.history),
                "expected": [_numbers(it) for it in own.expected.T],
                "ahead": [_numbers(it) for it in own.ahead.T],
                "true_values": own.truth and _numbers(own.truth["values"]),
            }
            for name, own in each.items()
        ],
    }


def _regression(found: RegressorLook) -> dict[str, Any]:
    columns = zip(found.targets, found.predicted.T, found.known.T, found.error.T, strict=True)
    return {
        "length": found.length,
        "inputs": [{"name": name, "values": _numbers(it)} for name, it in zip(found.inputs, found.read.T, strict=True)],
        "targets": [
            {"name": name, "predicted": _numbers(made), "known": _numbers(known), "error": _numbers(error)}
            for name, made, known, error in columns
        ],
    }


def _numbers(values: Any) -> list[float | None]:
    return [float(f"{it:.6g}") if np.isfinite(it) else None for it in values]


def recorded(session: ExampleSession) -> Iterator[Question]:
    """Record the first and the worst examples with gates and states: at least one, and as many as there is room for."""
    yield "examples", {}
    room = MAX_BYTES
    for number in _reported(session):
        found = session.look(number)
        room -= sum(_size(steps.trace) for steps in found.steps.values())
        if number and room < 0:
            return
        yield "look", {"text": number}
        for sequence, steps in found.steps.items():
            for layer, direction in steps.trace.values:
                for name in steps.trace.names:
                    at = {"sequence": sequence, "layer": layer, "direction": direction, "name": name}
                    yield "states", at | {"text": number}


def _reported(session: ExampleSession) -> list[int]:
    """Return the numbers of the examples for a report: the first ones and the worst ones in turns."""
    first = list(range(min(MAX_REPORTED, len(session.examples))))
    worst: list[int] = []
    if session.answers is not None:
        outcomes = session.all_outcomes()
        places = {it.number: session.first_own + n for n, it in enumerate(outcomes.each)}
        worst = [places[it.number] for it in outcomes.worst(MAX_REPORTED // 2)]
    turns = [number for pair in zip_longest(first, worst) for number in pair if number is not None]
    return list(dict.fromkeys(turns))[:MAX_REPORTED]


def _size(trace: Trace) -> int:
    return sum(values[:MAX_STEPS].size for named in trace.values.values() for values in named.values())


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:MAX_STEPS]


def has_examples(session: Session) -> bool:
    """Return whether the run's examples can be looked at."""
    return isinstance(session, ExampleSession)


STEPS = Screen(
    "steps",
    "Steps",
    {"examples": examples, "texts": texts, "look": look, "states": states},
    recorded=recorded,
    shown=has_examples,
    title_of=lambda session: session.task_look.title,
)
