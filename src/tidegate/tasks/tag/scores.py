"""Metrics of tags: of single steps, and of the spans that they mark."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.vocabulary import Vocabulary
from tidegate.tasks.classification_scores import class_table, confusion
from tidegate.tasks.metrics_report import Metric, Report
from tidegate.tasks.tag.spans import PLAIN, spans

Tags = Sequence[list[str]]
Numbers = Sequence[NDArray[np.int64]]
UNSEEN = -1  # a label that the training part lacks, so no model can predict it


def tag_report(
    loss: float,
    true: Numbers,
    predicted: Numbers,
    rivals: Mapping[str, Numbers],
    labels: Vocabulary,
    scheme: str,
    *,
    tables: bool,
) -> Report:
    """Compute accuracy and, if tags mark spans, precision, recall and F1 of spans, F1 first.

    Args:
        loss: the summed loss; `UNSEEN` labels have none.
        true: the labels of each sequence (L,).
        predicted: the predictions of the model.
        rivals: the predictions of baselines by name; the last is the one to beat.
        labels: the vocabulary of labels.
        scheme: the tagging scheme.
        tables: whether to make tables.
    """
    from sklearn.metrics import accuracy_score

    truth, guess = np.concatenate(true), np.concatenate(predicted)
    best = list(rivals)[-1]
    right = {name: float(accuracy_score(truth, np.concatenate(rows))) for name, rows in rivals.items()}
    metrics = [Metric("accuracy", float(accuracy_score(truth, guess)), best, right[best])]
    lines = {name: f"accuracy {share:.4f}" for name, share in right.items()}
    blocks = {}
    if scheme == PLAIN:
        if tables:
            blocks["labels"] = class_table(truth, guess, labels.entries)
            blocks["confusion (rows: the true label)"] = confusion(truth, guess, labels.entries)
    else:
        decoded = [labels.decode(row) for row in true]
        scores = span_scores(decoded, [labels.decode(row) for row in predicted], scheme)
        of = {
            name: span_scores(decoded, [labels.decode(row) for row in rows], scheme)["all"]
            for name, rows in rivals.items()
        }
        names = enumerate(("span precision", "span recall", "span F1"))
        precision, recall, f1 = (Metric(name, scores["all"][n], best, of[best][n]) for n, name in names)
        metrics = [f1, precision, recall, *metrics]
        lines = {name: f"span F1 {of[name][2]:.4f}, {line}" for name, line in lines.items()}
        if tables:
            blocks["spans"] = span_table(scores)
    if tables:
        blocks["baselines"] = "\n".join(f"{name}: {line}" for name, line in lines.items())
    return Report(loss / max(1, int((truth != UNSEEN).sum())), len(truth), metrics, blocks)


def span_scores(true: Tags, predicted: Tags, scheme: str) -> dict[str, tuple[float, float, float, int]]:
    """Compute precision, recall, F1 and count of each type of span, and of all as "all" (micro average), by seqeval.

    A span is right if its type, begin and end are. BIO and IOB1 are read as CoNLL's scorer reads them, where a wrong I
    begins a span; in BIOES only well-formed spans count.
    """
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support as conll
    from seqeval.metrics.v1 import precision_recall_fscore_support as strict
    from seqeval.scheme import IOBES

    def score(average: str | None) -> list[Any]:
        if scheme == "BIOES":
            found = strict(list(true), list(predicted), average=average, scheme=IOBES, zero_division=0)  # pyright: ignore[reportArgumentType]
        else:
            found = conll(list(true), list(predicted), average=average, zero_division=0)  # pyright: ignore[reportArgumentType]
        return [np.atleast_1d(it).tolist() for it in found]

    kinds = sorted({kind for tags in (*true, *predicted) for kind, _, _ in spans(tags, scheme)})
    table = dict(zip(kinds, zip(*score(None), strict=True), strict=True)) if kinds else {}
    precision, recall, f1, _ = (it[0] for it in score("micro"))
    count = sum(number for *_, number in table.values())
    return table | {"all": (precision, recall, f1, count)}


def span_table(scores: dict[str, tuple[float, float, float, int]]) -> str:
    """Format `span_scores` as a table."""
    width = min(24, max(map(len, scores)))
    lines = [f"{'':{width}}  precision  recall      F1   count"]
    for kind, (precision, recall, f1, count) in scores.items():
        lines.append(f"{kind[:width]:{width}}  {precision:9.3f}  {recall:6.3f}  {f1:6.3f}  {count:6,}")
    return "\n".join(lines)


class TagCounts:
    """Counts of tags, for two baselines: the most frequent tag, and the most frequent tag of each word.

    Ties are broken alphabetically.
    """

    def __init__(self) -> None:
        self.tags: Counter[str] = Counter()
        self._words: dict[str, Counter[str]] = {}

    def add(self, tokens: Sequence[str], tags: Sequence[str]) -> None:
        """Add a sequence; without tokens (frames) only tags are counted."""
        self.tags.update(tags)
        for token, tag in zip(tokens, tags, strict=False):
            self._words.setdefault(token, Counter())[tag] += 1

    def seen(self) -> dict[str, int]:
        """Return the count of each word."""
        return {word: counts.total() for word, counts in self._words.items()}

    def common(self) -> str:
        """Return the most frequent tag."""
        return _most(self.tags)

    def words(self) -> dict[str, str]:
        """Return the words whose most frequent tag is another one, with that tag."""
        common = self.common()
        most = ((word, _most(counts)) for word, counts in self._words.items())
        return {word: tag for word, tag in most if tag != common}


def _most(counts: Counter[str]) -> str:
    return min(counts, key=lambda tag: (-counts[tag], tag))
