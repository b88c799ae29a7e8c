"""Gradient · input, integrated gradients and erasure of one value: what attributions have in common."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.lens.notebook import tinted_text


class ThreeMeasures:
    """What is read off the three measures of one value; a subclass has them as fields."""

    gradient_input: NDArray[np.float64]
    integrated: NDArray[np.float64]
    erased: NDArray[np.float64]
    complete: bool

    @property
    def whole(self) -> float:
        """The value less that on the baseline, to which integrated gradients sum."""
        raise NotImplementedError

    @property
    def completeness(self) -> float:
        """The sum of integrated gradients as a fraction of the whole: 1 if complete, nan if that is 0."""
        return float(self.integrated.sum() / self.whole) if self.whole else float("nan")

    def said_of_completeness(self) -> str:
        """Return how much of the whole integrated gradients sum to, as part of a sentence."""
        holds = "complete" if self.complete else "not complete to 1%"
        return f"integrated gradients sum to {self.completeness:.4f} of the difference ({holds})"

    def tinted(self, pieces: Sequence[str], unit: str, erasure: str = "Erasure") -> list[str]:
        """Return what was read, tinted by each measure."""
        measures = {
            "Gradient · input": self.gradient_input,
            "Integrated gradients": self.integrated,
            erasure: self.erased,
        }
        return [tinted_text(pieces, values, name, unit) for name, values in measures.items()]
