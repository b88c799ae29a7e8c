"""Compare two runs of one layer."""

from collections.abc import Mapping

from torch import Tensor

from tidegate.errors import ParityError

ROUNDED = 1e-2  # of a norm: a result in bfloat16 that was summed in another order


def same(what: str, found: Mapping[str, Tensor], expected: Mapping[str, Tensor], *, bits: bool) -> None:
    """Require the same results, in every bit or up to roundings.

    Raises:
        ParityError: they differ; the message names the results.
    """
    wrong = []
    for name, value in expected.items():
        off = ((found[name] - value).double().norm() / value.double().norm().clamp(min=1e-300)).item()
        if not (found[name].equal(value) if bits else off <= ROUNDED):
            wrong.append(f"{name} by {off:.2g}")
    if wrong:
        raise ParityError(f"{what}, results differ, relative, as norms: {', '.join(wrong)}")
