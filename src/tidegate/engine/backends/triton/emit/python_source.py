"""Lines of a kernel's source, and the names in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


class Source:
    """Lines of Python, indented."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 0

    def __call__(self, line: str, comment: str = "") -> None:
        """Add a line; a comment is reduced to plain characters."""
        text = f"  # {_plain(comment)}" if comment else ""
        self._lines.append("    " * self._depth + line + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Indent what is added inside under a line such as ``for t in ...:``."""
        self(head)
        with self.indented():
            yield

    @contextmanager
    def indented(self) -> Iterator[None]:
        """Indent what is added inside."""
        self._depth += 1
        yield
        self._depth -= 1

    def __str__(self) -> str:
        """The text."""
        return "\n".join(self._lines) + "\n"


class Names:
    """Identifiers for arguments, in the order in which they are first asked for."""

    def __init__(self, known: Mapping[str, str]) -> None:
        """Begin with the identifiers of some arguments."""
        self.by_argument = dict(known)

    def __getitem__(self, argument: str) -> str:
        """Return the identifier of an argument by its name in `tidegate.engine.kernels.arguments`."""
        if argument not in self.by_argument:
            name = re.sub(r"[^A-Za-z0-9]+", "_", argument).strip("_") + "_"
            taken = self.by_argument.values()
            self.by_argument[argument] = name if name not in taken else f"{name}{len(self.by_argument)}_"
        return self.by_argument[argument]


def choice(index: str, numbers: Sequence[int]) -> str:
    """Return an expression for ``numbers[index]``; there are no arrays of constants in a kernel."""
    first, step = numbers[0], numbers[1] - numbers[0] if len(numbers) > 1 else 0
    if all(number == first + k * step for k, number in enumerate(numbers)):
        return f"{first} + {step} * {index}" if step else f"{first} + 0 * {index}"
    made = str(numbers[-1])
    for k, number in reversed(list(enumerate(numbers[:-1]))):
        made = f"tl.where({index} == {k}, {number}, {made})"
    return made


def _plain(comment: str) -> str:
    return comment.encode("ascii", "replace").decode().replace("\n", " ")
