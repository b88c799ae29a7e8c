"""What the training loop needs to know of a task, and nothing else."""

from typing import Any, NamedTuple, Protocol

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


class Evaluation(NamedTuple):
    """A mean over predictions that were not trained on.

    Attributes:
        nats: mean loss per prediction.
        units: how many predictions.
    """

    nats: float
    units: int


class Batches(Protocol):
    """One epoch's batches, each reachable by its index, so that a resumed run goes on where it stopped."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any: ...

    def units(self, index: int) -> int:
        """Predictions in batch ``index``, in all processes together."""
        ...


class Task(Protocol):
    """A task: what is fed, what is predicted, loss and metric. The same loop trains them all.

    Attributes:
        name: as in ``tidegate train NAME``.
        unit: what a prediction is, as in "nats per character".
    """

    name: str
    unit: str

    def build(self) -> nn.Module:
        """A new model, its initial values drawn from torch's global random numbers."""
        ...

    def batches(self, rank: int, world: int) -> Batches:
        """The share of process ``rank`` out of ``world`` in one epoch."""
        ...

    def start(self, model: nn.Module, rank: int, world: int) -> Carried:
        """What the first batch of an epoch begins with, on the model's device."""
        ...

    def loss(self, model: nn.Module, batch: Any, carried: Carried, own_share: float) -> Loss:
        """The loss of one batch. Random numbers come from torch's global generators, seeded at each step."""
        ...

    def validate(self, model: nn.Module) -> Evaluation | None:
        """The loss on the validation part, the model being in eval mode; None without such a part."""
        ...
