"""Tagging schemes of spans: IOB1, BIO (also called IOB2) and BIOES (IOBES).

A tag is O, outside of all spans, or a letter, a dash and a type:

* BIO: B begins a span, I continues it;
* IOB1: I is inside a span; B begins one only where it follows another of the same type without a gap;
* BIOES: B begins a span, I continues it, E ends it, and S is a span of one step.

Tags without such letters are plain labels, as parts of speech are.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from tidegate.errors import DataError
from tidegate.io.optional import importing
from tidegate.io.wording import quoted

PLAIN = "plain"
LETTERS = {"BIO": "BI", "IOB1": "BI", "BIOES": "BIES"}
TAG = re.compile(r"([BIES])-(.+)", re.DOTALL)
LIKE_SPANS = re.compile(r"[BIESLUM](?:[-_:/.|].*)?|.+[-_:/.|][BIESLUM]", re.IGNORECASE | re.DOTALL)

Span = tuple[str, int, int]
"""Type, first step, and the step after the last."""


def spans(tags: Sequence[str], scheme: str) -> list[Span]:
    """Return the spans that tags mark, according to seqeval: BIO and IOB1 as in CoNLL, BIOES strictly.

    Raises:
        MissingDependencyError: seqeval is not installed.
    """
    with importing("seqeval", "Spans need"):
        from seqeval.metrics.sequence_labeling import get_entities
        from seqeval.scheme import IOBES, Entities

    if scheme == "BIOES":
        return [(it.tag, it.start, it.end) for it in Entities([list(tags)], IOBES).entities[0]]
    return [(kind, start, end + 1) for kind, start, end in get_entities(list(tags))]


def fault(tags: Sequence[str], scheme: str) -> tuple[int, str] | None:
    """Find the first step whose tag is not allowed there, and why; None if there is none."""
    for n, (before, tag) in enumerate(pairwise(["O", *tags])):
        why = foreign(tag, scheme) or why_not_after(before, tag, scheme)
        if why is None and n == len(tags) - 1:
            why = why_not_last(tag, scheme)
        if why is not None:
            return n, why
    return None


def why_not_after(before: str, tag: str, scheme: str) -> str | None:
    """Explain why a tag may not follow another; None if it may. A sequence begins as after O."""
    if scheme == PLAIN:
        return f"{quoted(tag, 40)} looks like a span's" if TAG.fullmatch(tag) else None
    (before_letter, before_kind), (letter, kind) = _parts(before), _parts(tag)
    goes_on = before_letter in "BI" and before_kind == kind
    if letter == "B" and scheme == "IOB1" and not goes_on:
        return f"{quoted(tag, 40)} follows no span of its type"
    if letter in "IE" and scheme != "IOB1" and not goes_on:
        return f"{quoted(tag, 40)} follows no 'B-{kind:.36}' or 'I-{kind:.36}'"
    if scheme == "BIOES" and before_letter in "BI" and letter not in "IE":
        return f"{quoted(tag, 40)} follows a span that has not ended with an E"
    return None


def why_not_last(tag: str, scheme: str) -> str | None:
    """Explain why a tag may not end a sequence; None if it may."""
    if scheme == "BIOES" and _parts(tag)[0] in "BI":
        return f"{quoted(tag, 40)} ends the sequence, but an E should"
    return None


def _parts(tag: str) -> tuple[str, str]:
    found = TAG.fullmatch(tag)
    return (found[1], found[2]) if found else ("O", "")


def foreign(tag: str, scheme: str) -> str | None:
    """Explain why a tag is not of the scheme at all; None if it is."""
    found = TAG.fullmatch(tag)
    if scheme == PLAIN or tag == "O" or (found and found[1] in LETTERS[scheme]):
        return None
    letters = ", ".join(LETTERS[scheme][:-1]) + " or " + LETTERS[scheme][-1]
    return f"{quoted(tag, 40)} is neither O nor {letters} with a dash and a type"


class SchemeFinder:
    """Detect the scheme of sequences of tags.

    Args:
        given: name of a scheme, or "auto". A given scheme is checked for single tags, but not for their order.
    """

    def __init__(self, given: str = "auto") -> None:
        self.given = given
        self._faults: dict[str, str] = {}
        self._odd: tuple[str, str] | None = None  # the first tag but O, and its place
        self._like_spans, self._outside = True, False

    def add(self, tags: Sequence[str], place: Callable[[int], str]) -> None:
        """Add a sequence; ``place`` returns file and line of a step.

        Raises:
            DataError: a tag is not of the given scheme.
        """
        if self.given != "auto":
            for n, tag in enumerate(tags):
                if (why := foreign(tag, self.given)) is not None:
                    raise DataError(f"{place(n)}: {why}, as {self.given} has it.")
            return
        for scheme in (PLAIN, *LETTERS):
            if scheme not in self._faults and (found := fault(tags, scheme)) is not None:
                self._faults[scheme] = f"{place(found[0])}: {found[1]}"
        for n, tag in enumerate(tags if self._like_spans else ()):
            if tag == "O":
                self._outside = True
            else:
                self._odd = self._odd or (tag, place(n))
                self._like_spans &= LIKE_SPANS.fullmatch(tag) is not None

    def possible(self) -> list[str]:
        """Return the schemes of spans that are still possible."""
        if self.given != "auto":
            return [it for it in LETTERS if it == self.given]
        return [it for it in LETTERS if it not in self._faults]

    def found(self) -> str:
        """Return the scheme of all sequences that were added.

        Raises:
            DataError: no scheme fits all of them, or tags look like those of spans but mark none.
        """
        if self.given != "auto":
            return self.given
        left = [scheme for scheme in (PLAIN, *LETTERS) if scheme not in self._faults]
        if not left:
            reasons = "; ".join(f"not {scheme}: {self._faults[scheme]}" for scheme in (*LETTERS, PLAIN))
            raise DataError(
                f"The tags fit no scheme ({reasons}). Correct them, or choose a scheme (--scheme BIO) to "
                "count spans by its rules, or --scheme plain for no spans."
            )
        if left[0] == PLAIN and self._odd and self._like_spans and self._outside:
            tag, where = self._odd
            raise DataError(
                f"{where}: {quoted(tag, 40)} looks like the tag of a span, but tags of spans are written B-TYPE and "
                "I-TYPE, so there is no span. Write them so, or use --scheme plain if they are labels."
            )
        return left[0]
