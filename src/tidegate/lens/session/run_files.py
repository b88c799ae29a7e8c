"""Whether the files of a run are still those that it was loaded with."""

from collections.abc import Iterable
from pathlib import Path

from tidegate.errors import RunFolderError
from tidegate.train import Run
from tidegate.train.run_folder import MODEL

Versions = dict[Path, tuple[int, int, int]]


class RunFiles:
    """The files of a run as they are now, to be compared with what they become.

    Args:
        run: the run, just loaded.
    """

    def __init__(self, run: Run) -> None:
        self._folder = run.folder
        self._data = _versions(path for name in run.task.files for path in run.folder.glob(name))
        self._model = _versions([run.folder / MODEL])

    def check_data(self) -> None:
        """Check that the data were not replaced: numbers of the loaded model on other data would mean nothing.

        Raises:
            RunFolderError: another run was trained in the folder.
        """
        now = _versions(self._data)
        if any(now[path] != self._data[path] for path in now):
            raise RunFolderError(
                f"Another run was trained in {self._folder} since this one was opened: end tidegate look with Ctrl-C "
                "and start it again."
            )

    def has_newer_model(self) -> bool:
        """Return whether the folder has another checkpoint by now."""
        return _versions(self._model) not in ({}, self._model)


def _versions(paths: Iterable[Path]) -> Versions:
    """Return what changes when a file is replaced, of the files that exist; those that read the others say so."""
    found: Versions = {}
    for path in paths:
        try:
            now = path.stat()
        except FileNotFoundError:
            continue
        found[path] = (now.st_ino, now.st_size, now.st_mtime_ns)
    return found
