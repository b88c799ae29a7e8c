"""Comparison of several models on the same text, character by character."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import line_chart_svg, table_html
from tidegate.drawing.charted import Charted
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import Table, table_text, tinted_text, together
from tidegate.lens.record.reading import Reading

MAX_READINGS = 4  # readings side by side
WORD = r"\w+"
AMONG = 3  # guesses, besides the likeliest alone


class Span(NamedTuple):
    """A stretch of text to which two models give different probabilities.

    Attributes:
        name: name of the reading that is compared with the first.
        start: its first character.
        stop: the character after its last.
        text: its text.
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
        names: the R readings' names; the others are compared with the first.
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
    def losses(self) -> dict[str, float]:
        """Mean loss in nats per character of each, comparable between models of characters, bytes and subwords."""
        return dict(zip(self.names, (-self.log_p.mean(1)).tolist(), strict=True))

    def __str__(self) -> str:
        return "\n\n".join(table_text(*it) for it in (self._means(), self._differences()))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: means, the stretches that differ most, and the text tinted by each difference."""
        texts = [
            tinted_text(self.text, row, f"above 0: {name} gives a higher probability than {self.names[0]}", "nats")
            for name, row in zip(self.names[1:], self.difference[1:], strict=True)
        ]
        return together(table_html(*self._means()), table_html(*self._differences()), *texts)

    def _means(self) -> Table:
        return [[name, loss] for name, loss in self.losses.items()], ("reading", "nats per character")

    def _differences(self) -> Table:
        rows = [[it.name, it.start, it.text, it.difference] for it in self.spans]
        return rows, ("reading", "at", "text", f"nats above {self.names[0]}")


def compare(readings: Mapping[str, Reading], *, spans: int = 10, width: int = 20) -> Comparison:
    """Compare readings of the same text, character by character.

    A token of several characters has only one probability for all of them, so its log p is spread evenly over its
    characters; the sum over the text stays the same. The log p of tokens that are parts of a character (bytes) are
    summed at their character, which by the chain rule is its log p.

    Args:
        readings: two to four readings of the same text, by name.
        spans: number of stretches to return.
        width: their length in characters. They are chosen by the size of the difference to the first reading; no two of
            the same reading overlap.

    Raises:
        ArgumentError: there are too few or too many readings, or their texts differ; the message says where.
    """
    names = tuple(readings)
    if not 2 <= len(names) <= MAX_READINGS:
        raise ArgumentError(f"{len(names)} readings are given: compare 2 to {MAX_READINGS}.")
    if spans < 0 or width < 1:
        raise ArgumentError(f"spans={spans}, width={width}: give 0 or more spans of at least 1 character.")
    first, *others = (reading.text for reading in readings.values())
    for name, text in zip(names[1:], others, strict=True):
        same_text(names[0], first, name, text)
    log_p = np.stack([characters(reading) for reading in readings.values()])
    return Comparison(first, names, log_p, _spans(first, names, log_p, spans, width))


def characters(reading: Reading) -> NDArray[np.float64]:
    """Return the log p of each character (C,) of a reading; the sum is that of its tokens.

    Raises:
        ArgumentError: the reading has no whole character.
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
    """Return a text's words as (start, stop, word).

    Raises:
        ArgumentError: the pattern is not a regular expression.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ArgumentError(f"{pattern!r} is not a regular expression: {error}.") from error
    return ((*it.span(), it[0]) for it in compiled.finditer(text) if it[0])


def _lengths(reading: Reading) -> NDArray[np.int64]:
    lengths = np.array([len(piece) for piece in reading.pieces])
    if not lengths.any():
        raise ArgumentError("The reading has no whole character.")
    return lengths


@dataclass(frozen=True)
class KnownLetters(Charted):
    """Accuracy on the next letter of a word by the number of its letters that were read.

    Attributes:
        known: (K,) letters read: 0, 1, 2, ...; the last is that many or more.
        letters: (K,) number of letters predicted.
        right: (K,) the share of them that were the likeliest guess; nan if there were none.
        losses: (K,) their mean loss in nats.
        among_three: (K,) the share of them that were among the three likeliest guesses.
    """

    known: NDArray[np.int64]
    letters: NDArray[np.int64]
    right: NDArray[np.float64]
    losses: NDArray[np.float64]
    among_three: NDArray[np.float64]

    def __str__(self) -> str:
        columns = (self.known, self.letters, self.right, self.among_three, self.losses)
        rows = list(zip(*(it.tolist() for it in columns), strict=True))
        return table_text(rows, ("letters read", "predicted", "right", "among three", "nats"))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: both curves."""
        return together(*self._charts())

    def _charts(self) -> list[str]:
        known = "letters of the word that were read"
        return [
            line_chart_svg(
                {"likeliest": (self.known, self.right), "among three": (self.known, self.among_three)},
                x_label=known,
                y_label="share guessed right",
            ),
            line_chart_svg({"": (self.known, self.losses)}, x_label=known, y_label="nats"),
        ]


def known_letters(reading: Reading, *, most: int = 8, pattern: str = WORD) -> KnownLetters:
    """Return the accuracy on the next letter of a word against the number of its letters that were read.

    Of the likeliest guess, and of the three likeliest, as Madsen (2019, "Visualizing memorization in RNNs") measures
    whole words that are completed. A character of several bytes is right if each of them was, given those before it.

    Args:
        reading: by a model of characters or bytes.
        most: letters of a word from this one on are counted together.
        pattern: a regular expression of words. Default: letters, digits and underscores.

    Raises:
        ArgumentError: a token is longer than a character, so that there is no guess for the characters inside it; or
            the pattern is not a regular expression.
    """
    if most < 0:
        raise ArgumentError(f"most={most}: give 0 or more letters.")
    longer = next((piece for piece in reading.pieces if len(piece) > 1), None)
    if longer is not None:
        raise ArgumentError(
            f"The token {longer!r} is longer than a character, so that there is no guess for the characters inside it: "
            "use a model of characters or bytes."
        )
    log_p = characters(reading)
    owner = character_of(reading)

    def missed(guesses: int) -> NDArray[np.bool_]:
        """Return for each character whether the actual token of any of its parts is not among the likeliest."""
        found = (reading.guesses[:, :guesses] == reading.ids[:, None]).any(1)
        return np.bincount(owner, ~found, len(log_p)) > 0

    known = np.full(len(log_p), -1)
    for start, stop, _ in words_of(reading.text, pattern):
        known[start:stop] = np.minimum(np.arange(stop - start), most)
    inside = known >= 0
    letters = np.bincount(known[inside], minlength=most + 1)
    with np.errstate(invalid="ignore"):  # 0 / 0: no such letter
        right, among = (np.bincount(known[inside], ~missed(it)[inside], most + 1) / letters for it in (1, AMONG))
        losses = np.bincount(known[inside], -log_p[inside], most + 1) / letters
    return KnownLetters(np.arange(most + 1), letters, right, losses, among)


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


def same_text(a: str, first: str, b: str, second: str) -> None:
    """Check that two models, named ``a`` and ``b``, have read the same text.

    Raises:
        ArgumentError: the texts differ; the message says where.
    """
    if first == second:
        return
    at = next((k for k, (x, y) in enumerate(zip(first, second, strict=False)) if x != y), min(len(first), len(second)))
    raise ArgumentError(
        f"{a} and {b} did not read the same text: at character {at:,} one read {first[at : at + 20]!r}, the other "
        f"{second[at : at + 20]!r}. A vocabulary replaces or drops characters that it does not know."
    )
