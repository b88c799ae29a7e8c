"""What can be known before torch is loaded, which takes seconds: whether a run and files are there."""

import sys
from collections.abc import Iterable
from pathlib import Path

from tidegate.cli.standard_streams import note
from tidegate.errors import DataError, RunFolderError
from tidegate.hub.hub_reference import hub_reference

__all__ = ["check_paths", "waiting"]


def check_paths(run: Path, files: Iterable[Path] | None = None) -> None:
    """Check that a run's folder and files are there, and say what is waited for.

    Raises:
        RunFolderError: the folder does not exist, or is a file. A repository of the hub is not asked for yet.
        ArgumentError: it begins as a repository of the hub, but is none.
        DataError: a file does not exist.
    """
    if hub_reference(run) is None and not run.is_dir():
        what = "is a file" if run.exists() else "does not exist"
        raise RunFolderError(f"{run} {what}: give the folder of a run; tidegate runs lists them.")
    for path in files or ():
        if not path.exists():
            raise DataError(f"{path} does not exist.")
    waiting(f"Reading {run} ...")


def waiting(message: str) -> None:
    """Say what is waited for, if somebody looks on: on standard error, and only on a terminal."""
    if sys.stderr.isatty():
        note(message)
