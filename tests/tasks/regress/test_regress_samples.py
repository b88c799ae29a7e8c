"""The samples are what their equations say, and a model learns them better than a linear filter does."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from tidegate.data.samples.amplifier import C, I, R, V, clipped, guitar
from tidegate.data.samples.runoff import UNKNOWN, discharge, write
from tidegate.data.sources import find_sources
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.task import RegressTask
from tidegate.train import TrainConfig, load_run, new_run, train


def test_the_clipper_is_the_solution_of_its_equation() -> None:
    rate, t = 96_000, np.arange(100) / 96_000
    u = 4 * np.stack([np.sin(2 * np.pi * 500 * t), 0.1 * np.sin(2 * np.pi * 3000 * t)])
    for own, found in zip(u, clipped(u, rate), strict=True):

        def change(at: float, v: Any, own: Any = own) -> Any:
            return (np.interp(at, t, own) - v) / (R * C) - 2 * I / C * np.sinh(v / V)

        exact = solve_ivp(change, (0, t[-1]), [0.0], "Radau", t_eval=t, rtol=1e-8, atol=1e-10, max_step=1 / rate)
        np.testing.assert_allclose(found[5:], exact.y[0, 5:], atol=3e-3)


def test_notes_die_away_and_do_not_clip() -> None:
    notes = guitar(3, np.random.default_rng(0))
    assert np.abs(notes).max() <= 1
    assert np.abs(notes[:, -1]).max() < 1e-3


def test_no_water_is_made() -> None:
    draw = np.random.default_rng(0)
    rain, temperature = draw.gamma(0.3, 9, 4000), draw.normal(6, 8, 4000)
    flow = discharge(rain, temperature)
    assert flow.min() >= 0
    assert flow.sum() < rain.sum() + 120  # the soil and the slow store are not empty at first
    assert discharge(np.zeros(4000), temperature)[-1] < 1e-6


def test_the_catchment_has_days_without_a_gauge(tmp_path: Path) -> None:
    write(tmp_path, 0)
    with (tmp_path / "train.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [n for n, row in enumerate(rows) if not row["discharge"]] == list(range(UNKNOWN.start, UNKNOWN.stop))
    assert rows[366]["date"] == "1991-01-02"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sample", "config", "training"),
    [
        ("runoff", {"inputs": "rain,temperature", "targets": "discharge"}, {"steps": 700, "batch_size": 16}),
        ("amplifier", {"loss": "esr", "hidden_size": 16, "segment": 12_000}, {"steps": 300, "k1": 1000}),
    ],
)
def test_a_model_is_far_better_than_a_linear_filter(
    tmp_path: Path, sample: str, config: Mapping[str, Any], training: Mapping[str, Any]
) -> None:
    sources = find_sources([f"sample:{sample}"], workspace=tmp_path)
    chosen, run = RegressConfig(**config), tmp_path / "run"
    data = new_run(run, lambda to: prepare_examples(RegressTask, sources, chosen, to), task="regress")
    train(run, data, chosen, TrainConfig(learning_rate=5e-3, validate_every=100, **training), task="regress")
    found = load_run(run)
    report = RegressTask(chosen, found.vocabulary).measure(found.model, data.parts["test"])
    (nse,) = (it for it in report.metrics if it.name == "NSE")
    assert 1 - nse.value < 0.3 * (1 - nse.of_baseline)
