"""A run that is logged, new or resumed: trackers get its events before the caller does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tidegate.errors import ArgumentError, RunFolderError
from tidegate.io.files import field, read_json, write_json
from tidegate.io.wording import quoted
from tidegate.train import run_config
from tidegate.train.events import Event, Started
from tidegate.train.trackers.tensorboard import TensorBoard
from tidegate.train.trackers.tracker import TRACKER_NAMES, Tracker, values_of
from tidegate.train.trackers.wandb import WandB

TRACKERS: dict[str, Callable[[], Tracker]] = dict(zip(TRACKER_NAMES, (TensorBoard, WandB), strict=True))

NAME, KIND, VERSION = "trackers.json", "tidegate trackers", 1


def make_trackers(names: Sequence[str]) -> dict[str, Tracker]:
    """Make trackers by name; none of them begins yet.

    Raises:
        ArgumentError: no tracker has that name.
        MissingDependencyError: the package that it needs is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise ArgumentError(f"There is no tracker {quoted(name)}: choose from {', '.join(TRACKERS)}.")
    return {name: TRACKERS[name]() for name in dict.fromkeys(names)}


@contextmanager
def tracked(folder: Path, names: Sequence[str], report: Callable[[Event], None]) -> Iterator[Callable[[Event], None]]:
    """Pass on the events of a run to trackers, those that it had before it was interrupted among them.

    Only the main process reports, so only there does a log begin.

    Args:
        folder: the run folder; what its trackers need to go on is kept in ``trackers.json``.
        names: of further trackers.
        report: called with every event, after the trackers.

    Yields:
        What to report events to.

    Raises:
        ArgumentError: no tracker has that name.
        MissingDependencyError: the package that one needs is not installed.
        RunFolderError: ``trackers.json`` was altered.
    """
    known = _read(folder)
    trackers = make_trackers([*known, *names])
    if not trackers:
        yield report
        return
    begun: list[Tracker] = []

    def passed_on(event: Event) -> None:
        if isinstance(event, Started):
            settings = read_json(folder / run_config.NAME)
            notes = []
            for name, tracker in trackers.items():
                notes.append(tracker.begin(folder, event.step, settings, known.setdefault(name, {})))
                begun.append(tracker)
            write_json(folder / NAME, {"format": KIND, "version": VERSION, "trackers": known})
            event = replace(event, notes=[*event.notes, *notes])
        elif values := values_of(event):
            for tracker in begun:
                tracker.log(event.step, values)
        report(event)

    completed = False
    try:
        yield passed_on
        completed = True
    finally:
        for tracker in begun:
            tracker.end(completed=completed)


def _read(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / NAME
    if not path.exists():
        return {}
    record = field(read_json(path, format=KIND, version=VERSION), path, "trackers", dict)
    for name, known in record.items():
        if name not in TRACKERS or not isinstance(known, dict) or not all(isinstance(it, str) for it in known.values()):
            raise RunFolderError(
                f"{path} names a tracker {quoted(name)} that is none, or was altered: remove the file."
            )
    return record
