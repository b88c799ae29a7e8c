"""What a witness is: one step of a cell as its paper writes it, in NumPy, for one sequence and one time step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Vectors = dict[str, np.ndarray]
Step = Callable[[np.ndarray, Mapping[str, np.ndarray], Mapping[str, np.ndarray]], tuple[Vectors, Vectors]]


@dataclass(frozen=True)
class Paper:
    """A cell's published equations and the order in which its weights are stacked.

    ``step(x_t, s, w) -> (new states, gates)`` takes vectors of one sequence: x_t (I,), states (H,). ``w`` holds
    W_k (H,I) and U_k (H,H) of gate k, its bias b_k, and the further vectors the equations name. The papers have one
    bias per gate, so b_k is the sum of the two that torch keeps, except for the gates in ``split_bias``: there
    ``b_k`` is the input's and ``d_k`` the recurrent product's. A paper that is not ``biased`` has no b_k but those
    among its ``parameters``. Masks are zeros and ones, or ``real_masks``. States that are
    ``positive`` begin so.
    """

    name: str
    step: Step
    inputs: tuple[str, ...]
    recurrent: tuple[str, ...]
    states: tuple[str, ...]
    gates: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    split_bias: tuple[str, ...] = ()
    biased: bool = True
    real_masks: bool = False
    positive: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All that can be recorded: gates, then states."""
        return self.gates + self.states


def sigmoid(a: np.ndarray) -> np.ndarray:
    if a.dtype == np.complex64:
        f = 1 / (1 + np.exp(-np.real(a)))
        return _as_in_fp32(a, f, f * (1 - f))
    return 1 / (1 + np.exp(-a))


def tanh(a: np.ndarray) -> np.ndarray:
    if a.dtype == np.complex64:
        h = np.tanh(np.real(a))
        return _as_in_fp32(a, h, 1 - h * h)
    return np.tanh(a)


def relu(a: np.ndarray) -> np.ndarray:
    """max(a, 0); the real part decides, so that it can be differentiated by a complex step."""
    return np.where(np.real(a) > 0, a, np.zeros_like(a))


def _as_in_fp32(a: np.ndarray, value: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """f(a) and f'(a) times the imaginary part, the slope computed from the value as every fp32 backward does.

    Where a gate is saturated f (1 - f) has few digits left. Complex arithmetic would keep them, and the fp32 run that
    sets the error budget would be better than any that the budget is for.
    """
    return value + np.complex64(1j) * (slope * np.imag(a))
