"""The story of a run, computed once and kept in its folder."""

from collections.abc import Iterable, Iterator

from tidegate.errors import ArgumentError, RunFolderError, TidegateError
from tidegate.lens.highlights.example_story import example_story
from tidegate.lens.highlights.section import ORDER, Section
from tidegate.lens.highlights.section_record import section_from, to_plain
from tidegate.lens.highlights.text_story import text_story
from tidegate.lens.progress import partial_as, report_progress
from tidegate.lens.record.held_out import searched_ids
from tidegate.lens.record.kept import key_of, read_kept, refuse_kept, write_kept
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.session.session import Session
from tidegate.lens.session.text_session import TextSession
from tidegate.train import Run

NAME = "highlights.json"
USUAL = 12  # sections
HEAD = {"format": "tidegate highlights", "version": 6}  # raise the version when something else is computed or said


def highlights(session: Session) -> list[Section]:
    """Return the sections of a run's story: those kept in its folder, or computed and then kept.

    Those that are there so far are reported as progress.

    Args:
        session: with the run first.

    Raises:
        ArgumentError: there is no story of runs of this task.
    """
    key = _key(session.run)
    kept = None if key is None else _kept(session.run, key)
    if kept is not None:
        return kept
    made: list[Section] = []
    story = _story(session)
    while True:
        with partial_as(lambda parts: None):  # the partial results of what a section is made of
            section = next(story, None)
        if section is None:
            break
        made.append(section)
        report_progress("Looking for highlights", min(len(made) / USUAL, 0.95), in_order(made))
    if key is not None:  # without held-out data, which the story says, there is little to keep
        write_kept(session.run, NAME, HEAD | key | {"sections": [to_plain(it) for it in in_order(made)]})
    return in_order(made)


def kept_highlights(run: Run) -> list[Section] | None:
    """Return the sections that are kept in a run folder; None if there are none for this model and its data."""
    key = _key(run)
    return None if key is None else _kept(run, key)


def in_order(sections: Iterable[Section]) -> list[Section]:
    """Return sections in the order in which they are shown."""
    return sorted(sections, key=lambda it: ORDER.index(it.name))


def _story(session: Session) -> Iterator[Section]:
    if isinstance(session, TextSession):
        return text_story(session)
    if isinstance(session, ExampleSession):
        return example_story(session)
    raise ArgumentError(f"There are no highlights of runs of the task {session.run.config.task}.")


def _key(run: Run) -> dict[str, str] | None:
    """Return what a run's story depends on; None if the run has no held-out data."""
    try:
        if run.config.task == "lm":
            return key_of(run, searched_ids(run))
        return key_of(run, run.open_data().digest)
    except TidegateError:
        return None


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
