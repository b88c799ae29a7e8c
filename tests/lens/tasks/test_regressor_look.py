"""Inside a model with a value at every step: what it read and predicted, from its trace."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.lens.tasks.tiny import tiny_run

from tidegate.errors import ArgumentError
from tidegate.lens.tasks import RegressorLook, look_at
from tidegate.lens.tasks.regressor import MAX_STEPS
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.task import RegressTask

CONFIG = RegressConfig(inputs="a,b", targets="y,z", hidden_size=5, num_layers=2, burn_in=6, taps=3)


def frame(steps: int = 100) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    a, b = draw.normal(3, 2, steps), draw.gamma(1, 1, steps)
    y = np.where(np.arange(steps) % 9 == 0, np.nan, a * b)
    return pd.DataFrame({"a": a, "b": b, "y": y, "z": 100 + a})


def looked(run: Any, given: Any, **options: Any) -> RegressorLook:
    found = look_at(run, given, **options)
    assert isinstance(found, RegressorLook)
    return found


def test_predictions_follow_from_the_trace(tmp_path: Path) -> None:
    table = frame()
    table.to_csv(tmp_path / "a.csv", index=False)
    task, run = tiny_run(RegressTask, [tmp_path / "a.csv"], CONFIG, shares=(0.6, 0.2, 0.2))
    look = looked(run, tmp_path / "a.csv")
    np.testing.assert_allclose(look.read, table[["a", "b"]], rtol=1e-5)
    assert (look.targets, look.truth, np.isnan(look.known).all(), look.length) == (["y", "z"], None, True, 100)
    train = table.iloc[:60]
    x = ((table - train.mean()) / train.std(ddof=0))[["a", "b"]].to_numpy()
    own = {name: it.detach().double().numpy() for name, it in run.model.named_parameters()}
    y = look.steps["input"].trace[1, 0]["h"] @ own["output.weight"].T + own["output.bias"]
    y = y + x @ own["direct.weight"].T
    expected = y * train[["y", "z"]].std(ddof=0).to_numpy() + train[["y", "z"]].mean().to_numpy()
    np.testing.assert_allclose(look.predicted, expected, rtol=1e-4)
    assert look.prediction["values"]["z"] == look.predicted[:, 1].tolist()
    (row,) = task.read(tmp_path / "a.csv", CONFIG)
    ((_, predicted),) = task.predict_rows(run.model, [row])
    np.testing.assert_allclose(predicted["values"]["y"], look.predicted[:, 0], rtol=1e-4)


def test_an_own_example_has_its_targets(tmp_path: Path) -> None:
    table = frame()
    table.to_csv(tmp_path / "a.csv", index=False)
    _, run = tiny_run(RegressTask, [tmp_path / "a.csv"], CONFIG, shares=(0.6, 0.2, 0.2))
    look = looked(run, 0, part="test")
    np.testing.assert_allclose(look.known, table[["y", "z"]].iloc[74:], rtol=1e-5)
    np.testing.assert_allclose(look.error, look.predicted - look.known)
    assert look.truth["values"]["y"][-1] is None  # row 99
    html = look._repr_html_()
    assert html.count("<svg") >= 4
    assert "26 of 26 steps" in html


def test_arrays_are_inputs_and_long_ones_are_cut(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "a.csv", index=False)
    _, run = tiny_run(RegressTask, [tmp_path / "a.csv"], CONFIG)
    look = looked(run, np.ones((MAX_STEPS + 3, 2)))
    assert (len(look.predicted), look.length) == (MAX_STEPS, MAX_STEPS + 3)
    with pytest.raises(ArgumentError, match=r"Inputs should be \(T, 2\), but are \(3, 2, 2\)"):
        looked(run, np.ones((3, 2, 2)))
