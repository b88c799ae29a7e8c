"""A prediction as a function of the inputs before it: values, gradients, and their integral along a path."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.lens.progress import pass_on
from tidegate.lens.record.trace import CHUNK
from tidegate.text.model import LanguageModel, State

Baseline = Literal["zero", "mean"]

TOLERANCE = 0.01  # of the difference that integrated gradients must sum to
PANEL = 8  # nodes of the Gauss-Legendre rule on each part of the path
ROOM = 1 << 23  # numbers of input run at once: bounds the memory of many variants of a long window


class Function(ABC):
    """A number, such as log p of a token, as a function of the inputs of W steps."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where it is computed."""

    @abstractmethod
    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the number (B,), float64, for each of B variants of the inputs (W, B, I)."""

    def values(self, inputs: Tensor) -> Tensor:
        """Return log p (B,) without gradients, for any number of variants."""
        with torch.no_grad():
            return torch.cat([self(part) for part in _parts(inputs)])

    def gradients(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values (B,) and their gradients (W, B, I)."""
        values, slopes = [], []
        for part in _parts(inputs):
            with torch.enable_grad():
                leaf = part.detach().clone().requires_grad_()
                value = self(leaf)
                (slope,) = torch.autograd.grad(value.sum(), leaf)
            values.append(value.detach())
            slopes.append(slope)
        return torch.cat(values), torch.cat(slopes, 1)

    def erased(self, inputs: Tensor, absent: Tensor | None) -> Tensor:
        """Return the value without each token in turn, (W,)."""
        count, found = len(inputs), []
        room = max(1, ROOM // inputs.numel())
        for begin in range(0, count, room):
            which = torch.arange(begin, min(begin + room, count), device=self.device)
            if absent is None:
                place = torch.arange(count - 1, device=self.device)[:, None]
                variants = inputs[place + (place >= which)]
            else:
                variants = inputs[:, None].repeat(1, len(which), 1)
                variants[which, which - begin] = absent
            found.append(self.values(variants))
        return torch.cat(found)


class Prediction(Function):
    """log p(target) as a function of the window's inputs; the token before the window is always read first.

    The prediction is based on that token alone when a window of one token is erased.

    Args:
        model: the model, in eval mode.
        before: the tokens before the window, at least one.
        target: the token whose probability is meant.
    """

    def __init__(self, model: LanguageModel, before: NDArray[np.int64], target: int) -> None:
        self.model, self.target = model, target
        state: State | None = None
        with torch.no_grad():
            for begin in range(0, len(before) - 1, CHUNK):
                stop = min(begin + CHUNK, len(before) - 1)
                _, state = model.features(torch.from_numpy(before[begin:stop]).to(self.device)[None], state)
            self.last = self.inputs(before[-1:])
        self.state = model.zero_state(1) if state is None else state

    def inputs(self, ids: NDArray[np.int64]) -> Tensor:
        """Return the input vectors (W, I) of tokens."""
        with torch.no_grad():
            return self.model.embed(torch.from_numpy(ids).to(self.device))

    def absent(self, baseline: Baseline) -> Tensor:
        """Return the baseline's vector (I,)."""
        rows = self.model.embedding
        if baseline == "zero":
            return torch.zeros_like(self.last[0])
        if rows is None:  # the mean of all one-hot vectors
            return torch.full_like(self.last[0], 1 / self.model.vocabulary_size)
        return rows.weight.detach().mean(0)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return log p (B,) for inputs (W, B, I)."""
        count, batch, _ = inputs.shape
        return self.log_p_after(inputs, torch.full((batch,), count, device=self.device))[:, self.target]

    def log_p_after(self, inputs: Tensor, counts: Tensor) -> Tensor:
        """Return log p of every token (B, V), float64, after the first ``counts`` (B,) of the inputs (W, B, I)."""
        batch = inputs.shape[1]
        state = tuple(it.expand(-1, batch, -1).contiguous() for it in self.state)
        whole = torch.cat([self.last[:, None].expand(-1, batch, -1), inputs])
        output, _ = self.model.recurrent(whole, state[0] if len(state) == 1 else state)
        rows = torch.arange(batch, device=self.device)
        return self.model.output(output[counts, rows]).double().log_softmax(-1)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.output.weight.device


class Path:
    """The straight line from a baseline to the inputs, in parts [a, b] of [0, 1].

    Args:
        function: the function whose gradient is integrated.
        begin: the baseline (W, I).
        end: the inputs (W, I).
    """

    def __init__(self, function: Function, begin: Tensor, end: Tensor) -> None:
        self.function, self.begin, self.way = function, begin, end - begin
        nodes, weights = np.polynomial.legendre.leggauss(PANEL)
        self.nodes, self.weights = (nodes + 1) / 2, weights / 2
        self.first = float(function.values(begin[:, None])[0])

    def points(self, places: NDArray[np.float64]) -> Tensor:
        """Return the inputs (W, places, I) at points between 0 and 1."""
        along = torch.from_numpy(places).to(self.way)
        return self.begin[:, None] + along[:, None] * self.way[:, None]

    def values(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return F at points between 0 and 1."""
        return numpy_of(self.function.values(self.points(places)))

    def gains(self, parts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the integral over each part, by position: (parts, W)."""
        low, width = parts[:, :1], parts[:, 1:] - parts[:, :1]
        sums: list[NDArray[np.float64]] = []
        room = max(1, ROOM // (PANEL * self.way.numel()))
        for k in range(0, len(parts), room):
            places = (low + width * self.nodes)[k : k + room]
            _, slope = self.function.gradients(self.points(places.ravel()))
            along = numpy_of((slope * self.way[:, None]).sum(-1)).reshape(len(self.way), -1, PANEL)
            sums.append((along @ self.weights).T * width[k : k + room])
        return np.concatenate(sums)

    def integrate(self, steps: int, limit: int) -> tuple[NDArray[np.float64], int, bool]:
        """Return the integral by position (W,), the number of gradients, and whether it is complete."""
        ends = np.linspace(0, 1, 1 + max(1, min(steps, limit) // PANEL))
        at_ends = self.values(ends)
        whole = at_ends[-1] - at_ends[0]
        parts, due = np.stack([ends[:-1], ends[1:]], 1), np.diff(at_ends)
        gains = self.gains(parts)
        used = PANEL * len(parts)
        while True:
            misses = np.abs(gains.sum(1) - due)
            complete = bool(misses.sum() <= TOLERANCE * abs(whole))
            worst = np.flatnonzero(misses > TOLERANCE * abs(whole) / (2 * len(parts)))
            if complete or not len(worst) or used + 2 * PANEL * len(worst) > limit:  # `worst` is empty if all are nan
                return gains.sum(0), used, complete
            middles = parts[worst].mean(1)
            halves = np.concatenate([np.stack([parts[worst, 0], middles], 1), np.stack([middles, parts[worst, 1]], 1)])
            low, high, middle = self.values(parts[worst, 0]), self.values(parts[worst, 1]), self.values(middles)
            kept = np.setdiff1d(np.arange(len(parts)), worst)
            parts = np.concatenate([parts[kept], halves])
            due = np.concatenate([due[kept], middle - low, high - middle])
            gains = np.concatenate([gains[kept], self.gains(halves)])
            used += PANEL * len(halves)


def numpy_of(values: Tensor) -> NDArray[np.float64]:
    """Return values in memory, as float64."""
    return values.double().cpu().numpy()


def _parts(inputs: Tensor) -> Iterator[Tensor]:
    each = max(1, ROOM // max(1, inputs.shape[0] * inputs.shape[2]))
    for part in inputs.split(each, 1):
        pass_on()  # it may be stopped here
        yield part
