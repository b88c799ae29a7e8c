"""Where a series begins and ends, and which of its values are missing between."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.missing_values import carried_forward, interpolated
from tidegate.errors import DataError
from tidegate.io.wording import quoted
from tidegate.tasks.forecast.series.series_options import Missing

NAMES = "series"
DONE = {"mask": "masked", "interpolate": "interpolated"}
Values = NDArray[np.float64]


def series_values(
    name: str,
    values: NDArray[Any],
    covariates: NDArray[Any] | None = None,
    future: NDArray[Any] | None = None,
    past: NDArray[Any] | None = None,
) -> dict[str, Any]:
    """Return what a row of a series holds, by default without covariates.

    Args:
        name: of the series.
        values: (T,), of K targets (T, K).
        covariates: (T, C), known in advance.
        future: (M, C), those of the steps after the last value.
        past: (T, P), covariates that are known only up to the present.
    """
    values = np.asarray(values, np.float64)
    covariates = np.zeros((len(values), 0)) if covariates is None else covariates
    future = np.zeros((0, covariates.shape[1])) if future is None else future
    past = np.zeros((len(values), 0)) if past is None else past
    none = np.zeros((len(values), 0), object)
    labels = {"labels": none, "future_labels": none[:0], "label_columns": ()}
    found = {NAMES: name, "values": values, "covariates": covariates, "future": future, "past": past, "static": ()}
    return found | labels


def without_ends(
    name: str,
    values: Values,
    covariates: Values,
    past: Values,
    place: Callable[[int], str],
    missing: Missing,
    targets: Sequence[str] = (),
) -> tuple[dict[str, Any], slice]:
    """Return the steps from the first to the last value; those after it are the future, whose covariates are known.

    Args:
        name: of the series.
        values: (T, K), nan where there is none.
        covariates: (T, C), known in advance; nan where there is none.
        past: (T, P), known only up to the present; nan where there is none.
        place: the place of a step in its file, for messages.
        missing: "refuse" missing values between others, or leave them nan; those of covariates are then interpolated,
            and those of past covariates carried forward.
        targets: names of the K targets, if there are several.

    Returns:
        What a row of the series holds, with "notes"; and which steps have values.

    Raises:
        DataError: there is a missing value and they are refused, or there is no value.
    """
    seen = np.flatnonzero(~np.isnan(values).all(1))
    first, end = (int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, 0)
    gaps = np.isnan(values[:end])
    series = [
        f"the series {quoted(name)}{f', target {quoted(it)},' if len(targets) > 1 else ''}" for it in targets or [""]
    ]
    notes: list[str] = []
    if missing == "refuse":
        if gaps.any():
            n, k = np.argwhere(gaps)[0].tolist()
            raise DataError(
                f"{place(n)}: {series[k]} has no value here but {'another target has, or ' * (len(targets) > 1)}has "
                "some later: give a value, or say --missing mask or --missing interpolate."
            )
        if len(empty := np.argwhere(np.isnan(past[:end]))):
            raise DataError(
                f"{place(int(empty[0, 0]))}: a past covariate has no value here, but the series {quoted(name)} has: "
                "give one, or say --missing mask or --missing interpolate."
            )
    else:
        for own, column in zip(series, values.T, strict=True):
            if np.isnan(column).all():
                raise DataError(f"{place(0)}: {own} has no value at all: leave it out.")
        after = 0 if covariates.shape[1] else len(values) - end
        for own, column in zip(series, gaps.T, strict=True):
            notes += _notes_of_gaps(own, np.flatnonzero(column[first:]) + first, place, missing)
        notes += _notes_of_ends(f"the series {quoted(name)}", first, end, after, place)
        for column in covariates.T:
            column[:] = interpolated(column)
        for column in past[:end].T:
            column[:] = carried_forward(column)
        if np.isnan(covariates).any() or np.isnan(past[:end]).any():
            raise DataError(f"{place(0)}: a covariate of the series {quoted(name)} has no value at all: leave it out.")
    kept = slice(first, end)
    own = values[kept] if len(targets) > 1 else values[kept, 0]
    found = series_values(name, own, covariates[kept], covariates[end:], past[kept]) | {"notes": notes}
    return found | ({"targets": tuple(targets)} if len(targets) > 1 else {}), kept


def _notes_of_gaps(series: str, gaps: NDArray[np.int64], place: Callable[[int], str], missing: Missing) -> list[str]:
    if not len(gaps):
        return []
    values = "1 value is missing" if len(gaps) == 1 else f"{len(gaps):,} values are missing"
    return [f"{place(int(gaps[0]))}: in {series} {values}, the first here: {DONE[missing]}"]


def _notes_of_ends(series: str, before: int, end: int, after: int, place: Callable[[int], str]) -> list[str]:
    found = []
    if before:
        found.append(f"{place(before)}: here {series} begins, after {_rows(before)} without a value")
    if after:
        found.append(
            f"{place(end - 1)}: here {series} ends, before {_rows(after)} without a value, and its forecast begins"
        )
    return found


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
