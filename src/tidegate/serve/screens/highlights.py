"""Highlights: the story of the run, section by section."""

from collections.abc import Iterator
from typing import Any

from tidegate.lens.highlights import Section, highlights, in_order
from tidegate.lens.highlights.section_record import to_plain
from tidegate.lens.session.session import Session
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.screen import Question, Screen


def story(session: TextSession) -> list[dict[str, Any]]:
    """Return the sections of the run's story in the order in which they are shown.

    Raises:
        ArgumentError: there is no held-out text, or too little.
    """
    return [to_plain(it) for it in in_order(it for it in highlights(session) if isinstance(it, Section))]


def sections(session: TextSession) -> Iterator[dict[str, Any]]:
    """Yield the sections as they are computed, and between them what is being done."""
    for it in highlights(session):
        yield {"section": to_plain(it)} if isinstance(it, Section) else {"doing": it.text}


def recorded(session: Session) -> Iterator[Question]:
    """Record the story."""
    yield "story", {}


HIGHLIGHTS = Screen("highlights", "Highlights", {"story": story}, {"sections": sections}, recorded=recorded)
