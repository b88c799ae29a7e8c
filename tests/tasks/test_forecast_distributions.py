"""Distributions of the next value against SciPy and torch, at their extremes, and of counts from file to forecast."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from tests.tasks.test_forecast import SMALL, columns_of, prepared, table, trained

from tidegate.errors import DataError
from tidegate.tasks.forecast.baseline_loss import fit_student_t
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.distributions import DISTRIBUTIONS, NegativeBinomial, StudentT
from tidegate.tasks.forecast.distributions.student_t_quantile import LEAST_SHARE, standard_quantile
from tidegate.tasks.forecast.free_running import sample_paths
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.train import TrainConfig

BIG = float(np.finfo(np.float32).max)


def numbers(*columns: Any) -> torch.Tensor:
    return torch.from_numpy(np.stack([np.asarray(it, np.float64) for it in columns], -1))


def test_student_t_against_scipy_and_torch():
    draw = np.random.default_rng(0)
    mean, log_scale, raw, value = 3 * draw.normal(size=(4, 57))
    freedom = 2 + np.log1p(np.exp(raw))
    expected: Any = scipy.stats.t(freedom, mean, np.exp(log_scale))
    loss = StudentT().loss(numbers(mean, log_scale, raw), torch.from_numpy(value))
    np.testing.assert_allclose(loss, -expected.logpdf(value), rtol=1e-12)
    tensors = [torch.from_numpy(it) for it in (freedom, mean, np.exp(log_scale))]
    other = torch.distributions.StudentT(tensors[0], tensors[1], tensors[2])
    torch.testing.assert_close(loss, -other.log_prob(torch.from_numpy(value)))
    share = draw.random(57)
    found = (StudentT().quantile(numbers(mean, log_scale, raw), torch.from_numpy(share)).numpy() - mean) / np.exp(
        log_scale
    )
    np.testing.assert_allclose(found, scipy.stats.t(freedom).ppf(share), rtol=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 4e-6)])
def test_quantiles_of_student_t_are_those_of_scipy(dtype: torch.dtype, tolerance: float):
    one_side = np.r_[np.geomspace(1e-6, 0.01, 50), np.linspace(0.01, 0.499, 50)]
    share = torch.tensor(np.r_[one_side, 0.5, 1 - one_side], dtype=dtype)
    freedom = torch.tensor(np.r_[2, 2 + np.geomspace(1e-6, 1e7, 80)], dtype=dtype)[:, None]
    expected = scipy.stats.t(freedom.double().numpy()).ppf(share.double().numpy())
    np.testing.assert_allclose(standard_quantile(share, freedom), expected, rtol=tolerance, atol=1e-12)
    beyond = torch.tensor([0.0, 1e-9, 1.0], dtype=dtype)
    assert torch.equal(
        standard_quantile(beyond, freedom), standard_quantile(beyond.clamp(LEAST_SHARE, 1 - LEAST_SHARE), freedom)
    )


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_share_may_stand_for_many_distributions(name: str):
    it = DISTRIBUTIONS[name]()
    given, share = torch.randn(5, 7, it.size + it.counts), torch.rand(7)
    torch.testing.assert_close(it.quantile(given, share), it.quantile(given, share.expand(5, -1).contiguous()))


@pytest.mark.parametrize("scale", [1.0, 3.5, 60.0, 1200.0])
def test_negative_binomial_against_scipy_and_torch(scale: float):
    """Mean nu softplus(m), alpha softplus(a) / sqrt(nu): Salinas et al. 2020, section 3.1 and 3.2."""
    draw = np.random.default_rng(0)
    raw_mean, raw_alpha = 2 * draw.normal(size=(2, 57))
    count = draw.poisson(scale, 57).astype(float)
    count[:3] = 0
    mean, alpha = scale * np.log1p(np.exp(raw_mean)), np.log1p(np.exp(raw_alpha)) / np.sqrt(scale)
    expected: Any = scipy.stats.nbinom(1 / alpha, 1 / (1 + alpha * mean))
    np.testing.assert_allclose(expected.mean(), mean)
    np.testing.assert_allclose(expected.var(), mean + alpha * mean**2)
    given = numbers(raw_mean, raw_alpha, np.full(57, np.log(scale)))
    loss = NegativeBinomial().loss(given, torch.from_numpy(count / scale))
    np.testing.assert_allclose(loss, -expected.logpmf(count), rtol=1e-9)
    other = torch.distributions.NegativeBinomial(
        torch.from_numpy(1 / alpha), logits=torch.from_numpy(np.log(alpha * mean))
    )
    torch.testing.assert_close(loss, -other.log_prob(torch.from_numpy(count)))
    share = draw.random(57)
    found = NegativeBinomial().quantile(given, torch.from_numpy(share)).numpy() * scale
    np.testing.assert_allclose(found, expected.ppf(share), atol=1e-9)


def test_in_float32_counts_are_exact():
    scale = np.float32(1 + 1234.567)
    count = torch.arange(0.0, 40000, 97)
    given = torch.tensor([0.3, -0.2, float(np.log(scale))]).expand(len(count), -1)
    both = [NegativeBinomial().loss(it, c / float(scale)) for it, c in ((given, count), (given.double(), count))]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-5)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_gradients_are_those_of_differences(name: str):
    it = DISTRIBUTIONS[name]()
    given = torch.randn(5, it.size + it.counts, dtype=torch.float64).requires_grad_()
    value = torch.randint(0, 9, (5,)) / given[:, -1].exp().detach() if it.counts else torch.randn(5).double()
    fixed = given[:, -1:].detach()

    def loss(free: torch.Tensor) -> torch.Tensor:
        return it.loss(torch.cat([free, fixed], -1) if it.counts else free, value)

    assert torch.autograd.gradcheck(loss, given[:, : it.size].detach().requires_grad_())


@pytest.mark.parametrize("name", ["student_t", "negative_binomial"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_at_extremes(name: str, dtype: torch.dtype):
    it = DISTRIBUTIONS[name]()
    sizes = [0.0, 1e-30, -1e-30, 1.0, -1.0, 88.0, -104.0, 745.0, -745.0, 1e15, -1e15]
    values = [0.0, 1.0, 3e5, 1e20] if it.counts else [0.0, -1.0, 3e5, 1e30, -1e30]
    scales = [0.0, 5.0, 30.0] if it.counts else [None]
    parts = [sizes] * it.size + ([scales] if it.counts else []) + [values]
    every = torch.cartesian_prod(*(torch.tensor(part, dtype=dtype) for part in parts))
    if not it.counts:
        every[:, 1].clamp_(max=88.0)  # of a log-scale more is no float32 number
    given = every[:, :-1].contiguous().requires_grad_()
    loss = it.loss(given, every[:, -1])
    assert loss.isfinite().all()
    loss.sum().backward()
    assert given.grad is not None
    assert given.grad.isfinite().all()


@pytest.mark.parametrize("share", [1e-6, 0.5, 1 - 1e-6])
def test_quantiles_are_finite_at_extremes(share: float):
    for it, parts in (
        (StudentT(), ([0.0, 1e5], [-50.0, 0.0, 9.0], [-50.0, 0.0, 1e6])),
        (NegativeBinomial(), ([-300.0, -20.0, 0.0, 50.0], [-30.0, 0.0, 30.0], [0.0, 3.0, 14.0])),
    ):
        given = torch.cartesian_prod(*(torch.tensor(part) for part in parts))
        found = it.quantile(given, torch.full((len(given),), share))
        assert found.isfinite().all(), given[~found.isfinite()]


def test_the_fitted_student_t_is_that_of_scipy():
    changes = scipy.stats.t(4.0, 0, 0.3).rvs(size=4000, random_state=0)
    log_scale, raw = fit_student_t(changes)
    assert 2 + np.log1p(np.exp(raw)) == pytest.approx(4)
    _, _, scale = scipy.stats.t.fit(changes, fdf=4, floc=0)
    assert np.exp(log_scale) == pytest.approx(scale, rel=1e-3)


def test_counts_from_file_to_forecast(tmp_path: Path):
    """A season of counts: the loss is below that of a constant mean, and forecasts are whole numbers."""
    draw = np.random.default_rng(0)
    y = draw.poisson(5 + 4 * np.sin(2 * np.pi * np.arange(400) / 8)).astype(float)
    task, model, data = trained(
        tmp_path,
        y,
        steps=60,
        cell="rnn_tanh",
        hidden_size=8,
        window=24,
        horizon=8,
        paths=20,
        distribution="negative_binomial",
    )
    nu = 1 + y[:320].mean()
    frames = data.parts["train"].rows([0])["frames"][0]
    np.testing.assert_allclose(frames[:, 0] * nu, y[:25], rtol=1e-6)
    np.testing.assert_allclose(frames[:, 1], np.log(nu), rtol=1e-6)
    with torch.inference_mode():
        report = task.measure(model, data.parts["validation"])
    task = ForecastTask(task.config, data.preprocessing, data, TrainConfig())
    (constant,) = task.baselines()[0].values()
    r = y[:320].mean() ** 2 / (y[:320].var() - y[:320].mean())
    expected = -scipy.stats.nbinom.logpmf(y[320:360], r, r / (r + y[:320].mean())).mean()
    assert constant == pytest.approx(expected, rel=1e-5)
    assert report.loss < constant
    (nrmse,) = (it for it in report.metrics if it.name == "NRMSE8")
    season = y[np.arange(320, 360, 8) - 1]  # the last of eight steps, a season before
    assert nrmse.baseline == "the last season (8 steps)"
    assert nrmse.of_baseline == pytest.approx(np.sqrt(((y[327:360:8] - season) ** 2).mean()) / y[:320].std())
    ((_, said),) = task.predict_rows(model, read_series(tmp_path / "y.csv"))
    assert min(said["quantiles"]["0.1"]) >= 0
    columns = columns_of(data.parts["validation"], [0])
    with torch.inference_mode():
        paths = sample_paths(model, columns, task.config, task.preprocessing)
    assert torch.equal(paths, paths.round())


def test_heavy_tails_from_file_to_forecast(tmp_path: Path):
    y = scipy.stats.t(3.0).rvs(size=300, random_state=0)
    task, model, data = trained(
        tmp_path, y, steps=20, cell="rnn_tanh", hidden_size=4, window=20, horizon=5, paths=8, distribution="student_t"
    )
    expected = StudentT().loss(
        torch.tensor([0.0, *data.preprocessing.numbers("change_student_t", 2)]),
        torch.from_numpy(np.diff(y[239:270]) / y[:240].std()),
    )
    task = ForecastTask(task.config, data.preprocessing, data, TrainConfig())
    assert task.baselines()[0]["last value"] == pytest.approx(expected.mean().item(), rel=1e-4)
    with torch.inference_mode():
        assert np.isfinite(task.measure(model, data.parts["test"]).loss)


@pytest.mark.parametrize(("bad", "shown"), [(-1.0, "-1"), (2.5, "2.5")])
def test_what_is_no_count_is_refused_with_its_row(tmp_path: Path, bad: float, shown: str):
    y = np.arange(60.0)
    y[33] = bad
    config = ForecastConfig(**SMALL, distribution="negative_binomial")
    with pytest.raises(DataError, match=rf"y\.csv, series 'y' .*, row 34: the value is {shown}, but counts"):
        prepared(tmp_path / "run", table(tmp_path / "y.csv", y=y), config)
