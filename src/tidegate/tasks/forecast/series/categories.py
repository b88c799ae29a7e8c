"""Categories as inputs: those of whole series (static), and those of covariates that change from step to step."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Preprocessing
from tidegate.data.rows import Row, read_table
from tidegate.data.tables.cell_values import described, is_missing, named, text_of
from tidegate.data.tables.decimals import OTHER, parse_number
from tidegate.data.vocabulary import UNKNOWN
from tidegate.errors import ArgumentError, DataError
from tidegate.io.wording import quoted
from tidegate.tasks.forecast.series.series_options import SeriesOptions

MOST = 5  # unknown categories that are named
FEW = 10  # categories that a column may have in any number of rows


def changing_columns(path: Path, options: SeriesOptions) -> list[str]:
    """Return the covariates of a table that are categories, those known in advance first.

    They are those that the options name, or by default those whose first cell with a value is text.

    Raises:
        ArgumentError: the options name a column that is no covariate.
    """
    covariates = [*options.known, *options.past]
    if options.categorical is not None:
        if wrong := [name for name in options.categorical_names if name not in covariates]:
            raise ArgumentError(
                f"categorical has {quoted(wrong[0])}, which is neither in covariates ({named(options.known)}) nor in "
                f"past_covariates ({named(options.past)}): name it there too; categories of whole series are in static."
            )
        return [name for name in covariates if name in options.categorical_names]
    left, found = set(covariates), set[str]()
    for row in read_table(path, covariates, empty=covariates, delimiter=options.delimiter) if left else ():
        seen = {name for name in left if not is_missing(row.values[name])}
        found |= {name for name in seen if not _is_number(row.values[name]) and text_of(row.values[name]) is not None}
        left -= seen
        if not left:
            break
    return [name for name in covariates if name in found]


def read_category(row: Row, column: str, options: SeriesOptions) -> str:
    """Return the category in a cell; "" if it is missing, where it may be.

    Raises:
        DataError: it is missing, neither text nor number, or a number in a column that begins with text.
    """
    value = row.values[column]
    text = text_of(value)
    where = f"{row.where}: column {quoted(column)}"
    if is_missing(value) and not (text or "").strip():  # "none" is a category
        if options.missing == "refuse" and column not in options.past:
            raise DataError(f"{where} is empty: give a category, or say --missing mask or --missing interpolate.")
        return ""
    if text is None:
        raise DataError(f"{where} holds {described(value)}, which is no category: give a text or a number.")
    if options.categorical is None and _is_number(value):
        raise DataError(
            f"{where} holds {described(value)}, a number, but text in rows before: say --categorical {column} if they "
            "are categories, or mend those rows."
        )
    return text


def missing_categories(
    labels: NDArray[Any], columns: Sequence[str], series: str, rows: NDArray[Any], path: Path, options: SeriesOptions
) -> list[str]:
    """Say which categories (T, M) of a series' steps are missing.

    Raises:
        DataError: there are some, and missing values are refused.
    """
    notes = []
    for name, own in zip(columns, labels.T, strict=True):
        if not len(empty := np.flatnonzero(own == "")):
            continue
        place = f"{path}, row {rows[empty[0]]}"
        if options.missing == "refuse":
            raise DataError(
                f"{place}: column {quoted(name)} is empty: give a category, or say --missing mask or --missing "
                "interpolate."
            )
        count = "1 row" if len(empty) == 1 else f"{len(empty):,} rows"
        notes.append(f"{place}: in {series} {quoted(name)} is missing in {count}, the first here: taken as unknown")
    return notes


def _is_number(value: Any) -> bool:
    return any(parse_number(value, mark) is not None for mark in OTHER)


def category_names(categories: Sequence[str]) -> list[str]:
    """Return the names of categories in the vocabulary, which is one for all columns."""
    return [f"{column}:{category}" for column, category in enumerate(categories)]


def static_ids(row: Row, options: SeriesOptions, preprocessing: Preprocessing) -> dict[str, NDArray[np.int64]]:
    """Return the column of the ids of a series' categories, if there are any; 0 is an unknown one.

    Raises:
        DataError: the series has none, but those of training had.
    """
    if not options.categories:
        return {}
    own = row.values["static"]
    if len(own) != len(options.categories):
        raise DataError(
            f"{row.where}: the series has no {' and '.join(options.categories):.80}: give a table with them."
        )
    return {"static": preprocessing.vocabulary("static").encode(category_names(own))}


def label_columns(preprocessing: Preprocessing) -> list[str]:
    """Return the covariates that are categories, those known in advance first."""
    found = preprocessing.values.get("label_columns")
    return [] if found is None else preprocessing.vocabulary("label_columns").entries


def label_ids(row: Row, preprocessing: Preprocessing) -> NDArray[np.int64]:
    """Return the ids of the categories at each step, (T, M); 0 is an unknown or a missing one."""
    labels = row.values["labels"]
    if not labels.shape[1]:
        return np.zeros(labels.shape, np.int64)
    vocabulary = preprocessing.vocabulary("labels")
    ids = [vocabulary.encode(f"{column}:{label}" for label in its) for column, its in enumerate(labels.T)]
    return np.stack(ids, 1)


def check_label_columns(row: Row, expected: Sequence[str]) -> None:
    """Check that a series has the expected columns of categories.

    Raises:
        DataError: it has not.
    """
    own = row.values["label_columns"]
    for name in dict.fromkeys([*own, *expected]):
        if (name in own) != (name in expected):
            here, there = ("categories", "numbers") if name in own else ("numbers, or nothing", "categories")
            raise DataError(
                f"{row.where}: the covariate {quoted(name)} holds {here}, but in the training part {there}: give the "
                "same columns, and say --categorical in training if numbers are categories."
            )


def fit_labels(rows: Sequence[Row], options: SeriesOptions) -> tuple[dict[str, list[str]], list[str]]:
    """Return the vocabulary of the categories that change, and notes for the user; nothing if there are none.

    Raises:
        DataError: the series have different columns of categories, or most rows have a category of their own.
    """
    columns = rows[0].values["label_columns"]
    for row in rows:
        check_label_columns(row, columns)
    if not columns:
        return {}, []
    counts = [set().union(*(row.values["labels"][:, k] for row in rows)) - {""} for k in range(len(columns))]
    steps = sum(len(row.values["labels"]) for row in rows)
    for name, own in zip(columns, counts, strict=True):
        if options.categorical is None and len(own) > max(FEW, steps / 2):
            raise DataError(
                f"{rows[0].where}: the covariate {quoted(name)} has {len(own):,} different texts in {steps:,} rows, "
                f"which are hardly categories: leave it out, or say --categorical {name}."
            )
    names = sorted(f"{k}:{label}" for k, own in enumerate(counts) for label in own)
    listed = ", ".join(f"{quoted(name, 40)} {len(own):,}" for name, own in zip(columns, counts, strict=True))
    notes = [f"categories in the training part: {listed}"]
    return {"label_columns": list(columns), "labels": [UNKNOWN, *names]}, notes


def unknown_categories(rows: Iterable[Row], options: SeriesOptions, preprocessing: Preprocessing) -> list[str]:
    """Name the categories that the training part does not have, with their counts, in lines for the user."""
    columns, found, first = label_columns(preprocessing), Counter[str](), dict[str, str]()
    static = preprocessing.vocabulary("static") if options.categories else ()
    labels = preprocessing.vocabulary("labels") if columns else ()
    for row in rows:
        own = row.values["static"]
        new = Counter(
            f"{column} {quoted(category, 40)}"
            for column, category, entry in zip(options.categories, own, category_names(own), strict=False)
            if entry not in static
        )
        together = np.concatenate([row.values["labels"], row.values["future_labels"]])
        for k, column in enumerate(columns[: together.shape[1]]):
            counts = Counter(together[:, k].tolist())
            its = {label: n for label, n in counts.items() if label and f"{k}:{label}" not in labels}
            new.update({f"{column} {quoted(label, 40)}": n for label, n in its.items()})
        found.update(new)
        first |= {it: row.where for it in new if it not in first}
    said = [f"{first[it]}: {it} is no category of the training part{_times(count)}" for it, count in found.items()]
    more = [f"{len(said) - MOST:,} more categories are not in the training part"] if len(said) > MOST else []
    return said[:MOST] + more


def _times(count: int) -> str:
    return f" ({count:,} times)" if count > 1 else ""
