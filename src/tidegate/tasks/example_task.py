"""Tasks whose examples are independent of one another: what they share, and what each has to say for itself."""

import hashlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.data.buckets import Batch, Buckets, Padded, pad
from tidegate.data.columns import Encoded, Examples, Part, Preprocessing, open_examples, read_preprocessing
from tidegate.data.ragged_array import Rows
from tidegate.data.rows import Row
from tidegate.data.sources import PARTS
from tidegate.errors import MissingDependencyError
from tidegate.tasks.metrics_report import Report
from tidegate.train.task import Carried, Evaluation, Loss, Settings

T = TypeVar("T")
Columns = Mapping[str, Padded]
READ_AT_ONCE = 1024  # rows of a file to be predicted, among which they are sorted by length


class ExampleTask(ABC):
    """A task on independent examples. A subclass is one file: how its files are read, its model, loss and metrics.

    Args:
        config: how the model is made.
        preprocessing: what was learned from the training part.
        examples: the data; None to use a trained model only.
        settings: of training; None likewise.
    """

    name: ClassVar[str]
    prediction_name: str = "example"
    Config: ClassVar[type[Any]]
    LENGTH: ClassVar[str]
    """The column by whose length examples are put together."""
    PACKAGES: ClassVar[Sequence[str]] = ()
    """What the task's metrics come from, by the names they are imported by."""
    training: ClassVar[Mapping[str, Any]] = {"validate_every": None, "epochs": 10}
    """Settings of training that suit the task, where they are not those of `tidegate.train.TrainConfig`."""
    fewest_steps: ClassVar[int] = 2000
    """Of training if no budget is given, however few examples there are."""
    streams: ClassVar[Sequence[str]] = ()
    """Which of the settings for feeding the task has a use for: ``feeding``, ``sampling_probability_start``, ``sampling_probability_end``."""

    def __init__(
        self,
        config: Any,
        preprocessing: Preprocessing,
        examples: Examples | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.config, self.preprocessing, self.examples, self.settings = config, preprocessing, examples, settings
        self.notes: list[str] = []

    @classmethod
    def check_packages(cls) -> None:
        """Make sure before anything is done that the metrics can be measured at its end.

        Raises:
            MissingDependencyError: a package is not installed.
        """
        for name in cls.PACKAGES:
            if importlib.util.find_spec(name) is None:
                raise MissingDependencyError(f"The task {cls.name} needs {name}: pip install 'tidegate[tasks]'")

    # From files to examples.

    @classmethod
    def files(cls, paths: Sequence[Path]) -> Sequence[Any]:
        """What `read` is to be given for a part's files: each by itself, unless some belong together.

        Raises:
            DataError: they do not fit one another.
        """
        return paths

    @classmethod
    @abstractmethod
    def read(cls, path: Path, config: Any) -> Iterator[Row]:
        """The rows of a file or folder.

        Raises:
            DataError: it is not what the task reads; the message names file and line.
        """

    @classmethod
    @abstractmethod
    def learn(cls, rows: Iterable[Row], config: Any) -> tuple[Preprocessing, list[str]]:
        """What must be known before rows can be encoded, from the training part; and what is to be said of it.

        Raises:
            DataError: nothing can be learned from such rows, as from those of one class only.
        """

    @classmethod
    @abstractmethod
    def encode(cls, row: Row, config: Any, preprocessing: Preprocessing, *, labelled: bool = True) -> Iterable[Encoded]:
        """The examples of a row, most often one; without what is to be predicted unless ``labelled``.

        Raises:
            DataError: the row does not fit; the message begins with ``row.where``.
        """

    @classmethod
    def split(cls, rows: Iterable[Row], shares: Sequence[float], seed: int) -> Iterator[tuple[str, Row]]:
        """Give each row to a part: at random, unless the task knows better; the first of each label is for training."""
        draw = np.random.default_rng(seed)
        bounds = np.cumsum(shares)
        seen: set[str] = set()
        for row in rows:
            part = PARTS[int(np.searchsorted(bounds[:2], draw.random(), "right"))]
            new = set(cls.labels(row)) - seen
            seen |= new
            yield "train" if new else part, row

    @classmethod
    def labels(cls, row: Row) -> Iterable[str]:
        """The labels of a row, of which the training part must have each."""
        return ()

    @classmethod
    def split_kind(cls, shares: Sequence[float]) -> str:
        """How `split` splits, in words."""
        return "random " + "/".join(f"{100 * share:.6g}" for share in shares if share)

    # Learning.

    @classmethod
    @abstractmethod
    def make(cls, config: Any, vocabulary: Preprocessing, backend: str | None) -> nn.Module:
        """A new model."""

    @abstractmethod
    def nats(self, model: Any, columns: Columns, sampling_probability: float) -> Tensor:
        """The sum of the losses of a batch's predictions."""

    def predictions(self, part: Part) -> NDArray[np.int64]:
        """How many predictions each example has: (N,)."""
        return np.ones(len(part), np.int64)

    @classmethod
    def epochs(cls, count: int, batch_size: int) -> int:
        """Passes over so many examples if no budget is given: the task's own, and more where that is too few steps."""
        return max(cls.training["epochs"], -(-cls.fewest_steps * batch_size // count))

    # Using what was learned.

    @abstractmethod
    def measure(self, model: Any, part: Part, *, tables: bool = True) -> Report:
        """The metrics on a part, beside their baselines; without tables, only what validation needs."""

    @abstractmethod
    def predict(self, model: Any, columns: Columns) -> list[dict[str, Any]]:
        """For each example of a batch what the model says, as JSON values."""

    def text(self, prediction: dict[str, Any]) -> str:
        """A prediction as a line of text."""
        return str(next(iter(prediction.values())))

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """Nats per prediction of what needs no network, on the validation part; none unless the task says so."""
        return {}, []

    def vectors(self, model: Any) -> Tensor | None:
        """The embedding that word vectors from a file may start, whose rows are those of the words' vocabulary."""
        return None

    # What the loop asks for.

    @classmethod
    def open(cls, folder: Path) -> Examples:
        """The examples of a run folder."""
        return open_examples(folder)

    @classmethod
    def vocabulary(cls, folder: Path) -> Preprocessing:
        """What was learned from the training part."""
        return read_preprocessing(folder)

    @classmethod
    def create(cls, data: Examples, config: Any, settings: Settings, world: int) -> Self:
        """The task on some examples.

        Raises:
            MissingDependencyError: what its metrics come from is not installed.
        """
        cls.check_packages()
        return cls(config, data.preprocessing, data, settings)

    def build(self) -> nn.Module:
        """A new model, its word vectors from a file if one was given."""
        model = self.make(self.config, self.preprocessing, None if self.settings is None else self.settings.backend)
        embedding = self.vectors(model)
        given = None if self.examples is None else self.examples.vectors()
        if embedding is not None and given is not None and not embedding.is_meta:
            with torch.no_grad():
                embedding.copy_(torch.from_numpy(given))
        return model

    def batches(self, rank: int, world: int) -> "ExampleBatches":
        """The share of process ``rank`` out of ``world`` in every epoch."""
        examples, settings = self._training()
        part = examples.parts["train"]
        lengths = part.columns[self.LENGTH].lengths
        buckets = Buckets(lengths, settings.batch_size, seed=settings.seed, rank=rank, world=world)
        return ExampleBatches(part, buckets, self.predictions(part))

    def start(self, model: nn.Module, rank: int, world: int) -> Carried:
        """Nothing: examples are independent."""
        return {}

    def loss(self, model: nn.Module, batch: Batch, carried: Carried, sampling_probability: float) -> Loss:
        """Mean nats per prediction."""
        device = next(model.parameters()).device
        columns = {name: column.to(device) for name, column in batch.columns.items()}
        return Loss(self.nats(model, columns, sampling_probability) / batch.share, {})

    def validate(self, model: nn.Module) -> Evaluation | None:
        """The metrics on the validation part; None without one."""
        part = self._training()[0].parts["validation"]
        if not len(part):
            return None
        with torch.inference_mode():
            return self.measure(model, part, tables=False).evaluation()

    def predict_rows(
        self, model: nn.Module, rows: Iterable[Row], *, batch_size: int = 64
    ) -> Iterator[tuple[Row, dict[str, Any]]]:
        """What the model says of rows, in their order.

        Raises:
            DataError: a row does not fit; the message begins with its place.
        """
        rows = iter(rows)
        while chunk := list(islice(rows, READ_AT_ONCE)):
            encoded = [
                (row, e) for row in chunk for e in self.encode(row, self.config, self.preprocessing, labelled=False)
            ]
            part = Part({name: Rows([e[name] for _, e in encoded]) for name in encoded[0][1]}) if encoded else Part({})
            with torch.inference_mode():
                said = over(part, self.LENGTH, model, lambda columns: self.predict(model, columns), batch_size)
            yield from ((row, answer) for (row, _), answer in zip(encoded, said, strict=True))

    def _training(self) -> tuple[Examples, Settings]:
        assert self.examples is not None, "the task was made without examples"
        assert self.settings is not None, "the task was made without settings"
        return self.examples, self.settings


def drawn_part(key: bytes, shares: Sequence[float], seed: int) -> str:
    """The part of all rows that have a key in common: as random as a hash, and the same for the same key."""
    drawn = int.from_bytes(hashlib.blake2b(f"{seed} ".encode() + key, digest_size=8).digest()) / 2**64
    return PARTS[int(np.searchsorted(np.cumsum(shares)[:2], drawn, "right"))]


def over(
    part: Part, length: str, model: nn.Module, act: Callable[[Columns], Sequence[T]], batch_size: int = 64
) -> list[T]:
    """Do something with a part in batches of examples of like length; the results in the examples' order.

    Args:
        part: the examples.
        length: the column by whose length they are put together.
        model: on whose device the batches are to be.
        act: gives one result for each example of a batch.
        batch_size: examples at a time.
    """
    order = np.argsort(part.columns[length].lengths, kind="stable") if len(part) else np.zeros(0, np.int64)
    device = next(model.parameters()).device
    found: list[T | None] = [None] * len(part)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        columns = {name: pad(rows).to(device) for name, rows in part.rows(chosen).items()}
        for index, result in zip(chosen, act(columns), strict=True):
            found[int(index)] = result
    return found  # type: ignore[return-value]


class ExampleBatches:
    """Examples in batches of like length, as the loop takes them.

    Args:
        part: the training part.
        buckets: in which order.
        predictions: (N,) how many predictions each example has.
    """

    def __init__(self, part: Part, buckets: Buckets, predictions: NDArray[np.int64]) -> None:
        self.part, self.buckets, self.counts = part, buckets, predictions

    def __len__(self) -> int:
        return len(self.buckets)

    def batch(self, epoch: int, index: int) -> Batch:
        """This process's share of a batch."""
        rows = self.part.rows(self.buckets.own(epoch, index))
        return Batch({n: pad(r) for n, r in rows.items()}, max(1, self.predictions(epoch, index)) / self.buckets.world)

    def predictions(self, epoch: int, index: int) -> int:
        """Predictions in a batch, in all processes together."""
        return int(self.counts[self.buckets.all(epoch, index)].sum())
