"""scikit-learn's handwritten digits and their names, spelled in English or in Korean.

An image's 64 points come with two more numbers that say the language, (1, 0) or (0, 1), so that the caption is
determined. Every image comes with both captions, in the same part.
"""

from pathlib import Path

import numpy as np

from tidegate.errors import MissingDependencyError

NAMES = (
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"),
)


def write(folder: Path, seed: int) -> None:
    """Write ``features`` (N, 66) and ``captions`` (N,), of 1,297 images to train, 250 to validate and 250 to test.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingDependencyError("This sample needs scikit-learn: pip install 'tidegate[tasks]'") from error
    points, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(points))
    for part, chosen in (("train", order[:1297]), ("validation", order[1297:1547]), ("test", order[1547:])):
        images = np.asarray(points[chosen], np.float32) / 16
        features = [np.hstack([images, np.tile(np.eye(2, dtype=np.float32)[n], (len(images), 1))]) for n in range(2)]
        captions = [names[digit] for names in NAMES for digit in digits[chosen]]
        np.savez(folder / f"{part}.npz", features=np.concatenate(features), captions=np.array(captions))
