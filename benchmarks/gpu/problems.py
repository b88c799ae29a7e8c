"""What is computed: a layer's sizes, its weights and inputs, and the contenders that compute it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

import tidegate
from benchmarks.gpu.clock import Run
from benchmarks.gpu.precisions import Precision
from benchmarks.layers import DROP_INS, own_cell
from benchmarks.peers.torch_nn import LAYERS
from tidegate.cells import Cell, lstm, with_heads
from tidegate.cells.language.expression import postorder

Mode = Literal["inference", "training"]
ROTATED = 64 << 20  # bytes of inputs that the calls of a block take turns with, if that needs no more than
COPIES = 4  # inputs
GAIN = 0.1  # of normalised values, at the start, as in Cooijmans et al. 2017; with 1 hundreds of steps are chaotic
HEADED = with_heads(lstm, 4)
OWN = {it.name: it for it in (own_cell, HEADED)}  # cells that are not found by name


@dataclass(frozen=True)
class Shape:
    """Sizes: B sequences of T steps, H hidden units and input features.

    Attributes:
        batch: B.
        steps: T.
        size: H.
        layers: on top of one another.
        directions: 1 or 2.
    """

    batch: int
    steps: int
    size: int
    layers: int = 1
    directions: int = 1

    def __str__(self) -> str:
        more = f" {self.layers} layers" * (self.layers > 1) + " bidirectional" * (self.directions > 1)
        return f"{self.batch}x{self.steps}x{self.size}{more}"


@dataclass(frozen=True)
class Problem:
    """A layer to be run, the same for all contenders.

    Attributes:
        cell: its name.
        shape: its sizes.
        precision: in which it is computed.
        mode: "inference", or "training": forward, and backward to the input and all weights.
        state_dict: the weights, in float64; they and the inputs are numbers of bfloat16, so that all precisions have
            the same.
        inputs: (T, B, H) each; calls take turns with them.
        cotangent: the gradient of the output.
        reset: (T, B), where a new sequence begins; None for nowhere.
    """

    cell: str
    shape: Shape
    precision: Precision
    mode: Mode
    state_dict: Mapping[str, Tensor]
    inputs: tuple[Tensor, ...]
    cotangent: Tensor
    reset: Tensor | None = None

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return self.cotangent.device

    def layer(self, backend: str | None = None, dtype: torch.dtype | None = None) -> tidegate.nn.Layered:
        """Return our layer with the weights."""
        made = make_layer(self.cell, self.shape, backend)
        return self._placed(made, dtype)

    def torch_layer(self, dtype: torch.dtype | None = None) -> torch.nn.Module:
        """Return torch.nn's layer with the weights."""
        shape = self.shape
        made = LAYERS[self.cell](shape.size, shape.size, shape.layers, bidirectional=shape.directions == 2)
        return self._placed(made, dtype)

    def _placed(self, module: Any, dtype: torch.dtype | None) -> Any:
        module.to(device=self.device, dtype=dtype or self.precision.dtype)
        module.load_state_dict(self.state_dict)
        return module


def make_layer(cell: str, shape: Shape, backend: str | None = None) -> tidegate.nn.Layered:
    """Return our layer of a cell by name, torch.nn's or another."""
    options: dict[str, Any] = dict(num_layers=shape.layers, bidirectional=shape.directions == 2, backend=backend)
    if cell in DROP_INS:
        return DROP_INS[cell](shape.size, shape.size, **options)
    return tidegate.nn.Recurrent(OWN.get(cell, cell), shape.size, shape.size, **options)


def pose(cell: str, shape: Shape, precision: Precision, mode: Mode, device: torch.device) -> Problem:
    """Draw the weights and inputs of a problem, the same each time."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        layer = make_layer(cell, shape)
        weights = {k: v.bfloat16().double().to(device) for k, v in layer.state_dict().items()}
        for gain in gains(layer.cell):
            for name, value in weights.items():
                if name.startswith(f"unit_{gain}_l"):
                    value.fill_(GAIN)
        size = shape.steps * shape.batch * shape.size

        def drawn(features: int) -> Tensor:
            values = torch.randn(shape.steps, shape.batch, features, device=device)
            return values.bfloat16().to(precision.dtype)

        copies = min(COPIES, max(2, -(-ROTATED // (size * precision.dtype.itemsize))))
        inputs = tuple(drawn(shape.size) for _ in range(copies))
        cotangent = drawn(shape.size * shape.directions)
    return Problem(cell, shape, precision, mode, weights, inputs, cotangent)


def gains(cell: Cell) -> set[str]:
    """Return the vectors of a cell that multiply normalised values."""
    products = [node.args for node in postorder(*cell.step.states.values()) if node.op == "mul"]
    pairs = [pair for a, b in products for pair in ((a, b), (b, a))]
    return {a.name for a, b in pairs if (a.op, b.op) == ("parameter", "normalize")}


def solver(problem: Problem, forward: Callable[[Tensor], Tensor], parameters: Mapping[str, Tensor]) -> Run:
    """Return a contender: the number of an input to output and, in training, gradients, by name."""
    inputs = [x.detach().requires_grad_(problem.mode == "training") for x in problem.inputs]

    def inference(k: int) -> dict[str, Tensor]:
        with torch.no_grad():
            return {"output": forward(inputs[k % len(inputs)])}

    def training(k: int) -> dict[str, Tensor]:
        x = inputs[k % len(inputs)]
        output = forward(x)
        of_x, *others = torch.autograd.grad(output, [x, *parameters.values()], problem.cotangent)
        # Detached, since a graph of autograd that is alive keeps a later call from being captured on another stream.
        return {"output": output.detach(), "gradient of x": of_x, **dict(zip(parameters, others, strict=True))}

    return inference if problem.mode == "inference" else training


def layer_run(problem: Problem, layer: torch.nn.Module) -> Run:
    """Return the contender of a layer, ours or (without resets) torch.nn's."""
    options = {} if problem.reset is None else {"reset": problem.reset}
    return solver(problem, lambda x: layer(x, **options)[0], dict(layer.named_parameters()))


def truth(problem: Problem) -> dict[str, Tensor]:
    """Return the results for the first input in float64."""
    exact = replace(problem, inputs=(problem.inputs[0].double(),), cotangent=problem.cotangent.double())
    theirs = problem.cell in LAYERS and problem.reset is None
    layer = exact.torch_layer(torch.float64) if theirs else exact.layer("reference", torch.float64)
    return layer_run(exact, layer)(0)
