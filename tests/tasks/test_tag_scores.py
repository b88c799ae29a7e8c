"""Scores of spans against a transcription of CoNLL's scorer, and of BIOES to the letter, on traps and at random."""

import random

import numpy as np
import pytest

from tidegate.data.vocabulary import Vocabulary
from tidegate.tasks.tag.scores import UNSEEN, TagCounts, span_scores, tag_report

Chunk = tuple[int, int, int, str]
Scores = dict[str, tuple[float, float, float, int]]


def conlleval(tags: list[str], sentence: int) -> set[Chunk]:
    """The chunks that conlleval.pl (Tjong Kim Sang 2004) counts, its conditions transcribed."""
    found, begin = set(), 0
    last, last_type = "O", ""
    for n, whole in enumerate([*tags, "O"]):
        tag, _, kind = whole.partition("-")
        ends = (
            (last == "B" and tag in "BO")
            or (last == "I" and tag in "BO")
            or (last == "E" and tag in "EIO")
            or (last != "O" and last_type != kind)
        )
        starts = (
            (last == "B" and tag == "B")
            or (last == "I" and tag == "B")
            or (last == "O" and tag in "BI")
            or (last == "E" and tag in "EI")
            or (last == "O" and tag == "E")
            or (tag != "O" and last_type != kind)
        )
        if ends:
            found.add((sentence, begin, n, last_type))
        if starts:
            begin = n
        last, last_type = tag, kind
    return found


def letter_by_letter(tags: list[str], sentence: int) -> set[Chunk]:
    """The chunks of BIOES that are well formed: S-x, or B-x, any number of I-x, E-x."""
    found = set()
    for begin, whole in enumerate(tags):
        tag, _, kind = whole.partition("-")
        if tag == "S":
            found.add((sentence, begin, begin + 1, kind))
        end = begin + 1
        while tag == "B" and end < len(tags) and tags[end] == f"I-{kind}":
            end += 1
        if tag == "B" and end < len(tags) and tags[end] == f"E-{kind}":
            found.add((sentence, begin, end + 1, kind))
    return found


def reference(true: list[list[str]], said: list[list[str]], scheme: str) -> Scores:
    read = letter_by_letter if scheme == "BIOES" else conlleval
    gold = {chunk for n, tags in enumerate(true) for chunk in read(tags, n)}
    guessed = {chunk for n, tags in enumerate(said) for chunk in read(tags, n)}
    scores = {}
    for kind in [*sorted({it[3] for it in gold | guessed}), "all"]:
        own, theirs = ({it for it in chunks if kind in (it[3], "all")} for chunks in (gold, guessed))
        precision = len(own & theirs) / len(theirs) if theirs else 0.0
        recall = len(own & theirs) / len(own) if own else 0.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        scores[kind] = (precision, recall, f1, len(own))
    return scores


def assert_same(scores: Scores, expected: Scores) -> None:
    assert list(scores) == list(expected)
    for kind, values in expected.items():
        assert scores[kind] == pytest.approx(values, abs=1e-15)


TRAPS = [  # scheme, true, said, right, guessed, true count
    ("BIO", "B-PER I-LOC O", "B-PER I-LOC O", 2, 2, 2),  # the type changes inside a run
    ("BIO", "B-PER I-PER O", "B-PER I-LOC O", 0, 2, 1),
    ("BIO", "B-PER I-PER", "I-PER I-PER", 1, 1, 1),  # an I begins a sentence
    ("BIO", "O B-PER", "O I-PER", 1, 1, 1),
    ("BIO", "B-PER B-PER", "B-PER I-PER", 0, 1, 2),  # adjacent, not joined
    ("BIO", "B-PER B-PER", "B-PER B-PER", 2, 2, 2),
    ("BIO", "B-PER O I-PER", "B-PER O B-PER", 2, 2, 2),  # O between
    ("BIO", "B-PER I-PER I-PER", "B-PER O I-PER", 0, 2, 1),
    ("BIO", "O O", "O O", 0, 0, 0),
    ("IOB1", "I-PER B-PER", "I-PER I-PER", 0, 1, 2),  # B divides neighbours of a type
    ("IOB1", "I-PER B-PER I-PER", "I-PER B-PER I-PER", 2, 2, 2),
    ("IOB1", "I-PER I-LOC", "I-PER B-LOC", 2, 2, 2),
    ("BIOES", "S-PER O", "S-PER O", 1, 1, 1),
    ("BIOES", "S-PER S-PER", "B-PER E-PER", 0, 1, 2),
    ("BIOES", "S-PER", "B-PER", 0, 0, 1),  # not well formed, so no span: CoNLL would count it
    ("BIOES", "B-PER I-PER E-PER", "B-PER I-PER I-PER", 0, 0, 1),
    ("BIOES", "B-PER E-PER", "B-PER E-LOC", 0, 0, 1),
    ("BIOES", "B-PER E-PER O", "I-PER E-PER S-LOC", 0, 1, 1),
]


@pytest.mark.parametrize(("scheme", "true", "said", "right", "guessed", "count"), TRAPS)
def test_traps(scheme: str, true: str, said: str, right: int, guessed: int, count: int) -> None:
    truth, guess = [true.split()], [said.split()]
    scores = span_scores(truth, guess, scheme)
    assert scores["all"][0] == (right / guessed if guessed else 0)
    assert scores["all"][1] == (right / count if count else 0)
    assert scores["all"][3] == count
    assert_same(scores, reference(truth, guess, scheme))


@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "BIOES"])
def test_the_reference_scorer_says_the_same_of_any_tags(scheme: str) -> None:
    draw = random.Random(0)
    tags = ["O", "O", *(f"{letter}-{kind}" for letter in ("BIES" if scheme == "BIOES" else "BI") for kind in "xyz")]
    for _ in range(30):
        lengths = [draw.randrange(1, 9) for _ in range(draw.randrange(1, 12))]
        truth, guess = ([draw.choices(tags, k=length) for length in lengths] for _ in range(2))
        guess = [
            [draw.choice((t, t, g)) for t, g in zip(*rows, strict=True)] for rows in zip(truth, guess, strict=True)
        ]
        assert_same(span_scores(truth, guess, scheme), reference(truth, guess, scheme))


def test_the_usual_tags() -> None:
    usual = TagCounts()
    usual.add(["a", "b", "a", "c"], ["X", "O", "X", "O"])
    usual.add(["a", "b", "d", "e"], ["O", "Y", "Z", "O"])
    assert usual.common() == "O"
    assert usual.words() == {"a": "X", "d": "Z"}  # b is O as often as Y; others are O


def test_the_report_of_spans() -> None:
    labels = Vocabulary(["B-x", "I-x", "O"])
    true, said, rival = ([np.array(row)] for row in ([0, 1, 2, 0], [0, 1, 2, 2], [0, 2, 2, 2]))
    report = tag_report(8.0, true, said, {"always": [np.full(4, 2)], "usual": rival}, labels, "BIO", tables=True)
    assert [(m.name, m.value, m.of_baseline) for m in report.metrics] == [
        ("span F1", pytest.approx(2 / 3), 0.0),
        ("span precision", 1.0, 0.0),
        ("span recall", 0.5, 0.0),
        ("accuracy", 0.75, 0.5),
    ]
    assert (report.loss, report.predictions, report.metrics[0].baseline) == (2.0, 4, "usual")
    assert report.evaluation().selection_loss == -report.metrics[0].value
    assert "x        1.000   0.500   0.667       2" in report.tables["spans"].replace("  x  ", "x")
    assert report.tables["baselines"].splitlines()[0] == "always: span F1 0.0000, accuracy 0.2500"


def test_labels_that_training_lacks_are_wrong_and_have_no_loss() -> None:
    labels = Vocabulary(["N", "V"])
    true, said = [np.array([0, UNSEEN, 1])], [np.array([0, 1, 1])]
    report = tag_report(3.0, true, said, {"always": [np.zeros(3, int)]}, labels, "plain", tables=True)
    assert report.metrics[0].value == pytest.approx(2 / 3)
    assert (report.loss, report.predictions) == (1.5, 3)
