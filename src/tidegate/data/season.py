"""The seasons of a series: the periods after which it repeats, whatever its level does meanwhile."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.data.naive import backtest, season_name, seasonal_naive
from tidegate.errors import ArgumentError

__all__ = ["find_season", "find_seasons", "seasonal_naive"]

LONGEST = 1000  # steps
REPEATS = 8  # seasons back that are compared
WEAKEST = 0.2  # correlation below which there is no season
PLAIN = 0.8  # correlation above which there is one, however few seasons were seen
NOT_CHANCE = 2.5  # standard deviations above the highest correlation expected among as many periods of noise
CLEARLY = 0.8  # the part of what a season leaves unexplained that a longer one may leave
ALIKE = 0.9  # a shorter season that comes so near in error and correlation is taken
ROUNDING = 1e-9
SERIES, STEPS = 32, 50_000  # read at most


def find_season(series: Sequence[NDArray[np.float64]], horizon: int | None = None) -> tuple[int, float]:
    """Find the season whose repetition forecasts best.

    Args:
        series: each (T,), finite.
        horizon: steps to forecast. Default: the longest plausible season.

    Returns:
        Period in steps and its correlation: of the `find_seasons` the one with the smallest error of `seasonal_naive`
        in the second half of the series, or a shorter one that is about as good; period 1 if there is none.
    """
    found = find_seasons(series)
    if not found:
        return 1, 0.0
    errors = backtest(series, [season_name(season) for season in found], horizon or max(found))
    best = list(found.values())[int(np.argmin(errors))]
    alike = (errors <= errors.min() / ALIKE) & (np.array(list(found.values())) >= best * ALIKE)
    season = list(found)[int(np.argmax(alike))]
    return season, found[season]


def find_seasons(series: Sequence[NDArray[np.float64]]) -> dict[int, float]:
    """Find all plausible seasons.

    For each period m the moving mean over m steps is removed, which keeps what repeats after m steps and takes away
    any trend and slow change of the level. A season correlates with itself not only one period earlier but several:
    the mean of these correlations is high for m and its multiples, and low for the periods beside it, for fractions of
    it and for changes that wander. A period counts if this is a local maximum, at least 0.2, and more than chance
    makes the highest of as many periods; a multiple of another only if it is clearly better.

    Args:
        series: each (T,), finite. At most 32 of them are read, and of each the last 50,000 steps.

    Returns:
        Correlations by period, the shortest period first.

    Raises:
        ArgumentError: a value is nan or infinite.
    """
    read = [_scaled(values[-STEPS:]) for values in series[:: max(1, -(-len(series) // SERIES))]]
    longest = min(LONGEST, max((len(values) for values in read), default=0) // 3)
    found = np.zeros((2, longest + 2))  # correlations and their thresholds
    for period in range(2, longest + 1):
        found[:, period] = _correlation(read, period)
    correlation, threshold = found
    seasons: dict[int, float] = {}
    for m in range(2, longest + 1):
        left = CLEARLY * (1 - max(seasons.values(), default=0.0)) - ROUNDING
        if correlation[m] > threshold[m] and _highest(correlation, m) and 1 - correlation[m] < left:
            seasons[m] = float(correlation[m])
    return seasons


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values between -1 and 1, whatever their unit."""
    size = np.abs(values).max(initial=0.0)
    if not np.isfinite(size):
        raise ArgumentError("A series has a value that is nan or infinite: fill gaps before looking for seasons.")
    values = values / size if size else values
    width = np.ptp(values) if len(values) else 0.0
    return (values - values.mean()) / width if width else np.zeros(len(values))


def _correlation(series: Sequence[NDArray[np.float64]], period: int) -> tuple[float, float]:
    """Return the mean correlation of the series with themselves 1 to 8 periods earlier, and what it has to exceed."""
    product = size = pairs = variance = steps = 0.0
    between = dict.fromkeys(sorted({max(1, period // part) for part in (2, 3, 5)}), 0.0)
    for values in series:
        if len(values) < 3 * period:
            continue
        rest = _without_level(values, period)
        squares = np.concatenate([[0.0], np.cumsum(rest * rest)])
        if squares[-1] <= len(rest) * (len(values) * np.finfo(float).eps) ** 2:  # rounding errors of what has no season
            continue
        rest, squares = rest / squares[-1] ** 0.5, squares / squares[-1]
        lags = range(period, min(REPEATS * period, len(rest) - period) + 1, period)
        product += sum(float(rest[lag:] @ rest[:-lag]) for lag in lags)
        for part in between:
            between[part] += sum(float(rest[lag:] @ rest[:-lag]) for lag in (lag - part for lag in lags))
        size += sum(float(squares[-1 - lag] + 1 - squares[lag]) / 2 for lag in lags)
        count = sum(len(rest) - lag for lag in lags)
        # Bartlett's formula: the more alike neighbours are, the fewer independent pairs there are.
        near = np.unique(np.linspace(1, period // 2, 16).astype(int)).tolist()
        alike = float(np.mean([float(rest[lag:] @ rest[:-lag]) ** 2 for lag in near]))
        variance += count * (1 + 2 * alike * (period // 2))
        pairs += count
        steps += len(values)
    if not pairs:
        return 0.0, 1.0
    highest = (2 * np.log(steps / period)) ** 0.5 + NOT_CHANCE  # of as many independent periods, in deviations
    least = min(PLAIN, max(WEAKEST, highest * (variance / pairs / pairs) ** 0.5))
    # What changes slowly correlates at all lags, and so between the seasons too.
    return product / size, least + max(0.0, min(between.values()) / size)


def _without_level(values: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """Values less their centred moving mean over a period, (T - period or one less,)."""
    weights = np.ones(period) if period % 2 else np.concatenate([[0.5], np.ones(period - 1), [0.5]])
    half = len(weights) // 2
    total = np.concatenate([[0.0], np.cumsum(values)])
    inner = total[period:] - total[:-period]
    if period % 2 == 0:
        inner = (inner[1:] + inner[:-1]) / 2
    return values[half : len(values) - half] - inner / period


def _highest(correlation: NDArray[np.float64], m: int) -> bool:
    """Whether no period within a tenth of ``m`` correlates more."""
    near = max(1, m // 10)
    return bool(correlation[m] == correlation[max(1, m - near) : m + near + 1].max())
