"""A peer in a process of its own: its threads may spin after a call, which would take time from whoever is next."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path

from tidegate.errors import BenchmarkError


class Worker:
    """A process that answers each line with a number; it ends when nothing refers to it any more.

    Args:
        program: the file that Python runs, with the path of a folder of its own and the arguments.
        files: what is in the folder.
        arguments: further arguments.

    Attributes:
        folder: the folder.
    """

    def __init__(self, program: Path, files: Mapping[str, bytes], *arguments: str):
        self.folder = Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        # -P: the program's folder is not searched for modules.
        self._command = [sys.executable, "-P", str(program), str(self.folder), *arguments]
        with (self.folder / "errors").open("w") as errors:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        weakref.finalize(self, _end, self._process, self.folder)

    def ask(self, line: str) -> float:
        """Send a line and return the answer.

        Raises:
            BenchmarkError: the process ended; what it wrote is in the message.
        """
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        try:
            print(line, file=to, flush=True)
            answer = back.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            written = (self.folder / "errors").read_text().strip()
            raise BenchmarkError(f"A process of the benchmark ended: {' '.join(self._command)}\n{written}")
        return float(answer)


def _end(process: subprocess.Popen[str], folder: Path) -> None:
    process.kill()
    process.communicate()
    shutil.rmtree(folder)
