"""What captioners decide: each token, as a function of the regions of the image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.lens.tasks.pictures import picture_shape_of, pixel_count
from tidegate.lens.tasks.reasons.decisions import Decisions, Layout
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.seq2seq.caption import Captioner, CaptionTask, extra_names

SIDE, LINE = 8, 64  # regions along a side of an image; along one of a single line


def _regions(task: CaptionTask, count: int) -> tuple[list[NDArray[np.int64]], Layout]:
    """Return which of an image's numbers are in each region, those after its pixels one by one; and their names."""
    pixels = pixel_count(task.preprocessing, count)
    height, width, *channels = picture_shape_of(pixels)
    numbers = np.arange(pixels).reshape(height, width, *channels)
    rows = np.array_split(numbers, min(height, SIDE))
    grid = [np.array_split(row, min(width, LINE if height == 1 else SIDE), axis=1) for row in rows]
    names = [f"row {m + 1}, column {n + 1}" for m, row in enumerate(grid) for n in range(len(row))]
    others = extra_names(task.preprocessing) or [f"number {n + 1}" for n in range(pixels, count)]
    parts = [region.ravel() for row in grid for region in row] + [np.array([n]) for n in range(pixels, count)]
    return parts, Layout((*names, *others), (len(grid), len(grid[0])))


def _image_inputs(task: CaptionTask, model: Captioner, columns: Columns) -> Tensor:
    """Return the normalised numbers of each region (W, I); of smaller ones zeros follow."""
    image = model.normal(columns["image"].values[:, 0])[0]
    parts, _ = _regions(task, len(image))
    found = image.new_zeros(len(parts), max(map(len, parts)))
    for own, part in zip(found, parts, strict=True):
        own[: len(part)] = image[torch.from_numpy(part).to(image.device)]
    return found


def _token_outputs(task: CaptionTask, model: Captioner, columns: Columns, given: Tensor) -> Tensor:
    """Return log p of each token of the text in "target", given those before it."""
    batch, decoder = given.shape[1], model.decoder
    parts, _ = _regions(task, columns["image"].values.shape[2])
    order = np.concatenate(parts)
    numbers = torch.cat([own[:, : len(part)] for own, part in zip(given, parts, strict=True)], 1)  # (B, F)
    image = numbers[:, torch.from_numpy(np.argsort(order)).to(numbers.device)]
    text = columns["target"].values.expand(batch, -1)
    features, _ = decoder.features(decoder.inputs(torch.tanh(model.image(image)), text), None, None)
    return decoder.output(features).double().log_softmax(-1)


def _layout(task: CaptionTask, columns: Columns) -> Layout:
    return _regions(task, columns["image"].values.shape[2])[1]


def _tokens(task: Any) -> Sequence[str]:
    return task.preprocessing.vocabulary("target").entries


CAPTIONS = Decisions(_image_inputs, _token_outputs, _tokens, place="token", reads=lambda task: "region", layout=_layout)
