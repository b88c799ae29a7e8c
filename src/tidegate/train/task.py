"""The protocol of a task: what the training loop, run folders and the command line ask of one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from torch import Tensor, nn

Carried = dict[str, Tensor]
"""What one step passes to the next, detached: recurrent states, the last prediction. Empty if steps are independent."""


class Loss(NamedTuple):
    """The outcome of one batch.

    Attributes:
        mean: the mean loss over the batch's predictions, a differentiable scalar.
        carried: input of the next batch of the epoch.
        penalty: what is added to the mean for the gradient, but is not part of the reported loss.
        rate_factor: what the learning rate of this step is multiplied by.
    """

    mean: Tensor
    carried: Carried
    penalty: Tensor | None = None
    rate_factor: float = 1.0


@dataclass(frozen=True)
class Evaluation:
    """Means over predictions on data that were not trained on.

    Attributes:
        loss: mean loss per prediction.
        predictions: number of predictions.
        metrics: other metrics by name.
        selection_loss: what the best checkpoint is chosen by, lower is better. Default: `loss`.
    """

    loss: float
    predictions: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    selection_loss: float | None = None


@dataclass(frozen=True)
class EvaluationOptions:
    """Options of ``tidegate evaluate``; a task raises `ArgumentError` for those it does not support.

    Attributes:
        split: the part of the run's own data: "test", "validation" or "train". Default: test if there is one, else
            validation.
        pattern: which files of a folder to read.
        batch_size: streams of text read side by side.
        limit: read at most this many tokens.
        model: the model config, in which decoding settings may differ from the run's.
        cache: a `tidegate.text.continuous_cache.Cache` for a language model.
        dynamic: a `tidegate.text.dynamic_evaluation.DynamicEvaluation` for a language model.
    """

    split: str | None = None
    pattern: str = "*"
    batch_size: int = 32
    limit: int | None = None
    model: Any = None
    cache: Any = None
    dynamic: Any = None


class EvaluationText(NamedTuple):
    """An evaluation as text for a terminal.

    Attributes:
        text: the results.
        notes: remarks on the data, for stderr.
        record: the results as numbers by name, for ``--json``; None if the task has none.
    """

    text: str
    notes: Sequence[str] = ()
    record: Mapping[str, Any] | None = None


class Batches(Protocol):
    """The batches of every epoch, each reachable by its index, so that a resumed run goes on where it stopped."""

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        ...

    def batch(self, epoch: int, index: int) -> Any:
        """Return a batch."""
        ...

    def predictions(self, epoch: int, index: int) -> int:
        """Count the predictions in a batch, in all processes together."""
        ...


class Settings(Protocol):
    """The training settings a task reads; see `tidegate.train.TrainConfig`."""

    @property
    def batch_size(self) -> int: ...  # noqa: D102
    @property
    def k1(self) -> int: ...  # noqa: D102
    @property
    def k2(self) -> int | None: ...  # noqa: D102
    @property
    def random_windows(self) -> bool: ...  # noqa: D102
    @property
    def feeding(self) -> Any: ...  # noqa: D102
    @property
    def validation_tokens(self) -> int | None: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def backend(self) -> str | None: ...  # noqa: D102


class Data(Protocol):
    """The data of a run, prepared in its folder."""

    @property
    def folder(self) -> Path:
        """The run folder."""
        ...

    @property
    def digest(self) -> str:
        """Digest of the data: two runs with the same digest train on the same data."""
        ...

    @property
    def split_kind(self) -> str:
        """How the data were split, in words."""
        ...

    def report(self) -> list[str]:
        """Describe what was read and chosen, in lines for a person."""
        ...

    def verify(self) -> None:
        """Read everything again and compare it with the digest.

        Raises:
            DataError: the data have changed since they were prepared.
        """
        ...


class Task(Protocol):
    """A task: input, target, loss and metrics. One loop trains them all.

    `tidegate.tasks.base_task.ExampleTask` has defaults for most of it.

    Attributes:
        name: as in ``tidegate train NAME``.
        prediction_name: name of a prediction, as in "nats per character".
        Config: dataclass of the model config.
        DataConfig: dataclass of the options of `prepare`.
        SampleConfig: dataclass of the options of `sampler`; None if the task writes no samples.
        data_help: description of DATA on the command line.
        extra_settings: the names in `tidegate.train.config.TASK_SETTINGS` that the task uses.
        training_defaults: default training settings where they are not those of `tidegate.train.TrainConfig`.
            "epochs" is the budget if none is given.
        fewest_steps: minimal number of steps if no budget is given.
        files: names, or patterns, of the files that `prepare` writes.
        look: "module:function" that looks inside a run, see `tidegate.lens.tasks`; None if there is none.
        next_commands: commands for a finished run, with ``{run}`` in place of its folder.
        seeds: whether runs that differ in their seed can be compared (`compare_seeds`).
        notes: what had to be changed in the settings.
    """

    name: str
    prediction_name: str
    Config: type[Any]
    DataConfig: type[Any]
    SampleConfig: type[Any] | None
    data_help: str
    extra_settings: Sequence[str]
    training_defaults: Mapping[str, Any]
    fewest_steps: int
    files: Sequence[str]
    look: str | None
    next_commands: Sequence[str]
    seeds: bool
    notes: list[str]

    @property
    def loss_unit(self) -> str:
        """What the loss is measured in: "nats", as in "nats per character"."""
        ...

    # Data.

    @classmethod
    def prepare(cls, data: Sequence[str], config: Any, options: Any, folder: Path) -> Data:
        """Read data as given on the command line and write them to a run folder.

        Args:
            data: files, folders or other sources.
            config: the model config.
            options: a `DataConfig`.
            folder: the run folder.

        Raises:
            DataError: the data are not what the task reads.
            ArgumentError: an option is out of range.
        """
        ...

    @classmethod
    def open(cls, folder: Path) -> Data:
        """Open the data of a run folder.

        Raises:
            RunFolderError: a file is missing, truncated, foreign or altered.
        """
        ...

    @classmethod
    def check_data(cls, data: Any, config: Any) -> None:
        """Check that the data of a run folder, which is not trusted, fit its model config.

        Raises:
            RunFolderError: they do not: the folder was altered.
        """
        ...

    @classmethod
    def vocabulary(cls, folder: Path) -> Any:
        """Load what is needed of the data to use a trained model: a tokenizer, or the fitted preprocessing.

        Raises:
            RunFolderError: a file is missing, truncated, foreign or altered.
        """
        ...

    @classmethod
    def tokenizer(cls, vocabulary: Any) -> Any:
        """Return the tokenizer in what `vocabulary` loaded; None if the task has none."""
        ...

    @classmethod
    def run_name(cls, data: Sequence[str], config: Any) -> str:
        """Return the default name of the run's folder."""
        ...

    # Training.

    @classmethod
    def complete_config(cls, config: Any, data: Any) -> Any:
        """Return the model config with the sizes that depend on the data filled in."""
        ...

    @classmethod
    def create(cls, data: Any, config: Any, settings: Settings, world: int) -> Self:
        """Create the task on some data, shared by ``world`` processes.

        Raises:
            ArgumentError: the model does not fit the data, or the batch not the processes.
        """
        ...

    @classmethod
    def default_epochs(cls, data: Any, batch_size: int) -> int:
        """Return the number of epochs if no budget is given."""
        ...

    @classmethod
    def make_model(cls, config: Any, vocabulary: Any, backend: str | None) -> nn.Module:
        """Make a new model, its initial values drawn from torch's global random numbers."""
        ...

    def new_model(self) -> nn.Module:
        """Make a new model for these data, its initial values drawn from torch's global random numbers."""
        ...

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """Compute the losses of baselines on the validation part, and notes for the user."""
        ...

    def batches(self, rank: int, world: int) -> Batches:
        """Return the batches of process ``rank`` out of ``world``."""
        ...

    def start(self, model: nn.Module, rank: int, world: int) -> Carried:
        """Return the input of the first batch of an epoch, on the model's device."""
        ...

    def loss(self, model: nn.Module, batch: Any, carried: Carried, sampling_probability: float) -> Loss:
        """Compute the loss of one batch. Random numbers come from torch's global generators, seeded at each step."""
        ...

    def validate(self, model: nn.Module) -> Evaluation | None:
        """Evaluate on the validation part, the model being in eval mode; None without such a part."""
        ...

    @classmethod
    def sampler(cls, vocabulary: Any, options: Any) -> Callable[[Any], str] | None:
        """Return a function that writes a sample with a model; None if no sample is to be written."""
        ...

    # Finished runs: `tidegate.train.Run`.

    @classmethod
    def evaluate(cls, run: Any, files: Sequence[Path], options: EvaluationOptions) -> EvaluationText:
        """Evaluate a run on a part of its own data, or on files.

        Raises:
            ArgumentError: an option does not fit the task or the run.
            DataError: a file is not what the task reads.
        """
        ...

    @classmethod
    def summary(cls, folder: Path) -> str:
        """Describe the result of a finished run; may be empty."""
        ...

    @classmethod
    def compare_seeds(cls, folders: Sequence[Path]) -> str:
        """Summarise runs that differ in their seed; may be empty."""
        ...
