"""One writer to a folder: threads, processes, killed processes, file systems without locks on folders."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tidegate.errors import RunFolderError
from tidegate.io import folder_lock
from tidegate.io.folder_lock import writing

HOLD = """
import sys, time
from pathlib import Path
from tidegate.io.folder_lock import writing
with writing(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def refused(folder: Path) -> bool:
    try:
        with writing(folder):
            return False
    except RunFolderError as error:
        return str(folder) in str(error)


def test_a_second_thread_is_refused_and_the_same_one_may_enter_again(tmp_path: Path):
    folder = tmp_path / "run"
    seen: list[bool] = []
    with writing(folder):
        with writing(folder):
            pass
        other = threading.Thread(target=lambda: seen.append(refused(folder)))
        other.start()
        other.join()
        assert not refused(tmp_path / "other")
        (folder / "kept").touch()
    assert seen == [True]
    assert not refused(folder)
    assert [it.name for it in folder.iterdir()] == ["kept"]


def test_a_folder_that_stays_empty_is_removed_if_it_was_made(tmp_path: Path):
    with writing(tmp_path / "a" / "run"):
        pass
    assert not (tmp_path / "a" / "run").exists()
    (tmp_path / "old").mkdir()
    with writing(tmp_path / "old"):
        pass
    assert (tmp_path / "old").is_dir()


def test_a_killed_process_leaves_no_lock(tmp_path: Path):
    folder = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert refused(folder)
        link = tmp_path / "link"
        link.symlink_to(folder)
        assert refused(link)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert not refused(folder)


def test_where_a_folder_cannot_be_locked_a_file_in_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    flock = fcntl.flock

    def of_files_only(handle: int, kind: int) -> None:
        if not os.get_inheritable(handle) and os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(handle, kind)

    monkeypatch.setattr(fcntl, "flock", of_files_only)
    folder = tmp_path / "run"
    with writing(folder):
        assert (folder / folder_lock.FILE).is_file()
        with (folder / folder_lock.FILE).open() as file, pytest.raises(BlockingIOError):
            flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert not folder.exists()


def test_where_there_are_no_locks_a_warning_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def none(handle: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.warns(RuntimeWarning, match=r"run cannot be locked \(No locks available\)"), writing(tmp_path / "run"):
        pass
