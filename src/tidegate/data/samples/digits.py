"""scikit-learn's handwritten digits as series: 8 rows of 8 pixels, read from top to bottom."""

from pathlib import Path

import numpy as np

from tidegate.errors import MissingDependencyError


def write(folder: Path, seed: int) -> None:
    """Write ``frames`` (N, 8, 8) and ``labels`` (N,): 1,297 to train, 250 to validate and 250 to test.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingDependencyError("This sample needs scikit-learn: pip install 'tidegate[tasks]'") from error
    found = load_digits()
    order = np.random.default_rng(seed).permutation(len(found.images))  # pyright: ignore[reportAttributeAccessIssue]
    for part, chosen in (("train", order[:1297]), ("validation", order[1297:1547]), ("test", order[1547:])):
        images, labels = found.images[chosen], found.target[chosen]  # pyright: ignore[reportAttributeAccessIssue]
        np.savez(folder / f"{part}.npz", frames=images.astype(np.float32) / 16, labels=labels)
