"""Metrics of forecasts beside naive baselines, and a verdict in words."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.data.naive import season_of
from tidegate.drawing.brief import brief_repr
from tidegate.io.optional import importing
from tidegate.tasks.metrics_report import Metric, Report

CHANCE = 0.025  # one-sided significance level
NOMINAL = 0.8


@dataclass(frozen=True, eq=False)
class Forecasts:
    """N forecasts of H steps in the units of the series, and the true values.

    Attributes:
        names: (N,), the series.
        at: (N,), the step of the series where each begins.
        mean: (N, H).
        median: (N, H).
        low: (N, H) the quantile 0.1.
        high: (N, H) the quantile 0.9.
        truth: (N, H).
        naive: (N, H) of each naive forecast, by name.
        baseline: the one that forecasts the training part best.
        deviation: (N,), the standard deviation of the series in the training part.
        naive_error: (N,), the scale of MASE; 0 if unknown.
    """

    names: list[str]
    at: NDArray[np.int64]
    mean: NDArray[np.float64]
    median: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    truth: NDArray[np.float64]
    naive: Mapping[str, NDArray[np.float64]]
    baseline: str
    deviation: NDArray[np.float64]
    naive_error: NDArray[np.float64]

    __repr__ = brief_repr

    def report(self, loss: float, predictions: int, *, tables: bool) -> Report:
        """Compute MAE (of the median), MASE, NRMSE of the last step (of the mean), and coverage.

        * MAE = mean |y - y^|, in the units of the series;
        * MASE = the same, each divided by its series' mean |y_t - y_{t-m}| in the training part;
        * NRMSE of step H = root mean ((y_H - y^_H) / deviation)^2;
        * coverage = fraction of y between the quantiles 0.1 and 0.9.
        """
        with np.errstate(over="ignore"):  # of values at the ends of their range; the result is inf
            return self._report(loss, predictions, tables=tables)

    def _report(self, loss: float, predictions: int, *, tables: bool) -> Report:
        name, naive = f"the {self.baseline}", self.naive[self.baseline]
        last_step = self.truth.shape[1]
        metrics = [Metric("MAE", _mae(self.median, self.truth), name, _mae(naive, self.truth), False)]
        known = self.naive_error > 0
        if known.any():
            metrics.append(Metric("MASE", self._mase(self.median, known), name, self._mase(naive, known), False))
        metrics.append(Metric(f"NRMSE{last_step}", self._nrmse(self.mean), name, self._nrmse(naive), False))
        inside = float(((self.low <= self.truth) & (self.truth <= self.high)).mean())
        metrics.append(Metric("coverage of the 80% interval", inside, "nominal", NOMINAL, higher_is_better=None))
        return Report(loss, predictions, metrics, {"verdict": self.verdict(), "steps": self._steps()} if tables else {})

    def verdict(self) -> str:
        """Describe whether the forecasts are better than the baseline, and whether that is significant.

        Differences of absolute error are averaged over stretches of one horizon, since the errors of overlapping
        forecasts are correlated, and compared with zero by a t-test (as in Diebold & Mariano 1995). If forecasts
        overlap, only every second stretch counts.

        Raises:
            MissingDependencyError: SciPy is not installed.
        """
        with importing("scipy", "Comparing forecasts needs"):
            from scipy.stats import ttest_1samp

        name, naive = f"the {self.baseline}", self.naive[self.baseline]
        own, other = _mae(self.median, self.truth), _mae(naive, self.truth)
        figures = f"MAE {own:.4g} against {other:.4g}"
        if own >= other:
            return f"Not better than {name}: {figures}. Use that baseline instead."
        difference = (np.abs(self.median - self.truth) - np.abs(naive - self.truth)).mean(1)
        horizon, blocks = self.truth.shape[1], dict[tuple[str, int], list[float]]()
        overlap = self._overlap()
        for series, at, value in zip(self.names, self.at.tolist(), difference.tolist(), strict=True):
            if not (overlap and at // horizon % 2):
                blocks.setdefault((series, at // horizon), []).append(value)
        means = np.array([np.mean(values) for values in blocks.values()])
        stretches = f"{len(means)} stretches of {horizon} steps"
        if len(means) < 2:
            return f"Not shown to be better than {name}: {figures}, but one stretch may be chance: measure on more."
        if np.ptp(means) > 0:  # in units of the largest: the square of a small one may be 0
            p = float(ttest_1samp(means / np.abs(means).max(), 0, alternative="less").pvalue)  # pyright: ignore[reportAttributeAccessIssue]
        else:
            p = 0.0
        if p >= CHANCE:
            return f"Not shown to be better than {name}: {figures}, which over {stretches} may be chance (p = {p:.2g})."
        return f"Better than {name}: {figures}, {100 * (1 - own / other):.0f}% less, over {stretches} (p = {p:.2g})."

    def _overlap(self) -> bool:
        """Whether forecasts of the same series overlap."""
        begins: dict[str, list[int]] = {}
        for series, at in zip(self.names, self.at.tolist(), strict=True):
            begins.setdefault(series, []).append(at)
        return any((np.diff(sorted(it)) < self.truth.shape[1]).any() for it in begins.values())

    def _mase(self, predicted: NDArray[np.float64], known: NDArray[np.bool_]) -> float:
        return float((np.abs(predicted - self.truth).mean(1)[known] / self.naive_error[known]).mean())

    def _nrmse(self, predicted: NDArray[np.float64]) -> float:
        return float(np.sqrt((((predicted - self.truth)[:, -1] / self.deviation) ** 2).mean()))

    def _steps(self) -> str:
        """Format mean absolute error and coverage at some steps ahead, beside all naive forecasts."""
        horizon = self.truth.shape[1]
        chosen = sorted({0, *(horizon * k // 8 - 1 for k in range(1, 9) if horizon * k // 8)})
        names = {name: f"season {season_of(name)}" if season_of(name) != 1 else name for name in self.naive}
        lines = ["  ahead         MAE" + "".join(f"{name:>12}" for name in names.values()) + "  coverage"]
        for h in chosen:
            errors = "".join(f"{_mae(it[:, h], self.truth[:, h]):12.4g}" for it in (self.median, *self.naive.values()))
            inside = ((self.low[:, h] <= self.truth[:, h]) & (self.truth[:, h] <= self.high[:, h])).mean()
            lines.append(f"{h + 1:7}{errors}  {inside:8.3f}")
        return "\n".join(lines)


def _mae(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(np.abs(predicted - truth).mean())
