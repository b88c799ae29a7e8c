"""scikit-learn's handwritten digits and their names, spelled in English or in Korean.

After an image's 64 pixels come two numbers for the language of the caption, English (1, 0) or Korean (0, 1). Every
image is there twice, once with each caption, in the same part.
"""

from pathlib import Path

import numpy as np

from tidegate.data.samples.handwritten import parts

LANGUAGES = ("English", "Korean")
NAMES = (
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"),
)


def write(folder: Path, seed: int) -> None:
    """Write ``features`` (N, 66), ``extra`` (2,) and ``captions`` (N,).

    Of 1,297 images for training, 250 for validation, 250 for test.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    for part, squares, digits in parts(seed):
        images = squares.reshape(len(squares), -1)
        features = [np.hstack([images, np.tile(np.eye(2, dtype=np.float32)[n], (len(images), 1))]) for n in range(2)]
        captions = [names[digit] for names in NAMES for digit in digits]
        arrays = {"features": np.concatenate(features), "extra": np.array(LANGUAGES), "captions": np.array(captions)}
        np.savez(folder / f"{part}.npz", **arrays)
