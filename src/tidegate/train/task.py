"""What the training loop needs to know of a task, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from torch import Tensor, nn

Carried = dict[str, Tensor]
"""What one step hands to the next, detached: recurrent states, the last prediction. Empty if steps are independent."""


class Loss(NamedTuple):
    """The outcome of one batch.

    Attributes:
        nats: the mean loss over the batch's predictions, a differentiable scalar.
        carried: what the next batch of the epoch begins with.
    """

    nats: Tensor
    carried: Carried


@dataclass(frozen=True)
class Evaluation:
    """A mean over predictions that were not trained on.

    Attributes:
        nats: mean loss per prediction.
        predictions: how many.
        metrics: what else was measured, by name.
        criterion: what the best model is chosen by, lower is better; None: ``nats``.
    """

    nats: float
    predictions: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    criterion: float | None = None


class Batches(Protocol):
    """The batches of every epoch, each reachable by its index, so that a resumed run goes on where it stopped."""

    def __len__(self) -> int:
        """Batches in an epoch."""
        ...

    def batch(self, epoch: int, index: int) -> Any:
        """A batch."""
        ...

    def predictions(self, epoch: int, index: int) -> int:
        """Predictions in a batch, in all processes together."""
        ...


class Settings(Protocol):
    """What a task takes from the settings of training; see `tidegate.train.TrainConfig`."""

    @property
    def batch_size(self) -> int: ...  # noqa: D102
    @property
    def k1(self) -> int: ...  # noqa: D102
    @property
    def k2(self) -> int | None: ...  # noqa: D102
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
        """Two runs with the same digest train on the same data."""
        ...

    @property
    def split_kind(self) -> str:
        """How they were split, in words."""
        ...

    def report(self) -> list[str]:
        """What was read and chosen, in lines for a person."""
        ...

    def verify(self) -> None:
        """Read everything again and compare it with the digest.

        Raises:
            DataError: the data are not those that were prepared.
        """
        ...


class Task(Protocol):
    """A task: what is fed, what is predicted, loss and metric. The same loop trains them all.

    Attributes:
        name: as in ``tidegate train NAME``.
        prediction_name: what a prediction is, as in "nats per character".
        Config: the dataclass of plain values that says how the model is made.
        notes: what had to be changed in what was asked for.
    """

    name: ClassVar[str]
    prediction_name: str
    Config: ClassVar[type[Any]]
    notes: list[str]

    @classmethod
    def open(cls, folder: Path) -> Data:
        """The data of a run folder.

        Raises:
            RunFolderError: a file is missing, truncated, foreign or altered.
        """
        ...

    @classmethod
    def vocabulary(cls, folder: Path) -> Any:
        """What the model's numbers stand for: all that is needed of the data to use a trained model.

        Raises:
            RunFolderError: a file is missing, truncated, foreign or altered.
        """
        ...

    @classmethod
    def create(cls, data: Any, config: Any, settings: Settings, world: int) -> Self:
        """The task on some data, shared by ``world`` processes.

        Raises:
            ArgumentError: the model does not fit the data, or the batch not the processes.
        """
        ...

    @classmethod
    def make(cls, config: Any, vocabulary: Any, backend: str | None) -> nn.Module:
        """A new model, its initial values drawn from torch's global random numbers."""
        ...

    def build(self) -> nn.Module:
        """A new model for these data, its initial values drawn from torch's global random numbers."""
        ...

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """Nats per prediction of what needs no network, on the validation part; and what is to be said of it."""
        ...

    def batches(self, rank: int, world: int) -> Batches:
        """The share of process ``rank`` out of ``world`` in every epoch."""
        ...

    def start(self, model: nn.Module, rank: int, world: int) -> Carried:
        """What the first batch of an epoch begins with, on the model's device."""
        ...

    def loss(self, model: nn.Module, batch: Any, carried: Carried, sampling_probability: float) -> Loss:
        """The loss of one batch. Random numbers come from torch's global generators, seeded at each step."""
        ...

    def validate(self, model: nn.Module) -> Evaluation | None:
        """The loss on the validation part, the model being in eval mode; None without such a part."""
        ...
