"""Seasons of known series, and none where there is none; naive forecasts by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tidegate.data.naive import backtest, naive_error, naive_forecast, season_name, season_of, seasonal_naive
from tidegate.data.season import find_season, find_seasons
from tidegate.errors import ArgumentError

HOURS, MONTHS = np.arange(24 * 60), np.arange(120)


def meter(seed: int, noise: float) -> NDArray[np.float64]:
    """Hourly loads, lower at weekends, with a level that wanders."""
    draw = np.random.default_rng(seed)
    weekend = np.where(HOURS // 24 % 7 < 5, 1.0, 0.6)
    day = 0.4 * np.sin(2 * np.pi * HOURS / 24 - 1.5) * weekend + 0.16 * np.sin(2 * np.pi * HOURS / 24 - 2)
    return 100 * (1 + day + draw.normal(0, 0.0012, len(HOURS)).cumsum() + noise * draw.normal(size=len(HOURS)))


def red_noise(draw: np.random.Generator, count: int) -> NDArray[np.float64]:
    values = draw.normal(size=count)
    for n in range(1, count):
        values[n] += 0.9 * values[n - 1]
    return values


@pytest.mark.parametrize("noise", [0.02, 0.04, 0.06, 0.1])
@pytest.mark.parametrize("seeds", [[0], [1], [2], [0, 1, 2, 3]])
def test_a_day_is_found_under_noise_and_a_wandering_level(noise: float, seeds: list[int]):
    series = [meter(seed, noise) for seed in seeds]
    assert find_season(series, 24)[0] in (24, 168)
    found, day = backtest(series, [season_name(find_season(series)[0]), season_name(24)], 24)
    assert found <= 1.01 * day


def test_both_of_two_seasons_are_plausible_and_the_week_forecasts_better():
    seasons = find_seasons([meter(0, 0.02)])
    assert list(seasons) == [24, 168]
    assert 0.95 < seasons[24] < seasons[168] <= 1
    assert find_season([meter(0, 0.02)])[0] == 168


@pytest.mark.parametrize("seed", range(5))
def test_known_seasons(seed: int):
    draw = np.random.default_rng(seed)
    week = np.array([5.0, 3, 3, 3, 4, 9, 12])[np.arange(60) % 7]
    noise, long = draw.normal(size=60), draw.normal(size=120)
    assert find_season([50 + 10 * np.sin(2 * np.pi * np.arange(60) / 7) + 2 * noise])[0] == 7
    assert find_season([week + noise])[0] == 7
    assert find_season([week + noise + 2 * np.arange(60)])[0] == 7  # a strong trend
    assert find_season([1.01**MONTHS * (1 + 0.3 * np.sin(2 * np.pi * MONTHS / 12) + 0.05 * long)])[0] == 12
    assert find_season([1.01**MONTHS * (1 + 0.5 * (MONTHS % 12 == 11) + 0.05 * long)])[0] == 12
    assert find_season([np.tile([1.0, 5], 60) + 0.3 * long])[0] == 2
    pair = np.sin(2 * np.pi * HOURS / 4) + np.sin(2 * np.pi * HOURS / 6) + 0.3 * draw.normal(size=len(HOURS))
    assert find_season([pair])[0] == 12
    days = np.arange(4 * 365)
    assert find_season([10 * np.sin(2 * np.pi * days / 365) + draw.normal(size=len(days))])[0] == pytest.approx(
        365, abs=3
    )


def test_a_season_of_a_pure_wave_is_its_period_in_any_unit():
    wave = np.sin(2 * np.pi * np.arange(252) / 12)
    for unit in (1.0, 1e-12, 1e-300, 1e300):
        assert find_season([unit * wave]) == (12, pytest.approx(1))
    draw = np.random.default_rng(0)
    noisy = wave + 0.01 * np.arange(252) + 0.1 * draw.normal(size=252)
    assert find_season([noisy, 100 * noisy[:120]])[0] == 12


@pytest.mark.slow
def test_chance_seldom_looks_like_a_season():
    for count in (30, 60, 200, 600):
        draw, seen = np.random.default_rng(count), np.zeros(3)
        for _ in range(60):
            noise = draw.normal(size=count)
            series = (noise, noise.cumsum(), red_noise(draw, count))
            seen += [bool(find_seasons([values])) for values in series]
        assert seen.max() <= 5, (count, seen)


@pytest.mark.parametrize(
    "values",
    [
        np.ones(50),
        np.full(100, 3.1),
        np.arange(3.0),
        np.zeros(0),
        0.1 * np.arange(1000),
        (0.1 * np.arange(1000)) ** 2,
        np.exp(0.05 * np.arange(300)),
        np.repeat([0.0, 1.0], 100),
        np.eye(1, 200, 77)[0],
    ],
)
def test_constants_trends_and_single_events_have_no_season(values: NDArray[np.float64]):
    assert find_season([values]) == (1, 0.0)


def test_no_series_and_gaps():
    assert find_season([]) == (1, 0.0)
    with pytest.raises(ArgumentError, match="nan or infinite: fill gaps"):
        find_season([np.array([1.0, np.nan, 2.0])])


def test_naive_forecasts_by_hand():
    history = np.array([5.0, 1, 2, 3])
    assert seasonal_naive(history, 3, 5).tolist() == [1, 2, 3, 1, 2]
    assert seasonal_naive(history, 1, 2).tolist() == [3, 3]
    assert seasonal_naive(history, 9, 2).tolist() == [3, 3]
    assert naive_forecast("last value", history, 2).tolist() == [3, 3]
    assert naive_forecast("mean", history, 2).tolist() == [2.75, 2.75]
    assert naive_forecast("drift", history, 2).tolist() == pytest.approx([3 - 2 / 3, 3 - 4 / 3])
    assert naive_forecast("last season (3 steps)", history, 2).tolist() == [1, 2]
    assert naive_error(history, 1) == pytest.approx((4 + 1 + 1) / 3)
    assert naive_error(history, 2) == pytest.approx((3 + 2) / 2)
    assert naive_error(history, 4) == 0
    assert [season_of(it) for it in ("drift", season_name(12), "last season (012 steps)", "", "x")] == [
        1,
        12,
        *[None] * 3,
    ]


def test_the_best_naive_forecast_depends_on_the_series():
    names, draw = ["last value", "mean", "drift", "last season (7 steps)"], np.random.default_rng(0)

    def best(values: NDArray[np.float64]) -> str:
        return names[int(np.argmin(backtest([values], names, 10)))]

    noise = draw.normal(size=400)
    assert best(noise.cumsum()) in ("last value", "drift")
    assert best(noise) == "mean"
    assert best(noise + np.arange(400)) == "drift"
    assert best(0.1 * noise + np.arange(400) % 7) == "last season (7 steps)"
    assert np.isnan(backtest([np.ones(1)], names, 10)).all()
