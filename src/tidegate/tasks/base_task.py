"""The base class of tasks on independent examples."""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.data.buckets import Batch, Buckets
from tidegate.data.column_kinds import ColumnKind, check_examples
from tidegate.data.columns import FOLDER, Encoded, Examples, Part, Preprocessing, open_examples, read_preprocessing
from tidegate.data.rows import Row
from tidegate.data.sources import PARTS, find_sources, source_name
from tidegate.errors import ArgumentError
from tidegate.io.optional import needed
from tidegate.tasks.data_options import ExamplesConfig
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.evaluate_run import evaluate_run, seed_summary, validation_summary
from tidegate.tasks.example_batches import Columns, ExampleBatches
from tidegate.tasks.metrics_report import Report
from tidegate.tasks.predict_rows import predict_rows
from tidegate.train.options import parse_splits
from tidegate.train.registry import task_named
from tidegate.train.task import Carried, Evaluation, EvaluationOptions, EvaluationText, Loss, Settings


class ExampleTask(ABC):
    """A task on independent examples. A subclass says how its files are read, and has a model, a loss and metrics.

    The attributes are explained in `tidegate.train.task.Task`.

    Args:
        config: the model config.
        preprocessing: what was fitted on the training part.
        examples: the data. Default: none, to use a trained model.
        settings: training settings. Default: none, likewise.
    """

    name: str
    prediction_name: str = "example"
    Config: type[Any]
    DataConfig: type[Any] = ExamplesConfig
    SampleConfig: type[Any] | None = None
    LENGTH: str
    """The column by whose length examples are batched."""
    PACKAGES: Sequence[str] = ()
    """Packages that the metrics need, by the names they are imported by."""
    data_help: str = "Files or folders; or sample:NAME, which is generated; or hub:OWNER/NAME."
    training_defaults: Mapping[str, Any] = {"validate_every": None, "epochs": 10}
    fewest_steps: int = 2000
    extra_settings: Sequence[str] = ()
    files: Sequence[str] = ("examples.json", "vocabulary.json", f"{FOLDER}/*.npy")
    look: str | None = None
    next_commands: Sequence[str] = ("tidegate evaluate {run}", "tidegate predict {run} FILES")
    seeds: bool = True
    split_name: str = "random"

    def __init__(
        self,
        config: Any,
        preprocessing: Preprocessing,
        examples: Examples | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.config, self.preprocessing, self.examples, self.settings = config, preprocessing, examples, settings
        self.notes: list[str] = []

    @property
    def loss_unit(self) -> str:
        """What the loss is measured in, as in "nats per step": nats, unless it is no -log p."""
        return "nats"

    @classmethod
    def check_packages(cls) -> None:
        """Check before training that the packages of the metrics can be imported; raises `MissingDependencyError`."""
        for name in cls.PACKAGES:
            needed(name, f"The task {cls.name} needs")

    # From files to examples.

    @classmethod
    def group_files(cls, paths: Sequence[Path]) -> Sequence[Any]:
        """Return what `read` is called with, for a part's files: each file, unless some belong together.

        Raises:
            DataError: they do not fit one another.
        """
        return paths

    @classmethod
    def remarks(cls, path: Any, config: Any) -> Sequence[str]:
        """Say what of a file or folder is left alone, in lines for the user; nothing by default."""
        return ()

    @classmethod
    @abstractmethod
    def read(cls, path: Path, config: Any) -> Iterator[Row]:
        """Read the rows of a file or folder.

        Raises:
            DataError: it is not what the task reads; the message names file and line.
        """

    @classmethod
    @abstractmethod
    def fit(cls, rows: Iterable[Row], config: Any) -> tuple[Preprocessing, list[str]]:
        """Fit the preprocessing on the rows of the training part; return it with notes for the user.

        Raises:
            DataError: the rows do not suffice, as when all have the same class.
        """

    @classmethod
    @abstractmethod
    def encode(cls, row: Row, config: Any, preprocessing: Preprocessing, *, labelled: bool = True) -> Iterable[Encoded]:
        """Encode the examples of a row, most often one; without targets unless ``labelled``.

        Raises:
            DataError: the row does not fit; the message begins with ``row.where``.
        """

    @classmethod
    def split(cls, rows: Iterable[Row], shares: Sequence[float], seed: int) -> Iterator[tuple[str, Row]]:
        """Assign each row to a part: at random by default, but the first row of each label is for training."""
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
        """Return the labels of a row. The training part gets at least one row of each label."""
        return ()

    @classmethod
    def split_kind(cls, shares: Sequence[float]) -> str:
        """Describe how `split` splits."""
        return f"{cls.split_name} " + "/".join(f"{100 * share:.6g}" for share in shares if share)

    @classmethod
    def column_kinds(cls, config: Any, preprocessing: Preprocessing, part: str) -> Mapping[str, ColumnKind]:
        """Return what the columns of a part hold, to check those of a run folder; none are checked by default."""
        return {}

    # Training.

    @classmethod
    @abstractmethod
    def make_model(cls, config: Any, vocabulary: Preprocessing, backend: str | None) -> nn.Module:
        """Make a new model."""

    @abstractmethod
    def summed_loss(self, model: Any, columns: Columns, sampling_probability: float) -> Tensor:
        """Compute the sum of the losses of a batch's predictions."""

    def predictions(self, part: Part) -> NDArray[np.int64]:
        """Count the predictions of each example: (N,)."""
        return np.ones(len(part), np.int64)

    @classmethod
    def default_epochs(cls, data: Examples, batch_size: int) -> int:
        """Return the number of epochs if no budget is given: the task's, or more to reach its `fewest_steps`."""
        return max(cls.training_defaults["epochs"], -(-cls.fewest_steps * batch_size // len(data.parts["train"])))

    # Evaluation and prediction.

    @abstractmethod
    def measure(self, model: Any, part: Part, *, tables: bool = True) -> Report:
        """Compute the metrics on a part, beside baselines; without ``tables``, only what validation needs."""

    @abstractmethod
    def predict(self, model: Any, columns: Columns) -> list[dict[str, Any]]:
        """Predict for each example of a batch, as JSON values."""

    def text(self, prediction: dict[str, Any]) -> str:
        """Format a prediction as a line of text."""
        return str(next(iter(prediction.values())))

    def record(self, row: Row, prediction: dict[str, Any]) -> dict[str, Any]:
        """Return a prediction as a JSON object, with what it is for where the prediction does not say it."""
        return prediction

    def shown(self, prediction: dict[str, Any]) -> str:
        r"""Format a prediction for the terminal: as one line, with ``\n`` for a line break."""
        return self.text(prediction).replace("\n", "\\n").replace("\r", "\\r")

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """Compute the losses of baselines on the validation part, and notes for the user; none by default."""
        return {}, []

    def vectors(self, model: Any) -> Tensor | None:
        """Return the embedding that pretrained word vectors may initialise, a row for each word; None by default."""
        return None

    # What the loop, the run folder and the command line need; see `tidegate.train.task.Task`.

    @classmethod
    def prepare(cls, data: Sequence[str], config: Any, options: ExamplesConfig, folder: Path) -> Examples:
        """Encode files, a sample or a data set of the Hugging Face hub in a run folder."""
        shares = parse_splits(options.splits) or (1.0, 0.0, 0.0)
        if getattr(config, "freeze_vectors", False) and options.vectors is None:
            raise ArgumentError(
                "freeze_vectors is given without vectors: random ones would be kept. Give vectors, too."
            )
        with tempfile.TemporaryDirectory(prefix="tidegate-") as workspace:
            sources = find_sources(data, options.validation or [], options.test or [], workspace=Path(workspace))
            seed, vectors, words = options.split_seed, options.vectors, options.vector_words
            return prepare_examples(
                cls, sources, config, folder, shares=shares, seed=seed, vectors=vectors, vector_words=words
            )

    @classmethod
    def open(cls, folder: Path) -> Examples:
        """Open the examples of a run folder."""
        return open_examples(folder)

    @classmethod
    def check_data(cls, data: Examples, config: Any) -> None:
        """Check the examples of a run folder."""
        check_examples(data, lambda part: cls.column_kinds(config, data.preprocessing, part))

    @classmethod
    def vocabulary(cls, folder: Path) -> Preprocessing:
        """Load the fitted preprocessing."""
        return read_preprocessing(folder)

    @classmethod
    def tokenizer(cls, vocabulary: Preprocessing) -> None:
        """Return None: only language models have a tokenizer."""
        return None  # noqa: RET501

    @classmethod
    def run_name(cls, data: Sequence[str], config: Any) -> str:
        """Return NAME-TASK-CELL, NAME being that of the first file, folder or sample."""
        return f"{source_name(data[0])}-{cls.name}-{config.cell}"

    @classmethod
    def complete_config(cls, config: Any, data: Examples) -> Any:
        """Return the config: sizes that depend on the data are in the preprocessing."""
        return config

    @classmethod
    def create(cls, data: Examples, config: Any, settings: Settings, world: int) -> Self:
        """Create the task on some examples, after checking them and that the packages of the metrics are installed."""
        cls.check_packages()
        cls.check_data(data, config)
        return cls(config, data.preprocessing, data, settings)

    def new_model(self) -> nn.Module:
        """Make a new model, with pretrained word vectors if there are any."""
        backend = None if self.settings is None else self.settings.backend
        model = self.make_model(self.config, self.preprocessing, backend)
        embedding = self.vectors(model)
        given = None if self.examples is None else self.examples.vectors()
        if embedding is not None and given is not None and not embedding.is_meta:
            with torch.no_grad():
                embedding.copy_(torch.from_numpy(given))
        return model

    def batches(self, rank: int, world: int) -> "ExampleBatches":
        """Return the batches of process ``rank`` out of ``world``."""
        examples, settings = self._training()
        part = examples.parts["train"]
        lengths = part.columns[self.LENGTH].lengths
        buckets = Buckets(lengths, settings.batch_size, seed=settings.seed, rank=rank, world=world)
        return ExampleBatches(part, buckets, self.predictions(part))

    def start(self, model: nn.Module, rank: int, world: int) -> Carried:
        """Return nothing: examples are independent."""
        return {}

    def loss(self, model: nn.Module, batch: Batch, carried: Carried, sampling_probability: float) -> Loss:
        """Compute the mean loss per prediction."""
        device = next(model.parameters()).device
        columns = {name: column.to(device) for name, column in batch.columns.items()}
        return Loss(self.summed_loss(model, columns, sampling_probability) / batch.share, {})

    def validate(self, model: nn.Module) -> Evaluation | None:
        """Compute the metrics on the validation part; None without one."""
        part = self._training()[0].parts["validation"]
        if not len(part):
            return None
        with torch.inference_mode():
            return self.measure(model, part, tables=False).evaluation()

    def predict_rows(
        self, model: nn.Module, rows: Iterable[Row], *, batch_size: int = 64
    ) -> Iterator[tuple[Row, dict[str, Any]]]:
        """Predict for rows, one prediction for each, in their order.

        Raises:
            DataError: a row does not fit; the message begins with its place.
        """
        return predict_rows(self, model, rows, batch_size)

    def unfamiliar(self, rows: Iterable[Row]) -> Sequence[str]:
        """Say what of rows to predict for was not in the training part, in lines for the user; nothing by default."""
        return ()

    def blank_prediction(self, row: Row) -> dict[str, Any] | None:
        """Return the prediction for a row that holds nothing to predict for; None, by default, for all rows."""
        return None

    @classmethod
    def sampler(cls, vocabulary: Preprocessing, options: Any) -> None:
        """Return None: no samples are written during training."""
        return None  # noqa: RET501

    @classmethod
    def evaluate(cls, run: Any, files: Sequence[Path], options: EvaluationOptions) -> EvaluationText:
        """Evaluate a run on a part of its own examples, or on other files, with all tables."""
        return evaluate_run(cls, run, files, options)

    @classmethod
    def summary(cls, folder: Path) -> str:
        """Format the metrics on the validation part; empty without one."""
        return validation_summary(cls, folder)

    @classmethod
    def compare_seeds(cls, folders: Sequence[Path]) -> str:
        """Format mean and deviation of each metric; empty without a validation part."""
        return seed_summary(cls, folders)

    def _training(self) -> tuple[Examples, Settings]:
        assert self.examples is not None, "the task was created without examples"
        assert self.settings is not None, "the task was created without settings"
        return self.examples, self.settings


def example_task(name: str) -> type[ExampleTask]:
    """Return the task of a name, which must be one on independent examples.

    Raises:
        ArgumentError: no such task has that name.
    """
    found = task_named(name)
    if not issubclass(found, ExampleTask):
        raise ArgumentError(f"The task {name!r} is not one on independent examples.")
    return found
