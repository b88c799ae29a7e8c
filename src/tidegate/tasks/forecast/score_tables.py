"""Tables of forecasts' errors: by steps ahead, by series, and by the step where they begin."""

from collections.abc import Sequence

import numpy as np

from tidegate.data.naive import season_of
from tidegate.tasks.forecast.error_measures import coverage, mae
from tidegate.tasks.forecast.scores import Forecasts

MOST, WIDEST = 20, 14  # series in a table, characters of their names
COLUMNS = {"MASE": "MASE", "CRPS": "CRPS", "wQL": "wQL", "coverage of the 80% interval": "coverage"}
NAN = float("nan")


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
        each = sorted(each, key=lambda it: -_mase(it[1]))[:MOST]
    return metrics_of_groups("series", each)


def origins_table(found: Forecasts) -> str:
    """Format the metrics of each origin, the earliest first, of all series together.

    Origins are counted in every series; where all series have the same, the step is shown too.
    """
    names, numbers = np.array(found.names), np.zeros(len(found), np.int64)
    for name in dict.fromkeys(found.names):
        own = names == name
        numbers[own] = np.argsort(np.argsort(found.at[own]))
    rows = []
    for n in range(int(numbers.max()) + 1):
        own = found.chosen(numbers == n)
        at = set(own.at.tolist())
        rows.append((f"{n + 1} (step {at.pop() + 1:,})" if len(at) == 1 else f"{n + 1}", own))
    return metrics_of_groups("origin", rows)


def _mase(found: Forecasts) -> float:
    return next((it.value for it in found.metrics() if it.name == "MASE"), -1.0)


def metrics_of_groups(first: str, rows: Sequence[tuple[str, Forecasts]], *, smape: bool = False) -> str:
    """Format a row for each group of forecasts: metrics of the model, and the MAE of the baseline ("naive").

    Args:
        first: the heading of the groups' names.
        rows: names and forecasts.
        smape: whether to show sMAPE in place of the number of forecasts.
    """
    rows = [(f"{name:.{WIDEST}}", own) for name, own in rows]
    width = max(len(first), *(len(name) for name, _ in rows))
    shown = {"sMAPE": "sMAPE", **COLUMNS} if smape else COLUMNS
    head = f"  {first:<{width}}" + ("" if smape else f"{'forecasts':>10}")
    lines = [head + "".join(f"{it:>9}" for it in ("MAE", "naive", *shown.values()))]
    for name, own in rows:
        values = {it.name: it.value for it in own.metrics()}
        naive = mae(own.naive[own.baseline], own.truth)
        each = [values.get("MAE", NAN), naive, *(values.get(it, NAN) for it in shown)]
        count = "" if smape else f"{len(own):10,}"
        lines.append(f"  {name:<{width}}{count}" + "".join(f"{it:9.4g}" for it in each))
    return "\n".join(lines)
