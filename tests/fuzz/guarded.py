"""Call a reader on files that may be hostile, in a process of its own with limits of memory and time.

Run as ``python -m tests.fuzz.guarded MODULE:FUNCTION BYTES`` this is that process: it reads a path a line, calls the
function with it and answers each with a line of JSON.
"""

import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import traceback
import warnings
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
MEMORY = 1 << 30  # bytes beyond what the process has mapped after its first file
START = 120  # seconds until the modules are imported and the first file is read


class Outcome(NamedTuple):
    """What became of a file.

    Attributes:
        kind: "read"; "refused" (a `TidegateError`); or a fault: "raised" (another exception), "died", "hung".
        detail: message, traceback or exit status.
    """

    kind: str
    detail: str

    @property
    def allowed(self) -> bool:
        """Whether this may happen."""
        return self.kind in ("read", "refused")


class Guarded:
    """A function called in another process, which is started again if it dies or hangs. To be used in ``with``.

    Args:
        function: "module:function"; it takes a path.
        whole: a valid file, which the function is called with first: what is imported and cached then is not counted.
        memory: bytes that a call may map.
        seconds: time that a call may take.
    """

    def __init__(self, function: str, whole: Path, *, memory: int = MEMORY, seconds: float = 20) -> None:
        self.function, self.whole, self.memory, self.seconds = function, whole, memory, seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Guarded":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def outcome(self, path: Path) -> Outcome:
        """Call the function with a path."""
        if self._process is None:
            arguments = [sys.executable, "-m", "tests.fuzz.guarded", self.function, str(self.memory)]
            self._process = subprocess.Popen(
                arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
            )
            first = self._ask(self.whole, START)
            assert first.kind == "read", f"the whole file {self.whole} was not read: {first}"
        return self._ask(path, self.seconds)

    def _ask(self, path: Path, seconds: float) -> Outcome:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(str(path)).encode() + b"\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            self._stop()
            return Outcome("hung", f"no answer after {seconds} s")
        answer = self._process.stdout.readline()
        if not answer:
            status = self._process.wait()
            self._stop()
            what = signal.Signals(-status).name if status < 0 else f"exit code {status}"
            return Outcome("died", what)
        return Outcome(*json.loads(answer))

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _call(function: object, path: Path) -> Outcome:
    from tidegate.errors import TidegateError

    assert callable(function)
    try:
        function(path)
    except TidegateError as error:
        # A message names the file, and is one for a person: no page of data.
        short = len(str(error)) < 2000
        return Outcome("refused" if short else "raised", f"{type(error).__name__}: {str(error)[:2000]}")
    except BaseException:
        return Outcome("raised", traceback.format_exc(limit=-6))
    return Outcome("read", "")


def _mapped() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    warnings.simplefilter("error")
    module, _, name = sys.argv[1].partition(":")
    function = getattr(importlib.import_module(module), name)
    for number, line in enumerate(sys.stdin):
        found = _call(function, Path(json.loads(line)))
        if number == 0:
            bound = _mapped() + int(sys.argv[2])
            resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
        answers.write(json.dumps(found).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
