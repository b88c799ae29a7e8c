"""Errors of forecasts against their definitions in GluonTS and the M4 competition, and with values missing."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import torch
from tests.tasks.test_forecast import hand_made

from tidegate.tasks.forecast.error_measures import crps_of_samples, mae, mase, smape, weighted_quantile_loss
from tidegate.tasks.forecast.score_tables import tables
from tidegate.tasks.forecast.scores import DECILES, LEVELS


def gluonts_quantile_loss(target: Any, forecast: Any, q: float) -> float:
    """gluonts.evaluation.metrics.quantile_loss."""
    return 2 * np.sum(np.abs((forecast - target) * ((target <= forecast) - q)))


def m4_smape(target: Any, forecast: Any) -> float:
    """Makridakis et al. 2020, equation 1, in percent."""
    return float(np.mean(200 * np.abs(target - forecast) / (np.abs(target) + np.abs(forecast))))


def m4_mase(target: Any, forecast: Any, past: Any, season: int) -> float:
    """Makridakis et al. 2020, equation 2, of one series."""
    scale = np.mean([np.abs(past[t] - past[t - season]) for t in range(season, len(past))])
    return float(np.mean(np.abs(target - forecast)) / scale)


def test_point_errors_are_those_of_m4():
    draw = np.random.default_rng(0)
    truth, predicted = draw.normal(size=(2, 7, 5))
    assert smape(predicted, truth) == pytest.approx(m4_smape(truth, predicted) / 100)
    pasts = draw.normal(size=(7, 30))
    scales = np.array([np.abs(past[4:] - past[:-4]).mean() for past in pasts])
    expected = np.mean([m4_mase(*it, 4) for it in zip(truth, predicted, pasts, strict=True)])
    assert mase(predicted, truth, scales) == pytest.approx(expected)
    assert smape(np.zeros((1, 2)), np.array([[0.0, 1.0]])) == 1.0  # of 0 and 0 it is 0, of 0 and 1 it is 2


def test_the_weighted_quantile_loss_is_that_of_gluonts():
    draw = np.random.default_rng(0)
    truth = draw.normal(size=(7, 5))
    quantiles = np.sort(draw.normal(size=(7, 5, 9)), -1)
    losses = [gluonts_quantile_loss(truth, quantiles[..., k], q) for k, q in enumerate(DECILES)]
    expected = np.mean(losses) / np.abs(truth).sum()
    assert weighted_quantile_loss(quantiles, DECILES, truth) == pytest.approx(expected)
    point = quantiles[..., :1]
    repeated = weighted_quantile_loss(np.repeat(point, 9, -1), DECILES, truth)
    assert weighted_quantile_loss(point, (0.5,), truth) == pytest.approx(repeated)
    assert np.isnan(weighted_quantile_loss(quantiles, DECILES, np.zeros((7, 5))))


def test_crps_is_the_integral_of_squared_differences():
    draw = np.random.default_rng(0)
    samples, truth = draw.normal(size=(3, 11)), np.array([0.2, -5.0, 0.9])
    found = crps_of_samples(torch.from_numpy(samples), torch.from_numpy(truth))
    for own, y, value in zip(samples, truth, found.tolist(), strict=True):
        points = np.sort(np.append(own, y))
        pieces = [
            scipy.integrate.quad(lambda x, own=own, y=y: (np.mean(own <= x) - (x >= y)) ** 2, a, b)[0]
            for a, b in pairwise(points)
        ]
        assert value == pytest.approx(sum(pieces))
        pairs = np.abs(own[:, None] - own).mean() / 2
        assert value == pytest.approx(np.abs(own - y).mean() - pairs)
    one = crps_of_samples(torch.tensor([[3.0]]), torch.tensor([1.0]))
    assert one.item() == 2.0


def test_crps_of_many_draws_is_that_of_the_normal_distribution():
    """Gneiting & Raftery 2007, equation 21."""
    share = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    y = torch.tensor([0.0, 0.7, -2.0], dtype=torch.float64)
    normal = torch.distributions.Normal(0.0, 1.0)
    expected = y * (2 * normal.cdf(y) - 1) + 2 * normal.log_prob(y).exp() - np.pi**-0.5
    torch.testing.assert_close(
        crps_of_samples(torch.special.ndtri(share).expand(3, -1), y), expected, atol=1e-3, rtol=0
    )


def test_values_that_are_missing_are_left_out():
    """What is nan counts for nothing, and a forecast of nothing else is none."""
    draw = np.random.default_rng(0)
    truth, median, last = draw.normal(size=(3, 12, 6))
    whole = hand_made(median, truth, last, names=["a"] * 6 + ["b"] * 6)
    missing = truth.copy()
    missing[3:5, 2] = np.nan
    missing[7] = np.nan
    found = hand_made(median, missing, last, names=["a"] * 6 + ["b"] * 6)
    seen = ~np.isnan(missing)
    values = {it.name: it for it in found.metrics()}
    assert set(values) == {it.name for it in whole.metrics()}
    error = np.abs(median - truth)
    assert values["MAE"].value == pytest.approx(error[seen].mean())
    assert values["CRPS"].value == pytest.approx(error[seen].mean())
    each = [row[ok].mean() for row, ok in zip(error, seen, strict=True) if ok.any()]
    assert values["MASE"].value == pytest.approx(np.mean(each))
    assert values["wQL"].of_baseline == pytest.approx(np.abs(last - truth)[seen].sum() / np.abs(truth)[seen].sum())
    ends = np.delete(median[:, -1] - truth[:, -1], 7)
    assert values["NRMSE6"].value == pytest.approx(np.sqrt((ends**2).mean()))
    low, high = (found.quantile(level) for level in (0.025, 0.975))
    inside = ((low <= truth) & (truth <= high))[seen].mean()
    assert values["coverage of the 95% interval"].value == pytest.approx(inside)
    assert "MAE" in tables(found)["verdict"]
    nothing = hand_made(median, np.full_like(truth, np.nan), last)
    assert nothing.metrics() == []
    assert np.isnan(mae(median, nothing.truth))


def test_each_series_has_a_row_and_of_many_the_worst():
    truth = np.arange(60.0).reshape(30, 2)
    names = [f"series {k:02}" for k in range(30)]
    found = hand_made(truth + np.arange(30)[:, None], truth, truth + 1, names=names)
    shown = tables(found)["series: the 20 of 30 with the largest MASE"].splitlines()
    assert shown[0].split() == ["series", "forecasts", "MAE", "naive", "MASE", "CRPS", "wQL", "coverage"]
    assert [line.split()[1] for line in shown[1:]] == [f"{k:02}" for k in range(29, 9, -1)]
    two = found.chosen(np.arange(30) < 2)
    rows = tables(two)["series"].splitlines()[1:]
    assert [line.split()[1:6] for line in rows] == [["00", "1", "0", "1", "0"], ["01", "1", "1", "1", "1"]]
    assert "series" not in tables(found.chosen(np.arange(30) < 1))
    assert len(two.quantiles[0, 0]) == len(LEVELS)
