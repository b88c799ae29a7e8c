"""Tables of classification scores, by scikit-learn."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDEST = 80  # columns of a confusion matrix


def class_table(truth: NDArray[Any], guess: NDArray[Any], names: list[str]) -> str:
    """Format precision, recall, F1 and count of each class."""
    from sklearn.metrics import precision_recall_fscore_support

    scores = precision_recall_fscore_support(truth, guess, labels=list(range(len(names))), zero_division=0)  # type: ignore[arg-type]
    width = min(24, max(map(len, names)))
    lines = [f"{'':{width}}  precision  recall      F1   count"]
    for name, precision, recall, f1, count in zip(names, *map(np.asarray, scores), strict=True):
        lines.append(f"{name[:width]:{width}}  {precision:9.3f}  {recall:6.3f}  {f1:6.3f}  {count:6,}")
    return "\n".join(lines)


def confusion(truth: NDArray[Any], guess: NDArray[Any], names: list[str]) -> str:
    """Format the confusion matrix (rows: true classes); of many classes, the most frequent confusions."""
    from sklearn.metrics import confusion_matrix

    if not np.isin(truth, np.arange(len(names))).any():
        return "The training part has none of the true labels."

    matrix = confusion_matrix(truth, guess, labels=list(range(len(names))))
    counts = [[f"{n:,}" if n else "·" for n in row] for row in matrix.tolist()]
    widths = [max(map(len, column)) + 2 for column in zip(names, *counts, strict=True)]
    first = max(map(len, names))
    if first + sum(widths) > WIDEST:
        wrong = [(int(matrix[i, j]), names[i], names[j]) for i, j in zip(*np.nonzero(matrix), strict=True) if i != j]
        top = sorted(wrong, reverse=True)[:15]
        return "\n".join(f"{count:6,}  {true} taken for {predicted}" for count, true, predicted in top)
    rows = zip(["", *names], [names, *counts], strict=True)
    return "\n".join(
        f"{name:>{first}}" + "".join(f"{it:>{width}}" for it, width in zip(row, widths, strict=True))
        for name, row in rows
    )
