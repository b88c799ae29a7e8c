"""Highlights: the story of the run, section by section."""

from collections.abc import Iterator, Sequence
from typing import Any

from tidegate.lens.highlights import Section, highlights
from tidegate.lens.highlights.section_record import to_plain
from tidegate.lens.progress import partial_as
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.session.session import Session
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.screen import Question, Screen


def story(session: Session) -> list[dict[str, Any]]:
    """Return the sections of the run's story in the order in which they are shown; partial answers have the first ones.

    Raises:
        ArgumentError: the story cannot be told.
    """
    with partial_as(_plain):
        return _plain(highlights_of(session))


def highlights_of(session: Session) -> list[Section]:
    """Return the sections of the run's story, cached."""
    return session.cached("highlights", lambda: highlights(session))


def _plain(sections: Sequence[Section]) -> list[dict[str, Any]]:
    return [to_plain(it) for it in sections]


def has_story(session: Session) -> bool:
    """Return whether there is a story of the session's first run."""
    return isinstance(session, TextSession | ExampleSession)


def recorded(session: Session) -> Iterator[Question]:
    """Record the story."""
    yield "story", {}


HIGHLIGHTS = Screen("highlights", "Highlights", {"story": story}, recorded=recorded, shown=has_story)
