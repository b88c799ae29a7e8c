"""The benchmark of forecasters: its series, and what it says where the peers are not installed."""

import sys
from typing import Any

import numpy as np
import pytest

from benchmarks import forecasting


def test_series_are_seasons_trends_and_counts():
    series = forecasting.make_series(6, 0)
    assert series.shape == (6, forecasting.STEPS)
    assert np.array_equal(series[2::3], series[2::3].round())
    assert series[2::3].min() >= 0
    assert np.array_equal(series, forecasting.make_series(6, 0))
    assert not np.array_equal(series, forecasting.make_series(6, 1))


def test_missing_peers_are_named_with_what_installs_them(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.setattr(forecasting, "find_spec", lambda name: None if name == "gluonts" else True)
    monkeypatch.setattr(sys, "argv", ["forecasting"])
    with pytest.raises(SystemExit) as end:
        forecasting.main()
    assert end.value.code == 2
    assert f"gluonts cannot be imported. Install the peers: {forecasting.INSTALL}" in capsys.readouterr().err
