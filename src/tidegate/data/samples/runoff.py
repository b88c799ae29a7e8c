"""A made catchment: daily rain and temperature, and the discharge that storages of snow and water make of them.

Below 0 degrees rain is stored as snow, which melts above by 3 mm per degree and day. Water enters the soil (200 mm);
the fuller it is, the more runs on, (s / 200)^2 of it, and the more evaporates. What runs on goes through a fast store,
which gives 0.3 of its content a day and more above 30 mm, and leaks into a slow one, which gives 0.01: the structure of
the HBV model (Bergström 1976), with numbers of our own.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DAYS = 25 * 365
SOIL = 200.0  # mm
UNKNOWN = slice(2000, 2060)  # days on which the gauge was broken


def weather(days: int, draw: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rain (mm a day) and temperature (degrees Celsius), (days,) each."""
    year = 2 * np.pi * np.arange(days) / 365.25
    temperature = 7 - 11 * np.cos(year) + _wander(days, 0.8, 3.0, draw)
    wet = _wander(days, 0.7, 1.0, draw) > 0.3
    rain = np.where(wet, draw.gamma(0.7, 11.0, days), 0.0)
    return rain, temperature


def discharge(rain: NDArray[np.float64], temperature: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the discharge (mm a day) of the catchment, (days,), from a soil that is half full."""
    snow, soil, fast, slow = 0.0, SOIL / 2, 0.0, 20.0
    found = np.empty(len(rain))
    for t, (p, c) in enumerate(zip(rain.tolist(), temperature.tolist(), strict=True)):
        melt = min(snow, max(0.0, 3.0 * c))
        snow += (p if c < 0 else 0.0) - melt
        water = (0.0 if c < 0 else p) + melt
        runs_on = water * (soil / SOIL) ** 2
        soil = min(SOIL, soil + water - runs_on)
        soil -= min(soil, max(0.0, 0.25 * c) * soil / SOIL)
        fast += runs_on
        leaked = min(fast, 0.5)
        fast, slow = fast - leaked, slow + leaked
        quick = 0.3 * fast + 0.4 * max(0.0, fast - 30.0)
        base = 0.01 * slow
        fast, slow = fast - quick, slow - base
        found[t] = quick + base
    return found


def write(folder: Path, seed: int) -> None:
    """Write ``train.csv``: date, rain, temperature and discharge, which is unknown on 60 days."""
    rain, temperature = weather(DAYS, np.random.default_rng(seed))
    flow = [f"{it:.4f}" for it in discharge(rain, temperature)]
    flow[UNKNOWN] = [""] * len(flow[UNKNOWN])
    days = (date(1990, 1, 1) + timedelta(t) for t in range(DAYS))
    lines = (f"{day},{p:.2f},{c:.2f},{q}\n" for day, p, c, q in zip(days, rain, temperature, flow, strict=True))
    (folder / "train.csv").write_text("date,rain,temperature,discharge\n" + "".join(lines), encoding="utf-8")


def _wander(days: int, keeps: float, deviation: float, draw: np.random.Generator) -> NDArray[np.float64]:
    """Return a first-order autoregressive process."""
    found, noise = np.zeros(days), draw.normal(0, deviation * np.sqrt(1 - keeps**2), days)
    for t in range(1, days):
        found[t] = keeps * found[t - 1] + noise[t]
    return found
