"""Several models read the same text: where one of them knew what another did not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import line_chart_svg, table_html
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import Table, table_text, tinted_text, together
from tidegate.lens.record.reading import Reading

MOST = 4  # readings that a person can tell apart side by side
WORD = r"\w+"


class Span(NamedTuple):
    """A stretch of text that two models did not find equally likely.

    Attributes:
        name: whose reading is compared with the first.
        start: its first character.
        stop: the character after its last.
        text: what stands there.
        difference: nats by which this reading's log p of the stretch is above the first's.
    """

    name: str
    start: int
    stop: int
    text: str
    difference: float


@dataclass(frozen=True)
class Comparison:
    """R readings of one text of C characters.

    Attributes:
        text: the text.
        names: the R readings' names; the first is what the others are compared with.
        log_p: (R, C) float64, each character's log p, in nats; a row's sum is the log p of the whole text.
        spans: where they differ most, the largest difference first.
    """

    text: str
    names: tuple[str, ...]
    log_p: NDArray[np.float64]
    spans: tuple[Span, ...]

    @property
    def difference(self) -> NDArray[np.float64]:
        """(R, C): each reading's log p less the first's; the first row is zero."""
        return self.log_p - self.log_p[0]

    @property
    def nats(self) -> dict[str, float]:
        """Nats per character of each, which makes models of characters, bytes and tokens comparable."""
        return dict(zip(self.names, (-self.log_p.mean(1)).tolist(), strict=True))

    def __str__(self) -> str:
        return "\n\n".join(table_text(*it) for it in (self._means(), self._differences()))

    def _repr_html_(self) -> str:
        """A notebook's view: means, the stretches that differ most, and the text tinted by each difference."""
        texts = [
            tinted_text(self.text, row, f"{name} knew better than {self.names[0]} above 0", "nats")
            for name, row in zip(self.names[1:], self.difference[1:], strict=True)
        ]
        return together(table_html(*self._means()), table_html(*self._differences()), *texts)

    def _means(self) -> Table:
        return [[name, nats] for name, nats in self.nats.items()], ("reading", "nats per character")

    def _differences(self) -> Table:
        rows = [[it.name, it.start, it.text, it.difference] for it in self.spans]
        return rows, ("reading", "at", "text", f"nats above {self.names[0]}")


def compare(readings: Mapping[str, Reading], *, spans: int = 10, width: int = 20) -> Comparison:
    """Lay readings of the same text side by side, character by character.

    A model of longer units says nothing of the characters in a unit but their probability together, so a unit's log p
    is spread evenly over its characters: no letter of a token looks better known than another, and the sum over the
    text stays that of the units. Tokenizer that are less than a character (bytes) are added up at their character: by
    the chain rule that is its log p.

    Args:
        readings: two to four, by name. All must have read the same text.
        spans: how many stretches to look for.
        width: how many characters a stretch has. They are chosen one after the other, by the size of the difference
            to the first reading, so that no two of the same reading overlap.

    Raises:
        ArgumentError: there are too few or too many readings, or their texts differ; the message says where.
    """
    names = tuple(readings)
    if not 2 <= len(names) <= MOST:
        raise ArgumentError(f"{len(names)} readings are given: compare 2 to {MOST}")
    if spans < 0 or width < 1:
        raise ArgumentError(f"spans={spans}, width={width}: give 0 or more spans of at least 1 character")
    first, *others = (reading.text for reading in readings.values())
    for name, text in zip(names[1:], others, strict=True):
        if text != first:
            raise ArgumentError(_where(names[0], first, name, text))
    log_p = np.stack([characters(reading) for reading in readings.values()])
    return Comparison(first, names, log_p, _spans(first, names, log_p, spans, width))


def characters(reading: Reading) -> NDArray[np.float64]:
    """The log p of each character (C,) of a reading, whatever its units; the sum is the units'.

    Raises:
        ArgumentError: it has no character: only a part of one was read.
    """
    lengths = _lengths(reading)
    # Each character's unit is the one that completes it, and the units before that which complete none are part of
    # it; what is left incomplete at the end belongs to the last.
    full = np.flatnonzero(lengths)
    owner = np.minimum(np.searchsorted(full, np.arange(len(lengths))), len(full) - 1)
    summed = np.bincount(owner, reading.log_p.astype(np.float64))
    return np.repeat(summed / lengths[full], lengths[full])


def character_of(reading: Reading) -> NDArray[np.int64]:
    """For each unit (N,), the character that it is or begins with, or of which it is a part.

    Raises:
        ArgumentError: there is no character: only a part of one was read.
    """
    lengths = _lengths(reading)
    return np.minimum(np.cumsum(lengths) - lengths, lengths.sum() - 1)


def words_of(text: str, pattern: str) -> Iterator[tuple[int, int, str]]:
    """A text's words, each with where it begins and ends.

    Raises:
        ArgumentError: the pattern is no regular expression.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ArgumentError(f"a word cannot be {pattern!r}: {error}") from error
    return ((*it.span(), it[0]) for it in compiled.finditer(text) if it[0])


def _lengths(reading: Reading) -> NDArray[np.int64]:
    lengths = np.array([len(piece) for piece in reading.pieces])
    if not lengths.any():
        raise ArgumentError("there is no whole character in what was read")
    return lengths


@dataclass(frozen=True)
class KnownLetters:
    """How well a word's next letter is foreseen by how many of its letters were read.

    Attributes:
        known: (K,) letters read: 0, 1, 2, ...; the last stands for that many or more.
        letters: (K,) how many letters of the text there were to foresee.
        right: (K,) the share of them that were the likeliest guess; nan where there were none.
        nats: (K,) their mean surprise.
    """

    known: NDArray[np.int64]
    letters: NDArray[np.int64]
    right: NDArray[np.float64]
    nats: NDArray[np.float64]

    def __str__(self) -> str:
        columns = (self.known, self.letters, self.right, self.nats)
        rows = list(zip(*(it.tolist() for it in columns), strict=True))
        return table_text(rows, ("letters read", "to foresee", "right", "nats"))

    def _repr_html_(self) -> str:
        """A notebook's view: both curves."""
        known = "letters of the word that were read"
        return together(
            line_chart_svg({"": (self.known, self.right)}, x_label=known, y_label="share guessed right"),
            line_chart_svg({"": (self.known, self.nats)}, x_label=known, y_label="nats"),
        )


def known_letters(reading: Reading, *, most: int = 8, pattern: str = WORD) -> KnownLetters:
    """Accuracy against the number of letters of the word that are known.

    A character of several bytes is right if each of them was, given those before it.

    Args:
        reading: by a model whose units are no longer than a character.
        most: words' letters from this one on are taken together.
        pattern: what a word is, a regular expression; letters, digits and underscores if not given.

    Raises:
        ArgumentError: a unit is longer than a character: what was guessed in the midst of it is not known; or the
            pattern is no regular expression.
    """
    if most < 0:
        raise ArgumentError(f"most={most}: give 0 or more letters")
    longer = next((piece for piece in reading.pieces if len(piece) > 1), None)
    if longer is not None:
        raise ArgumentError(
            f"the unit {longer!r} is longer than a character: what was guessed in the midst of it is not known; "
            "use a model of characters or bytes"
        )
    log_p = characters(reading)
    wrong = np.bincount(character_of(reading), reading.guesses[:, 0] != reading.ids, len(log_p)) > 0
    known = np.full(len(log_p), -1)
    for start, stop, _ in words_of(reading.text, pattern):
        known[start:stop] = np.minimum(np.arange(stop - start), most)
    inside = known >= 0
    letters = np.bincount(known[inside], minlength=most + 1)
    with np.errstate(invalid="ignore"):  # 0 / 0: no such letter
        right = np.bincount(known[inside], ~wrong[inside], most + 1) / letters
        nats = np.bincount(known[inside], -log_p[inside], most + 1) / letters
    return KnownLetters(np.arange(most + 1), letters, right, nats)


def _spans(text: str, names: Sequence[str], log_p: NDArray[np.float64], count: int, width: int) -> tuple[Span, ...]:
    width = min(width, len(text))
    sums = np.cumsum(np.pad(log_p[1:] - log_p[0], ((0, 0), (1, 0))), 1)
    moving = sums[:, width:] - sums[:, :-width]
    sizes, found = np.abs(moving), []
    while len(found) < count and (sizes > 0).any():
        row, start = (int(it) for it in np.unravel_index(int(sizes.argmax()), sizes.shape))
        stop = start + width
        found.append(Span(names[row + 1], start, stop, text[start:stop], float(moving[row, start])))
        sizes[row, max(0, start - width + 1) : stop] = 0
    return tuple(found)


def _where(a: str, first: str, b: str, second: str) -> str:
    at = next((k for k, (x, y) in enumerate(zip(first, second, strict=False)) if x != y), min(len(first), len(second)))
    return (
        f"{a} and {b} did not read the same text: at character {at}, {first[at : at + 20]!r} and "
        f"{second[at : at + 20]!r}; a vocabulary may have replaced or dropped what it does not know (see `unknown`)"
    )
