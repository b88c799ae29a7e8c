"""Why: which steps of an example a class, a tag, a token or a value is due to, or which regions of an image."""

from collections.abc import Iterator
from typing import Any

from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.session.session import Session
from tidegate.lens.tasks.reasons.what_decided import Reasons, what_decided
from tidegate.lens.tasks.seq2seq import WriterLook
from tidegate.lens.tasks.tagger import TaggerLook
from tidegate.serve.screens.highlights import highlights_of
from tidegate.serve.screens.screen import Question, Screen, packed, rounded

CHOICES = 12  # likeliest ones that are listed
REPORTED, PLACES = 6, 8  # examples in a report, and places of each
MEASURES = ("gradient_input", "integrated", "erased")


def reasons(session: ExampleSession, text: int, at: int = 0, target: str = "", against: str = "") -> dict[str, Any]:
    """Return what a decision about an example is due to, by three measures, and what else could have been decided."""
    example = session.example(text)

    def compute() -> Reasons:
        return what_decided(
            session.run, example.value, at=at, target=target or None, against=against or None, part=example.part
        )

    made = session.cached(("reasons", text, at, target, against), compute)
    return {
        "name": example.name,
        "read": list(made.read),
        "steps": len(made.integrated),
        "start": made.start,
        "grid": made.grid,
        "picture": _picture(session, text),
        "at": made.at,
        "place": "" if session.decisions is None else session.decisions.place,
        "places": _places(session, text),
        "count": made.places,
        "meaning": made.meaning,
        "target": made.target,
        "against": made.against,
        "choices": [[name, rounded(value)] for name, value in made.choices[:CHOICES]],
        "value": rounded(made.value),
        "baseline_value": rounded(made.baseline_value),
        "unit": made.unit,
        "measures": {name: [rounded(it) for it in getattr(made, name)] for name in MEASURES},
        "completeness": rounded(made.completeness, 6),
        "complete": made.complete,
        "gradients": made.steps,
    }


def _places(session: ExampleSession, text: int) -> list[list[str]]:
    """Return what was read and decided at each place that can be chosen; empty where it is a class or a number."""
    look = session.look(text)
    if isinstance(look, TaggerLook) and look.steps["input"].read:
        return [list(it) for it in zip(look.steps["input"].read, look.prediction["tags"], strict=False)]
    if isinstance(look, WriterLook):
        return [[token, ""] for token in look.written]
    return []


def _picture(session: ExampleSession, text: int) -> dict[str, Any] | None:
    """Return the image that was read; None if it was none."""
    look = session.look(text)
    return packed(look.image.values, 1.0) if isinstance(look, WriterLook) and look.image is not None else None


def recorded(session: ExampleSession) -> Iterator[Question]:
    """Record the likeliest decisions about the first examples, at their first places, and what Highlights link to."""
    for link in (it for section in highlights_of(session) for it in section.links if it.screen == "reasons"):
        about = {"target": link.target, "against": link.against}
        yield "reasons", {"text": link.text, "at": 0}
        yield "reasons", {"text": link.text, "at": link.place} | {key: value for key, value in about.items() if value}
    for text in range(min(REPORTED, len(session.examples))):
        yield "reasons", {"text": text, "at": 0}
        places = reasons(session, text)["places"]
        for at in range(1, min(PLACES, len(places))):
            yield "reasons", {"text": text, "at": at}


def says_what_is_decided(session: Session) -> bool:
    """Return whether the run's task says what is decided."""
    return isinstance(session, ExampleSession) and session.decisions is not None


REASONS = Screen("reasons", "Why", {"reasons": reasons}, recorded=recorded, shown=says_what_is_decided)
