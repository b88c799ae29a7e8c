"""One process at a time writes to a folder. The system releases the lock of a process that is killed."""

import errno
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tidegate.errors import RunFolderError
from tidegate.io.hub_cache import refuse_hub

FILE = ".lock"  # locked in place of a folder where a folder cannot be: on Windows and on network file systems
HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)

_guard = threading.Lock()
_writers: dict[tuple[int, int], int] = {}  # the thread that writes to a folder, by the folder's device and number


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder while it is written to. A thread that holds it already may enter again.

    Args:
        folder: created if it does not exist, and then removed at the end if it is empty.

    Raises:
        RunFolderError: another process, or another thread of this one, writes to it, or it is a file.
    """
    refuse_file(folder)
    made = not folder.exists()
    with _guard:
        folder.mkdir(parents=True, exist_ok=True)
        key, handle = _number(folder), None
        again = _writers.get(key) == threading.get_ident()
        if not again:
            if key in _writers:
                raise _refusal(folder)
            handle = _locked(folder)
            key = _number(folder)  # of what is locked now
            _writers[key] = threading.get_ident()
    if again:
        yield
        return
    try:
        yield
    finally:
        with _guard:
            del _writers[key]
            if handle is not None:
                _unlock(folder, handle)
        if made:
            with suppress(OSError):  # it holds a run now, as it should
                folder.rmdir()


def refuse_file(folder: Path) -> None:
    """Refuse what no run can be written to: a file, and what belongs to the hub.

    Raises:
        RunFolderError: it is a file, a repository of the hub, or in the hub's cache.
    """
    refuse_hub(folder)
    if folder.exists() and not folder.is_dir():
        raise RunFolderError(f"{folder} is a file: give a folder for the run.")


def _number(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _refusal(folder: Path) -> RunFolderError:
    return RunFolderError(
        f"{folder} is in use: another process is writing a run to it. Wait until that ends, or choose another folder."
    )


def _locked(folder: Path) -> int | None:
    """Return an open file that holds the folder's lock; None where there are no locks."""
    try:
        return _lock(folder)
    except OSError as error:
        if error.errno in HELD:
            raise _refusal(folder) from None
        warnings.warn(
            f"{folder} cannot be locked ({error.strerror}): nothing keeps a second process from writing to it too.",
            RuntimeWarning,
            stacklevel=4,
        )
        return None


if sys.platform == "win32":
    import msvcrt

    def _lock(folder: Path) -> int:
        handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            os.close(handle)
            raise
        return handle

    def _unlock(folder: Path, handle: int) -> None:
        os.close(handle)
        with suppress(OSError):  # another process has opened it meanwhile
            (folder / FILE).unlink()

else:
    import fcntl

    def _lock(folder: Path) -> int:
        try:
            return _flock(folder, "", os.O_RDONLY)
        except OSError as error:
            if error.errno in HELD:
                raise
        # Network file systems lock only what is open for writing, and so no folder.
        return _flock(folder, FILE, os.O_RDWR | os.O_CREAT)

    def _flock(folder: Path, name: str, flags: int) -> int:
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(folder / name, flags, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(handle), (folder / name).stat()):
                    return handle
            except FileNotFoundError:
                pass
            except OSError:
                os.close(handle)
                raise
            os.close(handle)  # it was removed at the moment it was locked: what has its name now is another one

    def _unlock(folder: Path, handle: int) -> None:
        with suppress(FileNotFoundError):  # only network file systems need it
            (folder / FILE).unlink()
        os.close(handle)
