"""Predictions of tags as JSON values and as a line of text."""

from typing import Any

from tidegate.data.rows import Row
from tidegate.data.words.cutting import Cutting, Word
from tidegate.tasks.tag.reader import tokens_of
from tidegate.tasks.tag.spans import PLAIN, spans


def answer_for(row: Row, prediction: dict[str, Any], level: str, scheme: str, cutting: Cutting) -> dict[str, Any]:
    """Complete a prediction with the steps, and what their tags mark.

    * ``tokens`` (words or characters; none of frames) beside ``tags`` and their ``probabilities``;
    * ``spans``, if tags mark spans: type, first step, step after the last, text;
    * of a text, ``words`` (unless the steps are its characters) and, if tags mark spans, ``entities``, by position:
      each is ``text[start:end]``, in code points. The probability of an entity is that of its least certain tag.

    Args:
        row: what was tagged.
        prediction: its "tags" and their "probabilities".
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
            said = zip(found, prediction["tags"], prediction["probabilities"], strict=True)
            answer["words"] = [it._asdict() | {"tag": tag, "probability": share} for it, tag, share in said]
        if scheme != PLAIN:
            answer["entities"] = [
                {
                    "start": (begin := found[start].start),
                    "end": (stop := found[end - 1].end),
                    "label": kind,
                    "text": text[begin:stop],
                    "probability": min(prediction["probabilities"][start:end]),
                }
                for kind, start, end in marked
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
