"""scikit-learn's handwritten digits and their names, spelled in English or in Korean.

After an image's 64 pixels come two numbers for the language of the caption, (1, 0) or (0, 1). Every image is there
twice, once with each caption, in the same part.
"""

from pathlib import Path

import numpy as np

from tidegate.data.samples.handwritten import parts

NAMES = (
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"),
)


def write(folder: Path, seed: int) -> None:
    """Write ``features`` (N, 66) and ``captions`` (N,), of 1,297 images for training, 250 for validation, 250 for test.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    for part, squares, digits in parts(seed):
        images = squares.reshape(len(squares), -1)
        features = [np.hstack([images, np.tile(np.eye(2, dtype=np.float32)[n], (len(images), 1))]) for n in range(2)]
        captions = [names[digit] for names in NAMES for digit in digits]
        np.savez(folder / f"{part}.npz", features=np.concatenate(features), captions=np.array(captions))
