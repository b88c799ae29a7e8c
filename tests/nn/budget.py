"""How far a result may be from the truth: a small multiple of what torch's own fp32 run differs from float64."""

from collections.abc import Mapping

import torch
from torch import Tensor

MULTIPLE = 8


def assert_within_budget(ours: Mapping[str, Tensor], rough: Mapping[str, Tensor], exact: Mapping[str, Tensor]) -> None:
    """Compare our results with torch's in float64.

    Args:
        ours: our results, in float32 or float64.
        rough: torch's results in float32.
        exact: torch's results in float64, from the same numbers.

    Raises:
        AssertionError: an error is over ``MULTIPLE`` times torch's own (scaled to the precision of ours), plus
            ``MULTIPLE`` epsilons of the value's size; the message lists all such values.
    """
    assert set(ours) == set(rough) == set(exact)
    wrong = []
    for name, value in ours.items():
        assert value.shape == exact[name].shape, name
        if not value.numel():
            continue
        eps = torch.finfo(value.dtype).eps
        torchs = float((rough[name].double() - exact[name]).abs().max()) * eps / torch.finfo(torch.float32).eps
        allowed = MULTIPLE * (torchs + eps * max(1.0, float(exact[name].abs().max())))
        error = float((value.double() - exact[name]).abs().max())
        if not error <= allowed:
            wrong.append(f"{name}: error {error:.2e}, allowed {allowed:.2e}")
    assert not wrong, "\n".join(wrong)
