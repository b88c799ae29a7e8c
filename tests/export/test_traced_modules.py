"""Modules of one's own, traced by torch.export: the graph computes what the module does, or the operator is refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional

from tidegate import export
from tidegate.cells import get_cell, zoneout
from tidegate.errors import ArgumentError
from tidegate.export.graph.evaluated import evaluate
from tidegate.export.graph.traced.read_program import read_program
from tidegate.nn import GRU, LSTM, GRUCell, Recurrent

FRAMES = (torch.randn(2, 3, 3),)  # (batch, time, features)


class Classifier(nn.Module):
    """Tokens to log-probabilities: a causal convolution, two kinds of layers, and four ways to one vector."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.conv = nn.Conv1d(4, 4, 3, dilation=2)
        self.tracker = Recurrent("mgu", 4, 6, bidirectional=True, batch_first=True, learn_initial_state=True)
        nn.init.normal_(self.tracker.get_parameter("initial_h_l0"))
        self.second = nn.LSTM(12, 5, 2, batch_first=True, bidirectional=True, dropout=0.2)
        self.norm, self.dropout, self.head = nn.LayerNorm(10), nn.Dropout(0.3), nn.Linear(25, 3)
        self.mean: Tensor
        self.register_buffer("mean", torch.randn(4))

    def forward(self, tokens: Tensor) -> Any:
        x = (self.embedding(tokens) - self.mean) / 2
        x = x + torch.relu(self.conv(functional.pad(x.transpose(1, 2), (4, 0)))).transpose(1, 2)
        y, (h, c) = self.second(self.tracker(x)[0])
        y = self.dropout(self.norm(y))
        last, _ = torch.split(y[:, -1], [5, 5], -1)
        found = torch.cat([last, y.mean(1) * y.amax(1), h[-2] + 0.5 * h[0], torch.cat([*h], 1)[..., 15:]], -1)
        return functional.log_softmax(self.head(found), -1), h, c


class Denoiser(nn.Module):
    """Frames to gains of the same frames, time first, with gated units and a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.own = nn.GRU(3, 6), Recurrent(zoneout(get_cell("ugrnn"), 0.2), 6, 4)
        self.matrix, self.bias = nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(3))

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.gru(x, torch.full((1, x.size(1), 6), 0.25))
        a, b = self.own(h)[0].chunk(2, -1)
        y = torch.cat([a * torch.sigmoid(b), (1 - b) ** 2], -1) @ self.matrix + self.bias
        return torch.where(torch.tensor(False), 0, 1) * x if self.training else x - y.clamp(-0.5, 1).tanh() * 2


class Amplifier(nn.Module):
    """Samples (batch, time), without an axis for features."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.lstm, self.head = (
            nn.Conv1d(1, 4, 3, padding=2),
            nn.LSTM(4, 8, batch_first=True),
            nn.Linear(8, 1),
        )

    def forward(self, samples: Tensor) -> Tensor:
        x = self.conv(samples.unsqueeze(1))[..., :-2].permute(0, 2, 1)
        return self.head(self.lstm(x)[0]).squeeze(-1) + samples


MODELS: dict[str, tuple[Callable[[], nn.Module], Tensor, Callable[[Tensor], Tensor]]] = {
    # the example, and one sequence of the graph as the module's input
    "classifier": (Classifier, torch.randint(7, (2, 5)), lambda x: x[None]),
    "denoiser": (Denoiser, torch.randn(5, 2, 3), lambda x: x[:, None]),
    "amplifier": (Amplifier, torch.randn(1, 9), lambda x: x.t()),
}


def sequence(name: str, steps: int) -> Tensor:
    return torch.randint(7, (steps,)) if name == "classifier" else torch.randn(steps, 1 if name == "amplifier" else 3)


@pytest.mark.parametrize("name", MODELS)
def test_a_graph_computes_what_the_module_does(name: str) -> None:
    make, example, batch_of_one = MODELS[name]
    model = make().eval()
    traced = read_program(export.program(model, example))
    for steps in (1, 6, 13):
        x = sequence(name, steps)
        with torch.no_grad():
            made: Any = model(batch_of_one(x))
        expected = made[0] if isinstance(made, tuple) else made.reshape(steps, -1)
        (given,) = traced.graph.inputs
        torch.testing.assert_close(evaluate(traced.graph, {given.name: x}), expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(traced.run([x]), expected, rtol=1e-5, atol=1e-5)


def test_lengths_are_an_input_of_the_program_and_none_of_the_graph() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = GRU(3, 5, batch_first=True)

        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            return self.layer(x, lengths=lengths)[1][-1]

    model, x = Model(), torch.randn(1, 7, 3)
    traced = read_program(export.program(model, torch.randn(2, 5, 3), lengths=torch.tensor([5, 2])))
    expected = model(x, torch.tensor([7])).detach()
    torch.testing.assert_close(evaluate(traced.graph, {"x": x[0]}), expected)
    torch.testing.assert_close(traced.run([x[0]]), expected)


class Given(nn.Module):
    """A layer and a function of its output and its input."""

    def __init__(self, function: Callable[..., Any], layer: nn.Module | None = None, **own: nn.Module) -> None:
        super().__init__()
        self.function, self.layer = function, layer or GRU(3, 3, batch_first=True)
        for name, module in own.items():
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "attention": (lambda m, x: torch.softmax(m.layer(x)[0] @ x.transpose(1, 2), -1) @ x, r"aten\.matmul.*attention"),
    "softmax over time": (
        lambda m, x: m.layer(x)[0].softmax(1),
        r"aten\.softmax\.int.*over time, not over the features",
    ),
    "the past summed": (lambda m, x: m.layer(x)[0].cumsum(1), r"aten\.cumsum"),
    "some steps": (lambda m, x: m.layer(x)[0][:, 1:], r"aten\.slice\.Tensor.*over time"),
    "one step": (lambda m, x: m.layer(x)[0][:, 2], r"number 2 of time"),
    "mean of the batch": (lambda m, x: m.layer(x)[0].mean(0), r"aten\.mean.*over the batch"),
    "joined axes": (lambda m, x: m.layer(x)[0].reshape(-1, 3), r"joins or cuts axes"),
    "number of steps": (lambda m, x: m.layer(x)[0] / x.size(1), r"the number of steps"),
    "positions": (lambda m, x: m.layer(x + torch.arange(x.size(1))[:, None])[0], r"arange.*number of steps"),
    "features and steps": (lambda m, x: m.layer(x)[0] + x.transpose(1, 2), r"lines up time with features"),
    "each with each": (
        lambda m, x: (m.layer(x)[0].unsqueeze(2) * x.unsqueeze(3))[..., 0],
        r"each feature of one operand",
    ),
    "random numbers": (lambda m, x: m.layer(x + torch.rand(3))[0], r"aten\.rand.*random"),
    "two outputs": (lambda m, x: (x * 2, m.layer(x)[0]), r"returns 2 values"),
    "state computed": (lambda m, x: m.layer(x, m.layer(x)[1])[0], r"tidegate\.run.*initial state"),
    "gates": (lambda m, x: m.layer.trace(x)[0, 0]["z"], r"tidegate\.run.*gates are recorded"),
    "size of the batch": (lambda m, x: m.layer(x)[0] * (2 if x.size(0) < 9 else 1), r"sizes of the batch from 2 to 8"),
}


@pytest.mark.parametrize(
    "name", [it if k % 3 == 0 else pytest.param(it, marks=pytest.mark.slow) for k, it in enumerate(REFUSED)]
)
def test_what_is_no_part_is_refused_with_its_operator_and_its_line(name: str) -> None:
    function, message = REFUSED[name]
    program = export.program(Given(function), *FRAMES)
    with pytest.raises(ArgumentError, match=message) as refused:
        read_program(program)
    if "cannot be exported" in str(refused.value):
        place = re.search(r"It stands in (.*), line (\d+): (.*)", str(refused.value))
        assert place
        assert Path(place[1]) == Path(__file__)
        assert place[3] in Path(__file__).read_text().splitlines()[int(place[2]) - 1]


@pytest.mark.slow
def test_other_modules_are_refused() -> None:
    ahead = Given(
        lambda m, x: m.layer(m.conv(x.transpose(1, 2)).transpose(1, 2))[0], conv=nn.Conv1d(3, 3, 3, padding=1)
    )
    with pytest.raises(ArgumentError, match=r"looks ahead.*needs 2 zeros before the first step"):
        read_program(export.program(ahead, *FRAMES))
    cell_state = Given(lambda m, x: m.layer(x)[1][1][0] + 1, LSTM(3, 3, batch_first=True))
    with pytest.raises(ArgumentError, match="a state of a layer that is not its output"):
        read_program(export.program(cell_state, *FRAMES))
    loop = Given(lambda m, x: torch.stack([m.cell(x[:, k]) for k in range(x.size(1))]), cell=GRUCell(3, 3))
    with pytest.raises(ArgumentError, match=r"aten\.select"):
        read_program(export.program(loop, *FRAMES))
    odd = Given(lambda m, x: m.layer(x)[0] * (2 if x.size(1) % 2 else 1))
    with pytest.raises(ArgumentError, match="does not run for 4 steps"):
        read_program(export.program(odd, *FRAMES)).run([torch.randn(4, 3)])


@pytest.mark.filterwarnings("ignore:The tensor attributes:UserWarning")  # of torch.nn's own layers
def test_programs_of_fixed_sizes_other_dtypes_and_training_are_refused() -> None:
    model = Given(lambda m, x: nn.functional.dropout(m.layer(x)[0], 0.5, m.training))
    with pytest.raises(ArgumentError, match="size of time is fixed at 3"):
        read_program(torch.export.export(model.eval(), FRAMES))
    with pytest.raises(ArgumentError, match=r"training mode; call module\.eval"):
        read_program(torch.export.export(model.train(), FRAMES, dynamic_shapes=({0: Dim.AUTO, 1: Dim.AUTO},)))
    with pytest.raises(ArgumentError, match=r"float64; make the program of model\.float"):
        read_program(export.program(model.double(), FRAMES[0].double()))
    with pytest.raises(ArgumentError, match=r"The example does not fit Given\.forward"):
        export.program(model)
    of_torch = Given(lambda m, x: m.layer(x)[0], nn.GRU(3, 5, batch_first=True))
    with pytest.raises(ArgumentError, match=r"aten\.gru\.input.*tidegate\.export\.program"):
        read_program(torch.export.export(of_torch, FRAMES))


def test_a_module_of_ones_own_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"tidegate\.export\.program\(module, example\)"):
        export.c(nn.Sequential(nn.Linear(3, 3), Classifier()), tmp_path / "c")


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_programs_are_written_in_c_and_onnx(name: str, tmp_path: Path) -> None:
    make, example, _ = MODELS[name]
    program = export.program(make(), example)
    export.c(program, tmp_path / "c")  # both compare outputs with the program's own
    pytest.importorskip("onnxruntime")
    made = export.onnx(program, tmp_path / "model.onnx", lengths=True)
    assert made.checked
