"""Forecasts without a network: what a model has to be better than."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.data.missing_values import carried_forward, observed

ORIGINS = 2000  # forecasts in a backtest, of all series together
LAST, MEAN, DRIFT = "last value", "mean", "drift"


def season_name(season: int) -> str:
    """Return the name of the seasonal naive forecast of a period."""
    return f"last season ({season} steps)"


def season_of(name: str) -> int | None:
    """Return the period in the name of a naive forecast; None if it has none or is not a name at all."""
    if name in (LAST, MEAN, DRIFT):
        return 1
    found = re.fullmatch(r"last season \(([1-9][0-9]{0,8}) steps\)", name)
    return int(found[1]) if found else None


def naive_forecast(name: str, history: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    """Forecast without a network.

    Args:
        name: "last value"; "mean", of all values; "drift", the line through the first and the last value; or
            "last season (12 steps)".
        history: (T,), at least one value; missing ones (nan) are left out of the mean, and elsewhere the last value
            before them stands in.
        horizon: H, the steps to forecast.

    Returns:
        (H,)
    """
    if name == MEAN:
        return np.full(horizon, observed(history).mean())
    history = carried_forward(history)
    if name == DRIFT:
        slope = (history[-1] - history[0]) / max(1, len(history) - 1)
        return history[-1] + slope * np.arange(1, horizon + 1)
    return seasonal_naive(history, season_of(name) or 1, horizon)


def seasonal_naive(history: NDArray[np.float64], season: int, horizon: int) -> NDArray[np.float64]:
    """Repeat the last season, y_{t+h} = y_{t+h-m}; (horizon,).

    With season 1, or a history shorter than a season, repeat the last value.
    """
    season = season if season <= len(history) else 1
    return np.resize(history[len(history) - season :], horizon)


def naive_error(values: NDArray[np.float64], season: int) -> float:
    """Compute the scale of MASE, mean |y_t - y_{t-m}| (Hyndman & Koehler 2006); 0 for series that are too short.

    Pairs with a missing value (nan) are left out.
    """
    changes = observed(np.abs(values[season:] - values[:-season]))
    return float(changes.mean()) if len(changes) else 0.0


def backtest(series: Sequence[NDArray[np.float64]], names: Sequence[str], horizon: int) -> NDArray[np.float64]:
    """Compute the mean absolute error of naive forecasts from moments in the second half of each series.

    Args:
        series: each (T,). Those of one value are left out, and so are errors where the true value is missing (nan).
        names: of N forecasts.
        horizon: steps to forecast; fewer where a series is too short.

    Returns:
        (N,); nan if no series has two values.
    """
    error, steps = np.zeros(len(names)), 0
    for values in series:
        if len(values) < 2:
            continue
        first, last = (len(values) + 1) // 2, max((len(values) + 1) // 2, len(values) - horizon)
        count = min(last - first + 1, max(2, ORIGINS // len(series)))
        for at in np.unique(np.linspace(first, last, count).astype(int)).tolist():
            truth = values[at : at + horizon]
            if np.isnan(values[:at]).all():
                continue
            every = [np.abs(naive_forecast(name, values[:at], len(truth)) - truth) for name in names]
            error += [observed(it).sum() for it in every]
            steps += int((~np.isnan(truth)).sum())
    return error / steps if steps else np.full(len(names), np.nan)
