"""The series of Mackey & Glass (1977), chaotic and without noise: a benchmark of forecasting since Farmer 1982.

dy/dt = beta y(t - tau) / (1 + y(t - tau)^n) - gamma y,  tau = 17, beta = 0.2, gamma = 0.1, n = 10
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

STEPS, SUBSTEPS, TAU = 10_000, 10, 17
WASHOUT = 1_000


def mackey_glass(steps: int, seed: int = 0) -> NDArray[np.float64]:
    """Return the series (steps,) at whole times; the first thousand are left out.

    It is computed by the Runge-Kutta method of fourth order in steps of 0.1. The delayed value at half a step is
    interpolated by the cubic through its neighbours. Before time 0 the series is constant: a random number from 1.1 to
    1.3.
    """
    per_tau, h = TAU * SUBSTEPS, 1 / SUBSTEPS
    count = (WASHOUT + steps) * SUBSTEPS
    y = np.empty(per_tau + 2 + count)
    y[: per_tau + 2] = 1.2 + np.random.default_rng(seed).uniform(-0.1, 0.1)

    def change(now: float, delayed: float) -> float:
        return 0.2 * delayed / (1 + delayed**10) - 0.1 * now

    for t in range(per_tau + 1, per_tau + 1 + count):
        now, past, next_past = float(y[t]), float(y[t - per_tau]), float(y[t - per_tau + 1])
        half = (9 * (past + next_past) - float(y[t - per_tau - 1]) - float(y[t - per_tau + 2])) / 16
        a = change(now, past)
        b = change(now + h / 2 * a, half)
        c = change(now + h / 2 * b, half)
        d = change(now + h * c, next_past)
        y[t + 1] = now + h / 6 * (a + 2 * b + 2 * c + d)
    return y[per_tau + 1 :: SUBSTEPS][WASHOUT : WASHOUT + steps]


def write(folder: Path, seed: int) -> None:
    """Write 10,000 steps as ``train.csv``, one column. Validation and test take the end of the series."""
    lines = "".join(f"{value:.9f}\n" for value in mackey_glass(STEPS, seed))
    (folder / "train.csv").write_text("y\n" + lines, encoding="utf-8")
