"""``tidegate look --compare``: runs are compared only where they read the same characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.errors import ArgumentError, UnknownTokenError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.train import Run

ADVICE = (
    "Give a text that all of them know (TEXT or --file), or compare runs that were trained on the same kind of text."
)


def check_comparable(runs: Sequence[Run], text: str) -> None:
    """Check that language models read a text as the same characters.

    Raises:
        ArgumentError: the vocabulary of another run than the first refuses, replaces or drops some of them.
    """
    from tidegate.lens.predictions.compare import same_text
    from tidegate.lens.record.reading import pieces_of

    first, *others = runs
    if not others:
        return
    read = "".join(pieces_of(first.tokenizer, first.tokenizer.encode(text)))
    for run in others:
        try:
            other = "".join(pieces_of(run.tokenizer, run.tokenizer.encode(text)))
        except UnknownTokenError as error:
            found = str(error).partition(". ")[0]
            raise ArgumentError(f"{run.place} cannot be compared with {first.place}: {found}. {ADVICE}") from error
        try:
            same_text(first.place, read, run.place, other)
        except ArgumentError as error:
            raise ArgumentError(f"{error} {ADVICE}") from error
