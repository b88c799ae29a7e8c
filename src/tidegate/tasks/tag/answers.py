"""Predictions of tags as JSON values and as a line of text."""

from typing import Any

from tidegate.data.rows import Row
from tidegate.data.words.cutting import Cutting, Word
from tidegate.tasks.tag.reader import tokens_of
from tidegate.tasks.tag.spans import PLAIN, spans


def answer_for(row: Row, prediction: dict[str, Any], level: str, scheme: str, cutting: Cutting) -> dict[str, Any]:
    """Complete a prediction with the steps, and what their tags mark.

    * ``tokens`` (words or characters) beside ``tags``; of frames only the tags;
    * ``spans``, if tags mark spans: type, first step, step after the last, text;
    * of a text, ``words`` (unless the steps are its characters) and, if tags mark spans, ``entities``, by position:
      each is ``text[start:end]``, in code points.

    Args:
        row: what was tagged.
        prediction: its "tags".
        level: words, characters or frames.
        scheme: the tagging scheme.
        cutting: how a text was cut into words.
    """
    tokens = [] if level == "frames" else tokens_of(row, level, cutting)
    answer = prediction if level == "frames" else {"tokens": tokens, **prediction}
    marked = spans(prediction["tags"], scheme) if scheme != PLAIN else []
    if scheme != PLAIN:
        glue = "" if level == "characters" else " "
        answer["spans"] = [
            {"type": kind, "start": start, "end": end, "text": glue.join(tokens[start:end])}
            for kind, start, end in marked
        ]
    if "text" in row.values and level != "frames":
        text = row.values["text"]
        found = [Word(it, n, n + 1) for n, it in enumerate(text)]
        if level == "words":
            found = cutting.words(text)
            answer["words"] = [it._asdict() | {"tag": tag} for it, tag in zip(found, prediction["tags"], strict=True)]
        if scheme != PLAIN:
            bounds = ((found[start].start, found[end - 1].end, kind) for kind, start, end in marked)
            answer["entities"] = [
                {"start": start, "end": end, "label": kind, "text": text[start:end]} for start, end, kind in bounds
            ]
    return answer


def as_line(answer: dict[str, Any], level: str) -> str:
    """Format words as ``word/TAG``; characters with the same tag are joined; of frames only the tags."""
    tags = answer["tags"]
    if level == "frames":
        return " ".join(tags)
    tokens = answer["tokens"]
    if level == "characters":
        starts = [n for n, tag in enumerate(tags) if not n or tags[n - 1] != tag]
        runs = zip(starts, [*starts[1:], len(tags)], strict=True)
        pieces = [("".join(tokens[start:end]), tags[start]) for start, end in runs]
        tokens, tags = zip(*pieces, strict=True) if pieces else ((), ())
    line = " ".join(f"{token}/{tag}" for token, tag in zip(tokens, tags, strict=True))
    return line.replace("\n", "\\n").replace("\r", "\\r")
