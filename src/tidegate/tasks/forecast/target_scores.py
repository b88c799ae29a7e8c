"""Metrics and tables of the forecasts of several targets: of each, and over all."""

from collections.abc import Mapping, Sequence

import numpy as np

from tidegate.drawing.text import label
from tidegate.tasks.forecast.score_tables import metrics_of_groups, origins_table, tables
from tidegate.tasks.forecast.scores import Forecasts
from tidegate.tasks.metrics_report import Metric

IN_UNITS = ("MAE", "CRPS")  # of a target; over all they are in its standard deviations
BASELINES = "the baselines"


def overall_metrics(found: Mapping[str, Forecasts]) -> Sequence[Metric]:
    """Compute the metrics of the only target, or else the mean over the targets of each metric that all of them have.

    MAE and CRPS are divided by the standard deviation of each series in the training part first, since targets have
    different units. Targets without any true value are left out.
    """
    if len(found) == 1:
        return next(iter(found.values())).metrics()
    found = {name: own for name, own in found.items() if not np.isnan(own.truth).all()}
    if not found:
        return []
    plain = [{it.name: it for it in own.metrics()} for own in found.values()]
    scaled = [{it.name: it for it in own.in_deviations().metrics()} for own in found.values()]
    means = []
    for name, first in plain[0].items():
        each = [its[name] for its in (scaled if name in IN_UNITS else plain) if name in its]
        if len(each) == len(found):
            values = sum(it.value for it in each) / len(each), sum(it.of_baseline for it in each) / len(each)
            said = f"{name} / deviation" if name in IN_UNITS else name
            baseline = first.baseline if first.higher_is_better is None else BASELINES
            means.append(Metric(said, values[0], baseline, values[1], first.higher_is_better))
    return means


def all_tables(found: Mapping[str, Forecasts]) -> dict[str, str]:
    """Return the tables of the only target, or else one with a row for each target, and the tables of each by title."""
    if len(found) == 1:
        return tables(next(iter(found.values())))
    result = {"targets": metrics_of_groups("target", [(label(name), own) for name, own in found.items()], smape=True)}
    for name, own in found.items():
        result |= {f"{label(name)}: {title}": table for title, table in tables(own).items()}
    return result


def origins_tables(found: Mapping[str, Forecasts]) -> dict[str, str]:
    """Return a table of origins for each target, by title."""
    return {f"{label(name)}: origins" if name else "origins": origins_table(own) for name, own in found.items()}
