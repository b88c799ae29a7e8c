"""Quotes, brackets, comments and lines of any text, program or prose."""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LINE = r"""
      " (?: \\(?:\r\n|.) | [^"\\\r\n] )* (?: (?P<end2>") | (?=[\r\n]) | \\?\Z)
    | (?: (?<![^\W_]) | (?<=\b[rRbBuUfF]) | (?<=\b[rRbBfF]{2}) )  # no apostrophe; but b'...'
      ' (?: \\(?:\r\n|.) | (?<=[^\W\d_])'(?=[^\W\d_]) | [^'\\\r\n] )* (?: (?P<end1>') | (?=[\r\n]) | \\?\Z)
"""
THREE = re.compile(r"'{3}|\"{3}")
LINE_QUOTE = re.compile(LINE, re.VERBOSE | re.DOTALL)
COMMENT_OR_QUOTE = re.compile(
    r"(?P<comment>\#[^\r\n]*)"
    r"| (?P<three>\'{3}|\"{3}) (?: \\. | (?!(?P=three)). )* (?: (?P<end3>(?P=three)) | \Z)"
    f"| {LINE}",
    re.VERBOSE | re.DOTALL,
)
BRACKET_OR_EMPTY_LINE = re.compile(r"[()\[\]{}]|(?:\r\n|\r(?!\n)|\n)[ \t]*(?=[\r\n])")
CLOSES = {")": "(", "]": "[", "}": "{"}
LINE_END = re.compile(r"\r\n|\r|\n")


class Quote(NamedTuple):
    """A stretch ``text[start:end]`` in quotes, including the quotes, of which there are ``marks`` at each end."""

    start: int
    end: int
    closed: bool
    marks: int


def quotes_and_comments(text: str) -> tuple[list[Quote], list[tuple[int, int]]]:
    """Return all stretches in quotes, '...' or "...", or three of either, and all comments, each in order.

    An apostrophe between two letters is not a quote, nor is one after a letter at the end of a word (but b'...' is one:
    prefixes of strings in programs are known). A backslash escapes the next character. A quote that is not closed ends
    at the newline, or at the end of the text if it has three marks. A comment goes from a # outside quotes to the
    newline; it can contain quotes, but not three marks that go past its end. A text cut out of another may begin inside
    three quotes: the first three that can only open (before a letter) or only close (after a sentence) show it.
    """
    begin = _begun_before(text)
    quotes = [Quote(0, begin, True, 3)] if begin else []
    comments: list[tuple[int, int]] = []
    for match in COMMENT_OR_QUOTE.finditer(text, begin):
        if match["comment"]:
            comments.append(match.span())
            quotes += [_quote(inner) for inner in LINE_QUOTE.finditer(text, *match.span())]
        else:
            quotes.append(_quote(match))
    return quotes, comments


def _quote(match: re.Match[str]) -> Quote:
    groups = match.groupdict()
    closed = any(groups.get(end) for end in ("end1", "end2", "end3"))
    return Quote(*match.span(), closed, 3 if groups.get("three") else 1)


def _begun_before(text: str) -> int:
    """Return where three quotes that were opened before the text end; 0 if there are none."""
    first = THREE.search(text)
    for k, match in enumerate(re.finditer(first[0], text) if first else ()):
        opens = text[match.end() : match.end() + 1].isalnum()
        closes = match.start() > 0 and text[match.start() - 1] in ".!?;>"
        if first and opens != closes:
            return first.end() if opens == (k % 2 == 1) else 0
    return 0


def in_quotes(text: str, marks: tuple[int, ...] = (1, 3)) -> NDArray[np.bool_]:
    """Return whether it is inside quotes after each character: from the first mark to before the last one.

    Args:
        text: any text.
        marks: the numbers of marks at each end that count.
    """
    inside = np.zeros(len(text), bool)
    for quote in quotes_and_comments(text)[0]:
        inside[quote.start : quote.end - quote.closed] |= quote.marks in marks
    return inside


def in_comment(text: str) -> NDArray[np.bool_]:
    """Return whether it is inside a comment: from a # outside quotes to before the newline."""
    inside = np.zeros(len(text), bool)
    for start, end in quotes_and_comments(text)[1]:
        inside[start:end] = True
    return inside


def bracket_depth(text: str) -> NDArray[np.int64]:
    """Return the number of open brackets ( [ { after each character.

    A closing bracket closes the last one of its kind and all that are open inside it; one that closes nothing is
    ignored. Brackets opened inside quotes end with them, and at an empty line all end: a stray bracket must not count
    for ever.
    """
    depth = np.zeros(len(text), np.int64)
    stack: list[str] = []
    at = 0
    for quote in [*quotes_and_comments(text)[0], Quote(len(text), len(text), False, 1)]:
        _scan_brackets(text, at, quote.start, stack, depth)
        inside: list[str] = []
        _scan_brackets(text, quote.start, quote.end, inside, depth)
        depth[quote.start : quote.end - quote.closed] += len(stack)
        depth[quote.end - quote.closed : quote.end] = len(stack)
        at = quote.end
    return depth


def _scan_brackets(text: str, start: int, end: int, stack: list[str], depth: NDArray[np.int64]) -> None:
    """Write the depth of ``text[start:end]``; ``stack`` has the brackets that are open, before and afterwards."""
    for match in BRACKET_OR_EMPTY_LINE.finditer(text, start, end):
        depth[start : match.start()] = len(stack)
        start, mark = match.start(), match[0]
        if mark in CLOSES:
            while CLOSES[mark] in stack and stack.pop() != CLOSES[mark]:
                pass
        elif mark in "([{":
            stack.append(mark)
        else:
            stack.clear()
    depth[start:end] = len(stack)


def line_positions(text: str) -> NDArray[np.int64]:
    """Return characters since the newline, 0 after it; \\r\\n is one newline, and the text begins a line."""
    fresh = np.zeros(len(text), bool)
    for match in LINE_END.finditer(text):
        fresh[match.start() : match.end()] = True
    return since(fresh)


def since(fresh: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the number of steps since ``fresh`` was true, 0 where it is; it counts as true before the start."""
    steps = np.arange(1, len(fresh) + 1)
    return steps - np.maximum.accumulate(np.where(fresh, steps, 0))


def matches(regex: re.Pattern[str], text: str) -> NDArray[np.bool_]:
    """Return whether each character belongs to a match."""
    inside = np.zeros(len(text), bool)
    for match in regex.finditer(text):
        inside[match.start() : match.end()] = True
    return inside
