"""Averages of the parameters over steps (Polyak & Juditsky 1992), begun when validation stops improving.

NT-ASGD (Merity, Keskar & Socher 2018, "Regularizing and optimizing LSTM language models", algorithm 1): averaging
begins after the first validation whose loss is above the lowest of those more than N before it. The steps go on from
the parameters themselves; their mean is what is validated, kept and used.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tidegate.io.tensor_files import Layout

LOSSES, COUNT, MEAN = "losses", "count", "mean."


class Averages:
    """The mean of a model's parameters over all steps since the trigger.

    Args:
        model: the model.
        after: N. None: parameters are never averaged, and every method does nothing.
    """

    def __init__(self, model: nn.Module, after: int | None) -> None:
        self.model, self.enabled = model, after is not None
        # The lowest loss of the older validations, then those of the last N.
        self._losses = torch.full(((after or 0) + 1,), math.inf, dtype=torch.float64)
        self._means: dict[str, Tensor] = {}
        self._count = 0
        self._begun = False

    def observe(self, loss: float) -> None:
        """Note the loss of a validation; averaging may begin with the next step."""
        if not self.enabled or self._begun:
            return
        self._begun = loss > float(self._losses[0])
        lowest = self._losses[:2].amin().reshape(1)
        self._losses = torch.cat([lowest, self._losses[2:], self._losses.new_tensor([loss])])

    @torch.no_grad()
    def add(self) -> None:
        """Add the parameters after a step to the mean."""
        if not self._begun:
            return
        self._count += 1
        for name, parameter in self.model.named_parameters():
            if self._count == 1:
                self._means[name] = parameter.detach().clone()
            else:
                self._means[name].lerp_(parameter, 1 / self._count)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Put the means, if there are any, in the parameters' place for a while."""
        if not self._means:
            yield
            return
        parameters = dict(self.model.named_parameters())
        kept = {name: it.detach().clone() for name, it in parameters.items()}
        self._write(parameters, self._means)
        try:
            yield
        finally:
            self._write(parameters, kept)

    def tensors(self) -> dict[str, Tensor]:
        """Return the state as named tensors."""
        if not self.enabled:
            return {}
        count = -1 if not self._begun else self._count
        state = {LOSSES: self._losses, COUNT: torch.tensor(count)}
        return state | {MEAN + name: it for name, it in self._means.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `tensors` returned."""
        if not self.enabled:
            return
        self._losses, count = tensors[LOSSES].clone(), int(tensors[COUNT])
        self._begun, self._count = count >= 0, max(0, count)
        devices = {name: it.device for name, it in self.model.named_parameters()}
        means = {name.removeprefix(MEAN): it for name, it in tensors.items() if name.startswith(MEAN)}
        self._means = {name: it.to(devices[name], copy=True) for name, it in means.items()}

    @staticmethod
    @torch.no_grad()
    def _write(parameters: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
        for name, parameter in parameters.items():
            parameter.copy_(values[name])


def average_layout(parameters: Layout, after: int | None) -> tuple[Layout, Layout]:
    """Return the layouts of `Averages.tensors` before there are means and then."""
    if after is None:
        return {}, {}
    before: Layout = {LOSSES: (torch.float64, (after + 1,)), COUNT: (torch.int64, ())}
    return before, before | {MEAN + name: entry for name, entry in parameters.items()}
