"""Encode series: training windows, and forecasts with their context."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Encoded, Preprocessing
from tidegate.data.missing_values import fill, observed
from tidegate.data.naive import LAST, naive_error, naive_forecast, season_name, season_of
from tidegate.data.rows import Row
from tidegate.errors import DataError, RunFolderError
from tidegate.io.files import field
from tidegate.io.wording import quoted
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.series.categories import label_columns, label_ids, static_ids
from tidegate.tasks.forecast.series.gaps import NAMES
from tidegate.tasks.forecast.series.numbers import LARGEST


def windows(row: Row, config: ForecastConfig, preprocessing: Preprocessing) -> Iterator[Encoded]:
    """Cut training windows, one step longer than they predict; the last one ends with the series."""
    values, covariates = target_columns(row, preprocessing), row.values["covariates"]
    filled, static = _filled(values, config), static_ids(row, config, preprocessing)
    past = _past_columns(row.values["past"], np.ones(len(values)), config, preprocessing)
    scales = _scales(row, values, config, preprocessing)
    frames = _frames(row.where, values, filled, past, covariates, scales, config, preprocessing)
    counts = counted(values, config) | _labels(label_ids(row, preprocessing))
    length = min(config.window + 1, len(frames))
    stride = config.window_stride or max(1, config.window // 4)
    for start in sorted({*range(0, len(frames) - length + 1, stride), len(frames) - length}):
        cut = {name: column[start : start + length] for name, column in {"frames": frames, **counts}.items()}
        yield cut | static


def forecast(row: Row, at: int, config: ForecastConfig, preprocessing: Preprocessing, *, labelled: bool) -> Encoded:
    """Encode a forecast from step ``at``: its context and its horizon."""
    values, covariates, end = target_columns(row, preprocessing), row.values["covariates"], at + config.horizon
    targets = by_target(preprocessing)
    for target, column in zip(targets, values[:at].T, strict=True):
        if np.isnan(column).all():
            raise DataError(
                f"{row.where}: target {quoted(target)} has no value in the {at} steps before a forecast: leave those "
                "out."
            )
    scales = _scales(row, values[:at], config, preprocessing)
    start = max(0, at - config.window)
    # What stands in for missing values before the forecast does not depend on those after.
    filled = np.concatenate([_filled(values[:at], config), _filled(values[:end], config)[at:]])
    own, known = values[start:end], covariates[start:end]
    steps = np.arange(start, end)
    held = row.values["past"][np.minimum(steps, at - 1)]  # later ones are not known
    past = _past_columns(held, steps < at, config, preprocessing)
    ids = label_ids(row, preprocessing)
    ahead = [name in config.known for name in label_columns(preprocessing)]
    ids = np.where(ahead, ids[start:end], ids[np.minimum(steps, at - 1)])
    example = {
        "frames": _frames(row.where, own, filled[start:], past, known, scales, config, preprocessing),
        **counted(own, config),
        **static_ids(row, config, preprocessing),
        **_labels(ids),
        "scale": scales.reshape(-1),
        "name": np.frombuffer(row.values[NAMES].encode(), np.uint8),
    }
    if labelled:
        columns = [
            [column[at:end], *(naive_forecast(name, column[:at], config.horizon) for name in naive_names(fitted)[0])]
            for column, fitted in zip(values.T, targets.values(), strict=True)
        ]
        example |= {"at": np.array([at]), "reference": np.stack([it for its in columns for it in its], 1)}
    return example


def reference_columns(preprocessing: Preprocessing) -> list[tuple[int, int]]:
    """Return where the columns of each target in "reference" begin and end: true values, then naive forecasts."""
    ends = np.cumsum([1 + len(naive_names(fitted)[0]) for fitted in by_target(preprocessing).values()]).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def true_values(reference: NDArray[np.float64], preprocessing: Preprocessing) -> NDArray[np.float64]:
    """Return the true values of the targets (H, K)."""
    return np.asarray(reference)[:, [start for start, _ in reference_columns(preprocessing)]]


def by_target(preprocessing: Preprocessing) -> dict[str, Preprocessing]:
    """Return what was fitted on each target, by its name; that of the only one is ""."""
    if "targets" not in preprocessing.values:
        return {"": preprocessing}
    found = preprocessing.mapping("targets", dict, least=2)
    return {name: Preprocessing(values, preprocessing.path) for name, values in found.items()}


def target_columns(row: Row, preprocessing: Preprocessing) -> NDArray[np.float64]:
    """Return the values of a series, (T, K).

    Raises:
        DataError: its targets are not those of training.
    """
    values, own = row.values["values"], row.values.get("targets", ("",))
    if own != (expected := tuple(by_target(preprocessing))):
        said = ["one" if its == ("",) else ", ".join(map(repr, its)) for its in (own, expected)]
        raise DataError(f"{row.where}: the series has other targets ({said[0]:.80}) than in training ({said[1]:.80}).")
    return values.reshape(len(values), -1)


def _labels(ids: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    return {"labels": ids} if ids.shape[1] else {}


def _filled(values: NDArray[np.float64], config: ForecastConfig) -> NDArray[np.float64]:
    return np.stack([fill(column, config.missing) for column in values.T], 1)


def _scales(
    row: Row, past: NDArray[np.float64], config: ForecastConfig, preprocessing: Preprocessing
) -> NDArray[np.float64]:
    """Return `scale_of` each target, (K, 3); of counts (K, 4)."""
    targets = by_target(preprocessing).values()
    columns = zip(past.T, targets, strict=True)
    return np.array([scale_of(row.values[NAMES], column, config, fitted) for column, fitted in columns])


def counted(values: NDArray[np.float64], config: ForecastConfig) -> dict[str, NDArray[np.uint8]]:
    """Return the column that says which values (T, K) the model is to predict, where they may be missing.

    A value after an interpolated one is not counted: the one before it was made from it. Of one target it is (T,).
    """
    if config.missing == "refuse":
        return {}
    seen = ~np.isnan(values)
    if config.missing == "interpolate":
        seen[1:] &= seen[:-1]
    return {"counted": (seen if seen.shape[1] > 1 else seen[:, 0]).astype(np.uint8)}


def naive_names(preprocessing: Preprocessing) -> tuple[list[str], str]:
    """Return the names of the naive forecasts beside a run's forecasts, and of the one that is its baseline.

    Raises:
        RunFolderError: the preprocessing was altered.
    """
    season = preprocessing.number("season")
    if "naive" not in preprocessing.values:  # a run of an earlier version: the last value and the last season
        names = [LAST, season_name(max(1, season))]
        return names, names[season > 1]
    names = field(preprocessing.values, preprocessing.path, "naive", list)
    baseline = field(preprocessing.values, preprocessing.path, "baseline", str)
    if baseline not in names or not all(isinstance(name, str) and season_of(name) for name in names):
        raise RunFolderError(
            f"{preprocessing.path}: 'naive' should be names of naive forecasts, and 'baseline' one of them: the file "
            "was altered."
        )
    return names, baseline


def _frames(
    where: str,
    values: NDArray[np.float64],
    filled: NDArray[np.float64],
    past: NDArray[np.float64],
    covariates: NDArray[np.float64],
    scales: NDArray[np.float64],
    config: ForecastConfig,
    preprocessing: Preprocessing,
) -> NDArray[np.float32]:
    """Normalise (y_t, c_t), (T, K + C); of counts (y_t, c_t, log nu).

    Where values may be missing, y_t is followed by whether each is observed; past covariates follow, and whether they
    are known.
    """
    center, size = scales[:, 0], scales[:, 1]
    with np.errstate(over="ignore"):
        known = (covariates - preprocessing.numbers("mean")) / preprocessing.numbers("deviation", covariates.shape[1])
        flags = [~np.isnan(values)] if config.missing == "mask" else []
        columns = [(filled - center) / size, *flags, past, known]
        if config.counts:
            columns.append(np.broadcast_to(np.log(size), values.shape))
        frames = np.concatenate(columns, 1).astype(np.float32)
    if not np.isfinite(frames).all():
        raise DataError(f"{where}: a value is too far from those of training to be computed with: check its unit.")
    return frames


def _past_columns(
    past: NDArray[np.float64], known: NDArray[Any], config: ForecastConfig, preprocessing: Preprocessing
) -> NDArray[np.float64]:
    """Normalise past covariates (T, P), and add whether they are known: (T, P + 1); (T, 0) without any."""
    if not config.past:
        return past
    mean, deviation = (preprocessing.numbers(f"past_{it}", past.shape[1]) for it in ("mean", "deviation"))
    with np.errstate(over="ignore"):
        return np.concatenate([(past - mean) / deviation, known[:, None]], 1)


def past_width(config: ForecastConfig, preprocessing: Preprocessing) -> int:
    """Return the number of a frame's columns that are known only of past steps: the values of the targets first."""
    own = len(by_target(preprocessing)) * (1 + (config.missing == "mask"))
    return own + (len(preprocessing.numbers("past_mean")) + 1 if config.past else 0)


def scale_of(
    name: str, past: NDArray[np.float64], config: ForecastConfig, preprocessing: Preprocessing
) -> tuple[float, ...]:
    """Return mean, deviation and naive error of a series: those of the training part, or of its past if it is new.

    Of counts return 0, nu, the naive error and the deviation: see `center_and_size`.

    Raises:
        RunFolderError: the preprocessing was altered.
    """
    known = field(preprocessing.values, preprocessing.path, "series", dict).get(name)
    own = (
        (*mean_deviation(observed(past)), naive_error(past, config.mase_season))
        if known is None
        else Preprocessing({"it": known}, preprocessing.path).numbers("it", 3)
    )
    overall = preprocessing.numbers("overall", 2)
    mean, deviation = own[:2] if config.normalise == "series" else overall
    center, size = center_and_size(mean, deviation, config)
    return (center, size, own[2], own[1]) if config.counts else (center, size, own[2])


def center_and_size(mean: float, deviation: float, config: ForecastConfig) -> tuple[float, float]:
    """Return what is subtracted from values and what they are then divided by.

    They are mean and deviation. Of counts they are 0 and nu = 1 + mean, as in DeepAR (Salinas et al. 2020), but with
    the mean of the training part instead of that of each window.
    """
    return (0.0, 1 + mean) if config.counts else (mean, deviation)


def mean_deviation(values: NDArray[np.float64]) -> tuple[float, float]:
    """Compute mean and standard deviation of values of any size; the deviation of equal values is their size, or 1.

    Raises:
        DataError: they are so large that their sum may not be a number.
    """
    size = float(np.abs(values).max())
    if size > LARGEST:
        raise DataError(f"Values reach {size:.3g}, but at most {LARGEST:g} can be computed with: choose a larger unit.")
    if not np.ptp(values):
        return float(values[0]), size or 1.0
    mean = float(values.mean())
    rest = values - mean
    width = float(np.abs(rest).max())
    return mean, max(width * float(np.sqrt(((rest / width) ** 2).mean())), sys.float_info.min)
