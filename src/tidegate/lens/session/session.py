"""A session: runs that are looked at, and a cache of what was computed from them."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from types import TracebackType
from typing import Self, TypeVar, cast

from tidegate.errors import ArgumentError
from tidegate.lens.session.computations import Computations
from tidegate.lens.session.lru_cache import LRUCache
from tidegate.lens.session.run_files import RunFiles
from tidegate.train import Run

T = TypeVar("T")
ENDING = 0.5  # seconds that a session waits when it is closed for what is computed to stop
CACHED = 64  # results: the largest, of an intervention on 20,000 tokens, takes about a megabyte


class Session:
    """Runs that are looked at; close it when done, or use it as a context manager.

    Results are cached, and computed one at a time, so that two threads neither compute the same nor fill the memory
    (`Computations`). Models are only read: several threads may do that at once, to write one text while another is
    read.

    Args:
        runs: the first is looked at; others are compared with it.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)
        self.computations = Computations()
        self._files = [RunFiles(it) for it in self.runs]
        self._lock = Lock()
        self._results: LRUCache[object] = LRUCache(CACHED, self.computations)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.runs))})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop what is computed, and clear the caches."""
        self.computations.stop(ENDING)
        self._results.clear()

    @property
    def run(self) -> Run:
        """The first run."""
        return self.runs[0]

    @property
    def names(self) -> list[str]:
        """The names of the runs' folders; those with the same name are numbered."""
        names = [run.label for run in self.runs]
        several = Counter(names)
        return [f"{name} ({n})" if several[name] > 1 else name for n, name in enumerate(names, 1)]

    @property
    def reads_text(self) -> bool:
        """Whether a text can be added."""
        return False

    def add(self, text: str) -> int:
        """Add a text to those that can be looked at and return its number.

        Raises:
            TidegateError: the run cannot read it.
        """
        raise ArgumentError(f"A run of {self.run.config.task} reads no text.")

    def check_data(self) -> None:
        """Check that the runs' data are those with which the session was opened.

        Raises:
            RunFolderError: another run was trained in a folder since then.
        """
        for files in self._files:
            files.check_data()

    def has_newer_model(self) -> bool:
        """Return whether a run was trained further since the session was opened."""
        return any(it.has_newer_model() for it in self._files)

    def run_number(self, number: int) -> Run:
        """Return a run by its number.

        Raises:
            ArgumentError: there is no such run.
        """
        if not 0 <= number < len(self.runs):
            raise ArgumentError(f"There is no run {number}: there are {len(self.runs)}.")
        return self.runs[number]

    def cached(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the result of ``compute()`` from the cache, computed if the key is not there."""
        return cast(T, self._results.get(key, compute))
