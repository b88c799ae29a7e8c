"""``metrics.jsonl``: one JSON object a line, cut back to the checkpoint's length when a run goes on."""

import json
import os
from pathlib import Path
from typing import Any

from tidegate.errors import RunFolderError
from tidegate.io.files import named_errors

NAME = "metrics.jsonl"


class Metrics:
    """The open file.

    Wall-clock values are under the key "clock"; everything else in a resumed run equals the uninterrupted one.

    Args:
        folder: the run folder.
        size: length of the file at the checkpoint, in bytes; the rest is cut off.

    Raises:
        RunFolderError: the file is shorter than that, or does not end with a line there.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._path = path = folder / NAME
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._file.seek(max(0, size - 1))
        if size and self._file.read(1) != b"\n":
            self._file.close()
            raise RunFolderError(
                f"{path} should have at least {size} bytes ending with a line, as the checkpoint says: it was "
                "truncated or altered."
            )
        self._file.truncate(size)
        self._file.seek(size)

    def add(self, event: str, step: int, clock: dict[str, float], **values: Any) -> None:
        """Write one line; it can be read at once, and is on the disk after `commit`."""
        record = {"event": event, "step": step, **values, "clock": clock}
        with named_errors(self._path):
            self._file.write(json.dumps(record).encode("ascii") + b"\n")
            self._file.flush()

    def commit(self) -> int:
        """Flush all lines to the disk and return the file's length."""
        with named_errors(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        with named_errors(self._path):
            self._file.close()
