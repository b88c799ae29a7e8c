"""What is fitted on the training part of series: scales, naive forecasts, the distribution of changes."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Preprocessing
from tidegate.data.missing_values import interpolated, observed
from tidegate.data.naive import DRIFT, LAST, MEAN, backtest, naive_error, season_name, season_of
from tidegate.data.rows import Row
from tidegate.data.season import find_seasons
from tidegate.data.vocabulary import UNKNOWN
from tidegate.errors import DataError
from tidegate.io.wording import amount, quoted
from tidegate.tasks.forecast.baseline_loss import fit_student_t
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.distributions import Quantiles
from tidegate.tasks.forecast.series.categories import category_names, fit_labels
from tidegate.tasks.forecast.series.gaps import NAMES
from tidegate.tasks.forecast.windows import center_and_size, counted, mean_deviation

REACH = 2.0  # limit of a path's distance from the last value, in ranges of the training part


def fit_series(rows: Iterable[Row], config: ForecastConfig) -> tuple[Preprocessing, list[str]]:
    """Fit mean, deviation and naive error of each series, the covariates' statistics, season and changes.

    Args:
        rows: the training part of each series.
        config: the model config.

    Returns:
        What is needed to encode series, and notes for the user.

    Raises:
        DataError: there is no series, two have the same name, or no value can be learned from.
    """
    found: dict[str, NDArray[np.float64]] = {}
    targets: tuple[str, ...] = ("",)
    known: list[NDArray[np.float64]] = []
    static: set[str] = set()
    past: list[NDArray[np.float64]] = []
    every: list[Row] = []
    predictions = 0
    for row in rows:
        name = row.values[NAMES]
        if name in found:
            raise DataError(f"{row.where}: another series has this name: names must differ.")
        values = row.values["values"]
        targets = row.values.get("targets", ("",))
        found[name] = values.reshape(len(values), -1)
        for target, column in zip(targets, found[name].T, strict=True):
            if np.isnan(column).all():
                raise DataError(
                    f"{row.where}: target {quoted(target)} has no value in the training part: leave it out."
                )
        predictions += sum(int(it[1:].sum()) for it in counted(found[name], config).values())
        static.update(category_names(row.values["static"]))
        known.append(row.values["covariates"])
        past.append(row.values["past"])
        every.append(row)
    if not found:
        raise DataError("The training part has no series.")
    if config.missing != "refuse" and not predictions:
        raise DataError("In the training part no value follows another, so there is nothing to learn: fill gaps.")
    covariates = np.concatenate(known)
    means = [mean_deviation(column) for column in covariates.T]
    past_means = [mean_deviation(column) for column in np.concatenate(past).T]
    preprocessing: dict[str, Any] = {
        "mean": [mean for mean, _ in means],
        "deviation": [deviation for _, deviation in means],
    }
    if config.categories:
        preprocessing["static"] = [UNKNOWN, *sorted(static)]
    if config.past:
        preprocessing["past_mean"] = [mean for mean, _ in past_means]
        preprocessing["past_deviation"] = [deviation for _, deviation in past_means]
    labels, about_labels = fit_labels(every, config)
    preprocessing |= labels
    steps = sum(int((~np.isnan(values)).any(1).sum()) for values in found.values()) / len(found)
    each = amount(steps, "step") + " on average" * (len(found) > 1)
    notes = [f"series: {len(found):,} of {each} in the training part", *about_labels]
    fitted = {}
    for k, target in enumerate(targets):
        fitted[target], own = _fit_target({name: values[:, k] for name, values in found.items()}, config)
        notes += [f"target {quoted(target)}: {it}" if target else it for it in own]
    return Preprocessing(preprocessing | ({"targets": fitted} if len(targets) > 1 else fitted[""])), notes


def _fit_target(found: dict[str, NDArray[np.float64]], config: ForecastConfig) -> tuple[dict[str, Any], list[str]]:
    """Fit what concerns the values of one target, by the names of the series, each (T,); return notes too."""
    together = observed(np.concatenate(list(found.values())))
    overall = mean_deviation(together)
    own = {name: mean_deviation(observed(values)) for name, values in found.items()}
    scale = own if config.normalise == "series" else dict.fromkeys(found, overall)
    size = {name: center_and_size(*it, config)[1] for name, it in scale.items()}
    changes = np.concatenate([np.diff(observed(values)) / size[name] for name, values in found.items()])
    levels = np.quantile(changes, Quantiles.LEVELS)
    naive, remarks = _naive_forecasts(list(found.values()), config)
    width = max(float(np.ptp(observed(values))) / size[name] for name, values in found.items())
    fitted = {
        "overall": list(overall),
        "series": {n: [*own[n], naive_error(values, config.mase_season)] for n, values in found.items()},
        "season": season_of(naive[0]),
        "naive": naive,
        "baseline": naive[0],
        "reach": [REACH * max(width, 1.0)],
        "change": [float(np.sqrt(np.mean(changes**2))), *levels.tolist()],
    }
    if config.distribution == "student_t":
        fitted["change_student_t"] = list(fit_student_t(changes))
    return fitted, remarks


def _naive_forecasts(series: Sequence[NDArray[np.float64]], config: ForecastConfig) -> tuple[list[str], list[str]]:
    """Return the names of the naive forecasts, the best on the training part first, and notes for the user."""
    seasons = (
        find_seasons([interpolated(values) for values in series])
        if config.season is None
        else {config.season: math.nan}
    )
    names = [LAST, MEAN, DRIFT, *(season_name(season) for season in seasons if season > 1)]
    errors = backtest(series, names, config.horizon)
    order = np.argsort(errors, kind="stable")
    notes = []
    if config.season is None:
        listed = ", ".join(f"{season} steps (correlation {strength:.2f})" for season, strength in seasons.items())
        notes.append(f"seasons: {listed}" if seasons else "seasons: none was found")
    listed = ", ".join(f"{names[k]} {errors[k]:.4g}" for k in order)
    notes.append(f"baseline: the {names[order[0]]}, the best naive forecast of the training part (MAE: {listed})")
    return [names[k] for k in order], notes
