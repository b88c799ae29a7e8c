"""Steps: one example as a tagger, classifier, translator, captioner or forecaster took it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.record.trace import Trace
from tidegate.lens.session.example_session import Givens
from tidegate.lens.session.session import Looked
from tidegate.lens.tasks import BeamTree, ForecasterLook, Frames, Look, Steps, TaggerLook, WriterLook
from tidegate.serve.screens.screen import Question, Screen, packed, rounded

MOST = 4_000  # steps of a sequence that are shown
BEST = 5  # of what could be said after a step
CURVES = 7  # classes whose probability is drawn
WIDEST = 16  # texts in a beam
REPORTED, ROOM = 12, 2 << 20  # examples in a report, and bytes that their states may take


def examples(looking: Givens) -> dict[str, Any]:
    """What there is to choose from, by number, and whether a text can be typed."""
    return {"names": [it.name for it in looking.givens], "reads": looking.can_read}


def look(looking: Givens, text: int = 0, beam: int | None = None) -> dict[str, Any]:
    """One example as the run took it: what was read and said at each step, what was said in the end and what is true.

    Raises:
        ArgumentError: there is no such example, or the run has no beam of that width.
    """
    if beam is not None and not 1 <= beam <= WIDEST:
        raise ArgumentError(f"a beam of {beam} was asked for: give 1 to {WIDEST}")
    found = looking.look(text, beam)
    told: dict[str, Any] = {
        "name": looking.given(text).name,
        "task": found.task,
        "sequences": [_sequence(name, steps, found.task) for name, steps in found.steps.items()],
        "attention": None if found.attention is None else packed(found.attention[:MOST, :MOST]),
    }
    match found:
        case TaggerLook():
            told |= _tags(found)
        case WriterLook():
            told |= _writing(found)
        case ForecasterLook():
            told |= _forecast(found)
        case _:
            told |= _classes(found)
    return told


def states(
    looking: Givens,
    sequence: str,
    name: str,
    layer: int = 0,
    direction: int = 0,
    text: int = 0,
    beam: int | None = None,
) -> dict[str, Any]:
    """All units of a gate or state over what was read: (steps, H).

    Raises:
        ArgumentError: there is no such example, sequence, layer, direction, gate or state.
    """
    steps = looking.look(text, beam).steps
    if sequence not in steps:
        raise ArgumentError(f"there is no sequence {sequence!r:.40}, but {', '.join(steps)}")
    return packed(steps[sequence].trace.sel(layer=layer, direction=direction, name=name, time=slice(0, MOST)).values)


def _sequence(name: str, steps: Steps, task: str) -> dict[str, Any]:
    trace, choices = steps.trace, steps.choices
    guesses = None
    if choices is not None and task != "classify":
        guesses = [[[label, rounded(p)] for label, p in row] for row in choices.top(BEST)[:MOST]]
    return {
        "name": name,
        "steps": len(steps),
        "read": list(steps.read[:MOST]),
        "pictures": None if steps.frames is None else _pictures(steps.frames),
        "layers": trace.layers,
        "directions": trace.directions,
        "names": list(trace.names),
        "guesses": guesses,
    }


def _pictures(frames: Frames) -> dict[str, Any]:
    return {"low": rounded(frames.low), "high": rounded(frames.high), **packed(frames.values[:MOST], 1.0)}


def _tags(found: TaggerLook) -> dict[str, Any]:
    truth = found.truth and found.truth["tags"][:MOST]
    return {
        "tags": found.said["tags"][:MOST],
        "true_tags": truth,
        "spans": [list(it) for it in found.spans],
        "true_spans": [list(it) for it in found.true_spans],
    }


def _classes(found: Look) -> dict[str, Any]:
    choices = found.steps["input"].choices
    assert choices is not None
    said = found.said["probabilities"]
    order = sorted(range(len(choices.labels)), key=lambda n: -said[choices.labels[n]])[:CURVES]
    return {
        "label": found.said["label"],
        "true_label": found.truth and found.truth["label"],
        "classes": len(choices.labels),
        "probabilities": [[choices.labels[n], rounded(said[choices.labels[n]])] for n in order],
        "running": [[rounded(it) for it in choices.probabilities[:MOST, n]] for n in order],
    }


def _writing(found: WriterLook) -> dict[str, Any]:
    best = found.said.get("n_best", [found.said])
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
    }


def _tree(tree: BeamTree) -> dict[str, Any]:
    branches = [[it.step, it.parent, it.token, rounded(it.log_p), rounded(it.score), it.fate] for it in tree.branches]
    return {"width": tree.width, "leaves": list(tree.leaves), "branches": branches}


def _forecast(found: ForecasterLook) -> dict[str, Any]:
    def numbers(values: Any) -> list[float | None]:
        return [float(f"{it:.6g}") if np.isfinite(it) else None for it in values]

    return {
        "levels": list(found.levels),
        "history": numbers(found.history),
        "expected": [numbers(it) for it in found.expected.T],
        "ahead": [numbers(it) for it in found.ahead.T],
        "true_values": found.truth and numbers(found.truth["values"]),
    }


def recorded(looking: Givens) -> Iterator[Question]:
    """The first examples with all their gates and states, as many as there is room for, one at least."""
    yield "examples", {}
    room = ROOM
    for number in range(min(REPORTED, len(looking.givens))):
        found = looking.look(number)
        room -= sum(_size(steps.trace) for steps in found.steps.values())
        if number and room < 0:
            return
        yield "look", {"text": number}
        for sequence, steps in found.steps.items():
            for layer, direction in steps.trace.values:
                for name in steps.trace.names:
                    at = {"sequence": sequence, "layer": layer, "direction": direction, "name": name}
                    yield "states", at | {"text": number}


def _size(trace: Trace) -> int:
    return sum(values[:MOST].size for named in trace.values.values() for values in named.values())


def can_look(looking: Looked) -> bool:
    """Whether there are looks inside the task of the run."""
    return isinstance(looking, Givens) and looking.can_look


STEPS = Screen(
    "steps",
    "Steps",
    {"examples": examples, "look": look, "states": states},
    recorded=recorded,
    shown=can_look,
    titles={
        "tag": "Tags",
        "classify": "Classes",
        "translate": "Translation",
        "caption": "Caption",
        "forecast": "Forecast",
    },
)
