"""Metrics of forecasts beside those of naive ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing.brief import brief_repr
from tidegate.tasks.forecast.error_measures import (
    Values,
    coverage,
    mae,
    mase,
    nrmse_of_last_step,
    smape,
    weighted_quantile_loss,
)
from tidegate.tasks.forecast.verdict import verdict
from tidegate.tasks.metrics_report import Metric

DECILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
LEVELS = (0.025, *DECILES, 0.975)
INTERVALS = {0.8: (0.1, 0.9), 0.95: (0.025, 0.975)}  # nominal coverage, and the levels of the ends


@dataclass(frozen=True, eq=False)
class Forecasts:
    """N forecasts of H steps in the units of the series, and the true values.

    Attributes:
        names: (N,), the series.
        at: (N,), the step of the series where each begins.
        mean: (N, H).
        quantiles: (N, H, 11), at `LEVELS`.
        crps: (N, H), of the sample paths, see `crps_of_samples`; nan where the true value is.
        truth: (N, H); nan where it is missing.
        naive: (N, H) of each naive forecast, by name.
        baseline: the one that forecasts the training part best.
        deviation: (N,), the standard deviation of the series in the training part.
        naive_error: (N,), the scale of MASE; 0 if unknown.
    """

    names: list[str]
    at: NDArray[np.int64]
    mean: Values
    quantiles: Values
    crps: Values
    truth: Values
    naive: Mapping[str, Values]
    baseline: str
    deviation: Values
    naive_error: Values

    __repr__ = brief_repr

    def __len__(self) -> int:
        return len(self.names)

    def quantile(self, level: float) -> Values:
        """Return the quantiles (N, H) at one of `LEVELS`."""
        return self.quantiles[..., LEVELS.index(level)]

    @property
    def median(self) -> Values:
        """The medians (N, H)."""
        return self.quantile(0.5)

    def chosen(self, which: NDArray[np.bool_]) -> Self:
        """Return some of the forecasts, by (N,) flags."""
        arrays = ("at", "mean", "quantiles", "crps", "truth", "deviation", "naive_error")
        return replace(
            self,
            names=[name for name, taken in zip(self.names, which.tolist(), strict=True) if taken],
            naive={name: it[which] for name, it in self.naive.items()},
            **{name: getattr(self, name)[which] for name in arrays},
        )

    def in_deviations(self) -> Self:
        """Return the forecasts in standard deviations of their series."""
        by = self.deviation[:, None]
        return replace(
            self,
            **{name: getattr(self, name) / by for name in ("mean", "crps", "truth")},
            quantiles=self.quantiles / by[..., None],
            naive={name: it / by for name, it in self.naive.items()},
            deviation=np.ones_like(self.deviation),
            naive_error=self.naive_error / self.deviation,
        )

    def metrics(self) -> list[Metric]:
        """Compute the metrics, with those that cannot be computed left out.

        * MAE and MASE of the median, sMAPE of the median;
        * NRMSE of the last step, of the mean;
        * CRPS, whose value for a naive forecast, which is one number, is its absolute error;
        * wQL, the mean weighted quantile loss at 0.1, 0.2, .. 0.9;
        * coverage of the intervals.

        `tidegate.tasks.forecast.error_measures` has the definitions.
        """
        with np.errstate(over="ignore"):  # of values at the ends of their range; the result is inf
            return self._metrics()

    def verdict(self) -> str:
        """Describe whether the medians are better than the baseline; see `tidegate.tasks.forecast.verdict`."""
        with np.errstate(over="ignore"):
            return verdict(
                self.names, self.at, self.median, self.naive[self.baseline], self.truth, f"the {self.baseline}"
            )

    def _metrics(self) -> list[Metric]:
        name, naive, truth = f"the {self.baseline}", self.naive[self.baseline], self.truth
        deciles = self.quantiles[..., [LEVELS.index(level) for level in DECILES]]
        found = [
            Metric("MAE", mae(self.median, truth), name, mae(naive, truth), False),
            Metric(
                "MASE", mase(self.median, truth, self.naive_error), name, mase(naive, truth, self.naive_error), False
            ),
            Metric(
                f"NRMSE{truth.shape[1]}",
                nrmse_of_last_step(self.mean, truth, self.deviation),
                name,
                nrmse_of_last_step(naive, truth, self.deviation),
                False,
            ),
            Metric("sMAPE", smape(self.median, truth), name, smape(naive, truth), False),
            Metric("CRPS", mae(self.crps, np.where(np.isnan(truth), np.nan, 0)), name, mae(naive, truth), False),
            Metric(
                "wQL",
                weighted_quantile_loss(deciles, DECILES, truth),
                name,
                weighted_quantile_loss(naive[..., None], (0.5,), truth),
                False,
            ),
        ]
        for nominal, (low, high) in INTERVALS.items():
            inside = coverage(self.quantile(low), self.quantile(high), truth)
            found.append(Metric(f"coverage of the {100 * nominal:g}% interval", inside, "nominal", nominal, None))
        return [it for it in found if not np.isnan(it.value)]
