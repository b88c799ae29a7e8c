"""Scores of predictions at every step. Steps without a known target, nan, do not count."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing.brief import brief_repr

Numbers = NDArray[np.float64]


def nse(truth: Numbers, predicted: Numbers) -> float:
    """Nash-Sutcliffe efficiency, 1 - sum (p - y)^2 / sum (y - m_y)^2 (Nash & Sutcliffe 1970); nan if y is constant."""
    return 1 - _ratio(np.square(predicted - truth).sum(), np.square(truth - truth.mean()).sum())


def kge(truth: Numbers, predicted: Numbers) -> float:
    """Kling-Gupta efficiency, 1 - sqrt((r - 1)^2 + (s_p / s_y - 1)^2 + (m_p / m_y - 1)^2) (Gupta et al. 2009).

    r is the correlation, s are deviations and m means; nan if the truth or the prediction is constant, or m_y is 0.
    """
    spread = truth.std(), predicted.std()
    if not all(spread) or not truth.mean():
        return float("nan")
    r = ((truth - truth.mean()) * (predicted - predicted.mean())).mean() / (spread[0] * spread[1])
    ratios = spread[1] / spread[0], predicted.mean() / truth.mean()
    return float(1 - np.sqrt((r - 1) ** 2 + (ratios[0] - 1) ** 2 + (ratios[1] - 1) ** 2))


def esr(truth: Numbers, predicted: Numbers) -> float:
    """Error-to-signal ratio, sum (p - y)^2 / sum y^2 (Wright, Damskägg & Välimäki 2019), without pre-emphasis."""
    return _ratio(np.square(predicted - truth).sum(), np.square(truth).sum())


def mae(truth: Numbers, predicted: Numbers) -> float:
    """Mean absolute error."""
    return float(np.abs(predicted - truth).mean())


def rmse(truth: Numbers, predicted: Numbers) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.square(predicted - truth).mean()))


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below else float("nan")


SCORES: dict[str, tuple[Callable[[Numbers, Numbers], float], bool]] = {
    "NSE": (nse, True),
    "KGE": (kge, True),
    "ESR": (esr, False),
    "MAE": (mae, False),
    "RMSE": (rmse, False),
}
"""By name: the function of truth and prediction (T,), and whether higher is better."""


@dataclass(frozen=True)
class Predictions:
    """Predictions beside the truth, in the units of the targets.

    Attributes:
        series: names of the N series.
        targets: names of the K targets.
        truth: (T, K) of each series.
        made: predictions (T, K) of each series, by name: the model's and those of the baselines.
    """

    series: Sequence[str]
    targets: Sequence[str]
    truth: Sequence[Numbers]
    made: Mapping[str, Sequence[Numbers]]

    __repr__ = brief_repr

    def score(self, score: str, by: str, target: int) -> float:
        """Return the median over the series of a score of one target; nan if it is not known anywhere."""
        each = [self.score_of(score, by, target, n) for n in range(len(self.truth))]
        known = [it for it in each if not np.isnan(it)]
        return float(np.median(known)) if known else float("nan")

    def score_of(self, score: str, by: str, target: int, series: int) -> float:
        """Return a score of one target in one series; nan if nothing is known there."""
        truth, predicted = self.truth[series][:, target], self.made[by][series][:, target]
        known = np.isfinite(truth) & np.isfinite(predicted)
        return SCORES[score][0](truth[known], predicted[known]) if known.any() else float("nan")

    def mean(self, score: str, by: str) -> float:
        """Return the mean over the targets of `score`, of those for which there is one."""
        return _mean_of_known([self.score(score, by, k) for k in range(len(self.targets))])

    def table(self) -> str:
        """Format the scores of every target, of the model and of the baselines."""
        wide = max(map(len, (*self.made, "")))
        over = f", medians over {len(self.series):,} series" if len(self.series) > 1 else ""
        blocks = []
        for k, target in enumerate(self.targets):
            lines = [f"  {target:.60}{over}", f"  {'':<{wide}}" + "".join(f"{name:>11}" for name in SCORES)]
            for by in self.made:
                values = "".join(f"{self.score(name, by, k):>11.4g}" for name in SCORES)
                lines.append(f"  {by:<{wide}}{values}")
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)

    def series_table(self, by: str, most: int = 20) -> str:
        """Format NSE and RMSE of the series that are predicted worst."""
        targets = range(len(self.targets))
        score = [_mean_of_known([self.score_of("NSE", by, k, n) for k in targets]) for n in range(len(self.series))]
        order = np.argsort(score)[:most]
        wide = max(len(f"{self.series[n]:.40}") for n in order)
        return "\n".join(f"  {f'{self.series[n]:.40}':<{wide}}{score[n]:>11.4g}" for n in order)


def _mean_of_known(scores: Sequence[float]) -> float:
    """Return the mean of the scores that are numbers; nan if none is."""
    known = [it for it in scores if not np.isnan(it)]
    return float(np.mean(known)) if known else float("nan")
