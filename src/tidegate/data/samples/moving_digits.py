"""Handwritten digits that move over a small canvas; each frame is labelled with the direction of the last move."""

from pathlib import Path

import numpy as np

from tidegate.data.samples.handwritten import images

CANVAS, DIGIT, STEPS = 12, 8, 20
COUNTS = {"train": 2000, "validation": 300, "test": 300}
MOVES = {"still": (0, 0), "up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def write(folder: Path, seed: int) -> None:
    """Write ``frames`` (N, 20, 144), grey levels 0 to 16, and ``labels`` (N, 20): still, up, down, left or right.

    A digit moves one pixel a frame, keeps its direction for 2 to 5 frames, and turns where it would leave the canvas.
    The first frame is "still". No image of a digit is in two parts.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    digits = images()[0].astype(np.uint8)
    draw = np.random.default_rng(seed)
    order, names, room = draw.permutation(len(digits)), list(MOVES), CANVAS - DIGIT
    pools = dict(zip(COUNTS, np.split(order, [int(0.8 * len(order)), int(0.9 * len(order))]), strict=True))
    for part, count in COUNTS.items():
        frames = np.zeros((count, STEPS, CANVAS, CANVAS), np.uint8)
        labels = np.zeros((count, STEPS), np.int64)
        for n in range(count):
            image = digits[draw.choice(pools[part])]
            at, move, left = draw.integers(0, room + 1, 2), 0, 0
            for t in range(STEPS):
                if t:
                    if not left or not _inside(at + MOVES[names[move]], room):
                        fitting = [k for k, name in enumerate(names) if k != move and _inside(at + MOVES[name], room)]
                        move, left = int(draw.choice(fitting)), int(draw.integers(2, 6))
                    left -= 1
                    at = at + MOVES[names[move]]
                frames[n, t, at[0] : at[0] + DIGIT, at[1] : at[1] + DIGIT] = image
                labels[n, t] = move
        np.savez_compressed(
            folder / f"{part}.npz", frames=frames.reshape(count, STEPS, -1), labels=np.array(names)[labels]
        )


def _inside(place: np.ndarray, room: int) -> bool:
    return bool((place >= 0).all() and (place <= room).all())
