"""Losses of regression, as sums over steps and targets whose divisor is the number of known targets.

All are of errors in standard deviations of the target in the training part. Since nothing in them depends on the batch,
the mean over an epoch is the loss of the whole training part.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

LossName = Literal["squared", "absolute", "huber", "esr", "nse"]
UNITS: dict[LossName, str] = {
    "squared": "squared error",
    "absolute": "absolute error",
    "huber": "Huber loss",
    "esr": "error-to-signal ratio",
    "nse": "squared error by variance",
}
STABILITY = 0.1  # added to a series' deviation under nse (Kratzert et al. 2019)


def elementwise_loss(name: LossName, error: Tensor, before: Tensor, pre_emphasis: float) -> Tensor:
    """Compute the loss of each error.

    * squared: e^2
    * absolute: |e|
    * huber: e^2 / 2 if |e| < 1, else |e| - 1/2 (Huber 1964)
    * esr: (e_t - a e_{t-1})^2, the squared error after the high-pass filter H(z) = 1 - a z^-1; weighted by one over
      the filtered target's mean square it is the error-to-signal ratio (Wright, Damskägg & Välimäki 2019). Before an
      error comes 0 where none is known.
    * nse: e^2; weighted by 1 / (s + 0.1)^2, s being the series' own deviation, it is the basin-averaged loss of
      Kratzert et al. (2019): 1 - NSE, averaged over the series

    Args:
        name: the loss.
        error: (T, B, K), prediction - target in deviations.
        before: (B, K), the errors of the step before the first, zero where a series begins.
        pre_emphasis: a, for esr.

    Returns:
        (T, B, K), without weights.
    """
    if name == "absolute":
        return error.abs()
    if name == "huber":
        return functional.huber_loss(error, torch.zeros_like(error), reduction="none")
    if name == "esr":
        error = error - pre_emphasis * torch.cat([before[None], error[:-1]])
    return error.square()
