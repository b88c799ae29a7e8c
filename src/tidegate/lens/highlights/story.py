"""The story of a run, computed once and kept in its folder."""

from collections.abc import Iterable, Iterator

from tidegate.errors import RunFolderError, TidegateError
from tidegate.lens.highlights.section import ORDER, Doing, Section
from tidegate.lens.highlights.section_record import section_from, to_plain
from tidegate.lens.highlights.text_story import text_highlights
from tidegate.lens.record.held_out import searched_ids
from tidegate.lens.record.kept import key_of, read_kept, refuse_kept, write_kept
from tidegate.lens.session.text_session import TextSession
from tidegate.train import Run

NAME = "highlights.json"
HEAD = {"format": "tidegate highlights", "version": 1}  # raise the version when something else is computed or said


def highlights(session: TextSession) -> Iterator[Section | Doing]:
    """Yield the sections of a run's story: those kept in its folder, or computed one by one and then kept.

    Args:
        session: with the run first.

    Yields:
        Sections, and between them what is being computed.

    Raises:
        ArgumentError: there is no held-out text, or too little.
    """
    run = session.run
    try:
        key = key_of(run, searched_ids(run))
    except TidegateError:  # no held-out text, which the story says: there is little to keep
        yield from text_highlights(session)
        return
    kept = _kept(run, key)
    if kept is not None:
        yield from kept
        return
    made: list[Section] = []
    for it in text_highlights(session):
        if isinstance(it, Section):
            made.append(it)
        yield it
    write_kept(run, NAME, HEAD | key | {"sections": [to_plain(it) for it in in_order(made)]})


def kept_highlights(run: Run) -> list[Section] | None:
    """Return the sections that are kept in a run folder; None if there are none for this model and held-out text.

    Raises:
        ArgumentError: there is no held-out text.
    """
    return _kept(run, key_of(run, searched_ids(run)))


def in_order(sections: Iterable[Section]) -> list[Section]:
    """Return sections in the order in which they are shown."""
    return sorted(sections, key=lambda it: ORDER.index(it.name))


def _kept(run: Run, key: dict[str, str]) -> list[Section] | None:
    record = read_kept(run, NAME, HEAD, key)
    if record is None:
        return None
    where = str(run.folder / NAME)
    try:
        sections = record.get("sections")
        if not isinstance(sections, list):
            raise RunFolderError(f"{where} should hold a list of sections: the file was altered.")
        return [section_from(it, where) for it in sections]
    except RunFolderError as error:
        refuse_kept(error)
        return None
