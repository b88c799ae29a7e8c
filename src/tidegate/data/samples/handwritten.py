"""scikit-learn's handwritten digits, from which several samples are made."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tidegate.io.optional import needed


def images() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return images (1797, 8, 8), grey levels 0 to 16, and the digit of each.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    found = needed("sklearn.datasets", "This sample needs").load_digits()
    return found.images, found.target


def parts(seed: int) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.int64]]]:
    """Return each part's images (N, 8, 8), grey levels 0 to 1, and digits; the parts have 1,297, 250 and 250 of them.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    found, digits = images()
    order = np.random.default_rng(seed).permutation(len(found))
    for part, chosen in (("train", order[:1297]), ("validation", order[1297:1547]), ("test", order[1547:])):
        yield part, (found[chosen] / 16).astype(np.float32), digits[chosen]
