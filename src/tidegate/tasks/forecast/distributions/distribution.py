"""What a distribution of the next value has to offer."""

from typing import ClassVar, Protocol

from torch import Tensor


class Distribution(Protocol):
    """A distribution given by numbers, the first of which is the location, so that a model can add to it.

    Attributes:
        size: how many numbers the model's output layer predicts.
        counts: whether values are whole numbers from 0 on. They are not centred, but divided by nu = 1 + their mean
            (Salinas et al. 2020), and log nu follows the numbers of the output layer, as it is the model's last input.
        loss_unit: what the loss is measured in.
    """

    size: ClassVar[int]
    counts: ClassVar[bool]
    loss_unit: ClassVar[str]

    def loss(self, given: Tensor, value: Tensor) -> Tensor:
        """(..., size) and (...) to (...)."""
        ...

    def quantile(self, given: Tensor, share: Tensor) -> Tensor:
        """The value below which a share lies: (..., size), and (...) or a shape that expands to it, to (...)."""
        ...
