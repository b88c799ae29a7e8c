"""Tables of forecasts' errors: by steps ahead, by series, and by the step where they begin."""

from collections.abc import Sequence

import numpy as np

from tidegate.data.naive import season_of
from tidegate.tasks.forecast.error_measures import coverage, mae
from tidegate.tasks.forecast.scores import Forecasts

MOST = 20  # series in a table
COLUMNS = ("MAE", "MASE", "sMAPE", "CRPS", "wQL")


def tables(found: Forecasts) -> dict[str, str]:
    """Return the verdict and the tables by title."""
    with np.errstate(over="ignore"):
        result = {"verdict": found.verdict(), "steps": steps_table(found)}
        series = list(dict.fromkeys(found.names))
        return result | ({series_title(series): series_table(found, series)} if len(series) > 1 else {})


def steps_table(found: Forecasts) -> str:
    """Format mean absolute error and coverage at some steps ahead, beside all naive forecasts."""
    horizon = found.truth.shape[1]
    chosen = sorted({0, *(horizon * k // 8 - 1 for k in range(1, 9) if horizon * k // 8)})
    names = {name: f"season {season_of(name)}" if season_of(name) != 1 else name for name in found.naive}
    lines = ["  ahead         MAE" + "".join(f"{name:>12}" for name in names.values()) + "  coverage"]
    low, high = found.quantile(0.1), found.quantile(0.9)
    for h in chosen:
        truth = found.truth[:, h]
        errors = "".join(f"{mae(it[:, h], truth):12.4g}" for it in (found.median, *found.naive.values()))
        lines.append(f"{h + 1:7}{errors}  {coverage(low[:, h], high[:, h], truth):8.3f}")
    return "\n".join(lines)


def series_title(series: Sequence[str]) -> str:
    """Return the title of the table of series."""
    return "series" if len(series) <= MOST else f"series: the {MOST} of {len(series):,} with the largest MASE"


def series_table(found: Forecasts, series: Sequence[str]) -> str:
    """Format the metrics of each series; of many, those with the largest MASE."""
    names = np.array(found.names)
    each = [(name, found.chosen(names == name)) for name in series]
    if len(series) > MOST:
        each = sorted(each, key=lambda it: -_value(it[1], "MASE"))[:MOST]
    return _table("series", [(f"{name:.20}", own) for name, own in each])


def _table(first: str, rows: Sequence[tuple[str, Forecasts]]) -> str:
    width = max(len(first), *(len(name) for name, _ in rows))
    head = f"  {first:<{width}}" + "".join(f"{it:>10}" for it in ("forecasts", *COLUMNS)) + "  coverage"
    lines = [head]
    for name, own in rows:
        values = "".join(f"{_value(own, it):10.4g}" for it in COLUMNS)
        lines.append(f"  {name:<{width}}{len(own):10,}{values}  {_value(own, 'coverage of the 80% interval'):8.3f}")
    return "\n".join(lines)


def _value(found: Forecasts, metric: str) -> float:
    return next((it.value for it in found.metrics() if it.name == metric), float("nan"))
