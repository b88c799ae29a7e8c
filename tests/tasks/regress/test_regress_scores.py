"""Scores, losses and the linear filter against scikit-learn and the papers, transcribed."""

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from tidegate.tasks.regress.linear_filter import apply_filter, fit_filter
from tidegate.tasks.regress.losses import elementwise_loss
from tidegate.tasks.regress.scores import Predictions, esr, kge, mae, nse, rmse

DRAW = np.random.default_rng(0)


def test_scores_are_those_of_scikit_learn_and_the_papers() -> None:
    truth = DRAW.gamma(2.0, 3.0, 301)
    predicted = 0.7 * truth + DRAW.normal(1, 1, 301)
    assert nse(truth, predicted) == pytest.approx(r2_score(truth, predicted))
    assert mae(truth, predicted) == pytest.approx(mean_absolute_error(truth, predicted))
    assert rmse(truth, predicted) == pytest.approx(root_mean_squared_error(truth, predicted))
    assert esr(truth, predicted) == pytest.approx(((truth - predicted) ** 2).sum() / (truth**2).sum())
    r = np.corrcoef(truth, predicted)[0, 1]  # Gupta et al. 2009, equations 9 and 10
    alpha, beta = np.std(predicted) / np.std(truth), np.mean(predicted) / np.mean(truth)
    assert kge(truth, predicted) == pytest.approx(1 - ((r - 1) ** 2 + (alpha - 1) ** 2 + (beta - 1) ** 2) ** 0.5)


def test_scores_without_a_meaning_are_nan() -> None:
    constant, other = np.full(5, 2.0), np.arange(5.0)
    assert np.isnan(nse(constant, other))
    assert np.isnan(kge(other, constant))
    assert np.isnan(kge(other - 2, other))
    assert np.isnan(esr(np.zeros(5), other))


def test_a_score_is_the_median_over_the_series_of_known_steps() -> None:
    truth = [np.array([[1.0, 5], [2, np.nan], [4, 6]]), np.array([[3.0, np.nan], [5, np.nan]])]
    made = [it.copy() for it in truth]
    made[0][0] += 1
    made[1][1, 0] += 3
    found = Predictions(["p", "q"], ["y", "z"], truth, {"model": [np.nan_to_num(it) for it in made]})
    assert found.score("MAE", "model", 0) == pytest.approx((1 / 3 + 1.5) / 2)
    assert found.score("MAE", "model", 1) == pytest.approx(0.5)
    assert found.mean("MAE", "model") == pytest.approx((1 / 3 + 1.5) / 4 + 0.25)
    assert "medians over 2 series" in found.table()
    assert "nan" not in found.series_table("model")
    truth[1][:] = np.nan  # a series of which nothing is known
    assert found.series_table("model").split() == ["p", "-0.1071", "q", "nan"]


def test_losses_are_those_of_the_papers() -> None:
    error = torch.tensor(DRAW.normal(0, 2, (7, 2, 3)))
    before = torch.tensor(DRAW.normal(0, 2, (2, 3)))
    plain = error.numpy()
    a = 0.85
    filtered = plain - a * np.concatenate([before.numpy()[None], plain[:-1]])
    huber = np.where(np.abs(plain) < 1, plain**2 / 2, np.abs(plain) - 0.5)
    expected = {"squared": plain**2, "absolute": np.abs(plain), "huber": huber, "esr": filtered**2, "nse": plain**2}
    for name, values in expected.items():
        np.testing.assert_allclose(elementwise_loss(name, error, before, a).numpy(), values)  # type: ignore[arg-type]


def test_the_linear_filter_is_the_least_squares_one() -> None:
    series = [(DRAW.normal(0, 1, (n, 2)).astype(np.float32), DRAW.normal(0, 1, (n, 2))) for n in (90, 41)]
    series[0][1][5:9, 1] = np.nan
    weights = fit_filter([(x, y.astype(np.float32)) for x, y in series], 3, 4)
    rows = {0: [], 1: []}
    for x, y in series:
        for t in range(4, len(x)):
            for k in (0, 1):
                if np.isfinite(y[t, k]):
                    rows[k].append(([x[t - j, f] for f in (0, 1) for j in (0, 1, 2)] + [1.0], y[t, k]))
    for k, own in rows.items():
        best = np.linalg.lstsq(np.array([it for it, _ in own]), np.array([it for _, it in own]), rcond=None)[0]
        np.testing.assert_allclose(weights[:, k], best, atol=1e-4)
    x = series[1][0]
    slow = [[sum(weights[f * 3 + j, k] * x[t - j, f] for f in (0, 1) for j in range(min(3, t + 1))) for k in (0, 1)]
            for t in range(len(x))]  # fmt: skip
    np.testing.assert_allclose(apply_filter(weights, x), np.array(slow) + weights[-1], atol=1e-6)
