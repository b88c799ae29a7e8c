"""One to many: an image is shown once, then a text is written.

::

    x_1 = tanh(W image + b),   x_2, x_3, .. = the tokens written so far, or zeros,
    h_t = recurrent(x_t, h_{t-1}) from h_0 = 0,   p(y_t) = softmax(V h_t + c)

The image is the first input and is not shown again: the state has to store it. With ``then="zeros"`` there is no other
input, so a token does not depend on those drawn before it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from tidegate.data.column_kinds import ColumnKind
from tidegate.data.columns import Encoded, Part, Preprocessing
from tidegate.data.frames import FrameStatistics
from tidegate.data.rows import Row, layout_notes
from tidegate.data.tables.cell_values import named
from tidegate.errors import DataError
from tidegate.tasks.example_batches import Columns, drawn_part
from tidegate.tasks.layers import FrameInput, recurrent
from tidegate.tasks.seq2seq.caption_reader import beside_images, image_of, read_captions
from tidegate.tasks.seq2seq.decoder import TokenDecoder
from tidegate.tasks.seq2seq.task import (
    END,
    Beginning,
    TargetCounts,
    WritingConfig,
    WritingTask,
    encode_target,
    target_kinds,
    text_in,
)
from tidegate.train.hub.pretrained_model import PretrainedModel
from tidegate.train.options import option

CAPTION = "give each image a caption in the second column of the table, or in the array 'captions'"


@dataclass(frozen=True, repr=False)
class CaptionConfig(WritingConfig):
    """Architecture of a captioner, and how its files are read."""

    then: Literal["previous", "zeros"] = option("previous", "Input after the image: the previous token, or zeros.")
    image_size: int = option(32, "Image files are resized to this side; arrays are not.", panel="Data", min=1)


class Captioner(PretrainedModel):
    """The image's vector, and a decoder that begins with it.

    Args:
        config: the model config.
        preprocessing: the statistics of the images, the vocabulary.
        backend: the engine's backend. Default: the engine's choice.
    """

    def __init__(self, config: CaptionConfig, preprocessing: Preprocessing, *, backend: str | None = None) -> None:
        super().__init__()
        target, width = preprocessing.vocabulary("target"), config.embedding_size
        self.normal = FrameInput(preprocessing.numbers("mean"), preprocessing.numbers("deviation"))
        self.image = nn.Linear(len(preprocessing.numbers("mean")), width)
        self.decoder = TokenDecoder(
            recurrent(config, width, backend=backend),
            len(target),
            end=target.number(END),
            never=target.unknown,
            dropout=config.dropout,
            feeds=config.then == "previous",
        )

    def begin(self, columns: Columns) -> Beginning:
        """Compute the first input from the "image" (B, 1, F)."""
        return Beginning(torch.tanh(self.image(self.normal(columns["image"].values[:, 0]))))


class CaptionTask(WritingTask):
    """A text for each image (one to many)."""

    name = "caption"
    look: str | None = "tidegate.lens.tasks.seq2seq:look_captioner"
    Config = CaptionConfig
    LENGTH: str = "image"
    METRICS = ("BLEU", "exact match")

    @classmethod
    def remarks(cls, path: Path, config: Any) -> Sequence[str]:
        """Name the files in a folder that are neither images nor a table, and say how an unusual table is read."""
        beside = beside_images(path)
        notes = layout_notes(path, config.delimiter)
        return notes + ([f"left alone beside the images in {path}: {named(beside)}"] if beside else [])

    @classmethod
    def read(cls, path: Path, config: CaptionConfig) -> Iterator[Row]:
        """Read arrays in ``.npz``, a folder of images with a table of captions, or such a table."""
        return read_captions(path, config.image_size, config.delimiter)

    @classmethod
    def split(cls, rows: Iterable[Row], shares: Sequence[float], seed: int) -> Iterator[tuple[str, Row]]:
        """Assign each image to a part, with all its captions, so that held-out images are not seen in training."""
        for row in rows:
            file = row.values.get("file")
            yield drawn_part(row.values["image"].tobytes() if file is None else file.encode(), shares, seed), row

    @classmethod
    def split_kind(cls, shares: Sequence[float]) -> str:
        """Describe how `split` splits."""
        return super().split_kind(shares) + " of the images"

    @classmethod
    def fit(cls, rows: Iterable[Row], config: CaptionConfig) -> tuple[Preprocessing, list[str]]:
        """Fit mean and deviation of the images, and the vocabulary of the captions."""
        images, targets, features = FrameStatistics(), TargetCounts(), None
        extra: tuple[str, ...] = ()
        for row in rows:
            image = image_of(row, features)
            own = row.values.get("extra", ())
            if features is not None and own != extra:
                raise DataError(f"{row.where}: the extra numbers are {_named(own)}, but were {_named(extra)} before.")
            features, extra = image.shape[1], own
            images.add(image)
            targets.add(text_in(row, "target", CAPTION))
        preprocessing, notes = targets.preprocessing(config)
        if features is None:
            return Preprocessing(preprocessing), notes  # no training examples: the writer raises
        note = f"images: {images.count:,} of {features:,} numbers" + (f", the last {_named(extra)}" if extra else "")
        named_extra = {"extra": list(extra)} if extra else {}
        return Preprocessing(preprocessing | images.preprocessing() | named_extra), [*notes, note]

    @classmethod
    def encode(
        cls, row: Row, config: CaptionConfig, preprocessing: Preprocessing, *, labelled: bool = True
    ) -> Iterable[Encoded]:
        """Encode the one example of a row."""
        example: dict[str, Any] = {"image": image_of(row, len(preprocessing.numbers("mean")))}
        return [example | (dict(encode_target(text_in(row, "target", CAPTION), preprocessing)) if labelled else {})]

    @classmethod
    def column_kinds(cls, config: CaptionConfig, preprocessing: Preprocessing, part: str) -> Mapping[str, ColumnKind]:
        """Return what the columns hold."""
        image = ColumnKind("f4", (len(preprocessing.numbers("mean")),), length=1)
        return {"image": image, **target_kinds(preprocessing)}

    @classmethod
    def make_model(cls, config: CaptionConfig, vocabulary: Preprocessing, backend: str | None) -> Captioner:
        """Make a new captioner."""
        return Captioner(config, vocabulary, backend=backend)

    def without_model(self, part: Part) -> Mapping[str, Sequence[str]]:
        """Return nothing: the most frequent caption is the only baseline."""
        return {}


def extra_names(preprocessing: Preprocessing) -> list[str]:
    """Return the names of the last numbers of an image, which are no pixels; none unless the data name them."""
    return preprocessing.vocabulary("extra").entries if "extra" in preprocessing.values else []


def _named(extra: Sequence[str]) -> str:
    return ", ".join(extra) or "none"
