"""scikit-learn's handwritten digits as series: 8 rows of 8 pixels, read from top to bottom."""

from pathlib import Path

import numpy as np

from tidegate.data.samples.handwritten import parts


def write(folder: Path, seed: int) -> None:
    """Write ``frames`` (N, 8, 8) and ``labels`` (N,): 1,297 for training, 250 for validation and 250 for testing.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    for part, images, labels in parts(seed):
        np.savez(folder / f"{part}.npz", frames=images, labels=labels)
