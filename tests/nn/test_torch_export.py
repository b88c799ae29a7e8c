"""torch.export of models that hold layers: programs that are right at other lengths and batches, after a file too."""

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from tests.small_modules import Head
from torch import Tensor, nn
from torch.export import Dim

from tidegate.cells import get_cell, zoneout
from tidegate.nn import GRU, LSTM, RNN, GRUCell, LSTMCell, Recurrent

INPUTS, HIDDEN = 3, 5
EXAMPLE, OTHERS = (4, 2), ((1, 1), (7, 1), (1, 3), (9, 4))  # steps and sequences
STEPS, BATCH = Dim("steps"), Dim("batch")


class Given(nn.Module):
    """A layer that is given something at every call, by name."""

    def __init__(self, layer: nn.Module, name: str) -> None:
        super().__init__()
        self.layer, self.name = layer, name

    def forward(self, x: Tensor, given: Any) -> Any:
        return self.layer(x, **{self.name: given})


class Decoder(nn.Module):
    """A cell in a loop over two steps."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        state, outputs = None, []
        for step in range(2):
            state = self.cell(x[step], state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs)


def frames(steps: int, batch: int) -> tuple[Tensor, ...]:
    return (torch.randn(steps, batch, INPUTS),)


def batches_of_frames(steps: int, batch: int) -> tuple[Tensor, ...]:
    return (torch.randn(batch, steps, INPUTS),)


def frames_and_lengths(steps: int, batch: int) -> tuple[Tensor, ...]:
    return (*frames(steps, batch), torch.randint(0, steps + 1, (batch,)))


def frames_and_resets(steps: int, batch: int) -> tuple[Tensor, ...]:
    return (*frames(steps, batch), torch.rand(steps, batch) < 0.4)


def frames_and_states(steps: int, batch: int) -> Any:
    return (*frames(steps, batch), (torch.randn(4, batch, HIDDEN), torch.randn(4, batch, HIDDEN)))


def two_frames(steps: int, batch: int) -> tuple[Tensor, ...]:
    return frames(2, batch)


class Case(NamedTuple):
    make: Callable[[], nn.Module]
    inputs: Callable[[int, int], Any] = frames
    shapes: tuple[Any, ...] = ({0: STEPS, 1: BATCH},)


GIVEN_AT_STEPS = ({0: STEPS, 1: BATCH}, {0: STEPS, 1: BATCH})
LENGTHS = ({0: STEPS, 1: BATCH}, {0: BATCH})
CASES = {
    "lstm, two directions, initial states": Case(
        lambda: Given(LSTM(INPUTS, HIDDEN, 2, bidirectional=True), "hx"),
        frames_and_states,
        ({0: STEPS, 1: BATCH}, ({1: BATCH}, {1: BATCH})),
    ),
    "lstm, projected": Case(lambda: Head(LSTM(INPUTS, HIDDEN, proj_size=2))),
    "gru, batch first": Case(
        lambda: Head(GRU(INPUTS, HIDDEN, batch_first=True)), batches_of_frames, ({0: BATCH, 1: STEPS},)
    ),
    "rnn, lengths": Case(
        lambda: Given(RNN(INPUTS, HIDDEN, bidirectional=True), "lengths"), frames_and_lengths, LENGTHS
    ),
    "rnn, resets": Case(
        lambda: Given(RNN(INPUTS, HIDDEN, nonlinearity="relu"), "reset"), frames_and_resets, GIVEN_AT_STEPS
    ),
    "gru, lengths": Case(lambda: Given(GRU(INPUTS, HIDDEN), "lengths"), frames_and_lengths, LENGTHS),
    "another cell": Case(lambda: Head(Recurrent("layer_norm_lstm", INPUTS, HIDDEN, bidirectional=True))),
    "a composed cell": Case(lambda: Head(Recurrent(zoneout(get_cell("ugrnn"), 0.2), INPUTS, HIDDEN))),
    "a learned state": Case(lambda: Head(Recurrent("mgu", INPUTS, (4, HIDDEN), learn_initial_state=True))),
    "lstm cell": Case(lambda: Decoder(LSTMCell(INPUTS, HIDDEN)), two_frames, ({1: BATCH},)),
    "gru cell": Case(lambda: Decoder(GRUCell(INPUTS, HIDDEN)), two_frames, ({1: BATCH},)),
}


@pytest.mark.parametrize(
    "name", [it if k % 4 == 0 else pytest.param(it, marks=pytest.mark.slow) for k, it in enumerate(CASES)]
)
def test_a_program_is_right_at_other_lengths_and_batches(name: str) -> None:
    make, inputs, shapes = CASES[name]
    model = make().eval()
    exported = torch.export.export(model, inputs(*EXAMPLE), dynamic_shapes=shapes)
    program = saved_and_loaded(exported).module()
    for size in OTHERS:
        given = inputs(*size)
        torch.testing.assert_close(program(*given), model(*given))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gru, batch first", "lstm cell"])
def test_dynamo_makes_the_same_program_twice(name: str) -> None:
    make, inputs, shapes = CASES[name]
    model, given = make().eval(), inputs(*OTHERS[-1])
    for _ in range(2):
        exported = torch.export.export(model, inputs(*EXAMPLE), dynamic_shapes=shapes, strict=True)
        torch.testing.assert_close(exported.module()(*given), model(*given))


def test_dynamo_makes_a_program_of_a_cell_for_any_batch() -> None:
    cell, x = GRUCell(INPUTS, HIDDEN), torch.randn(20, INPUTS)
    exported = torch.export.export(cell, (x[:2],), dynamic_shapes=({0: BATCH},), strict=True)
    torch.testing.assert_close(exported.module()(x), cell(x))


def test_steps_of_a_loop_in_python_are_not_exported_as_a_free_size() -> None:
    class Loop(Decoder):
        def forward(self, x: Tensor) -> Tensor:
            state = None
            for frame in x:
                state = self.cell(frame, state)
            assert state is not None
            return state

    with pytest.raises(Exception, match=r"steps.*specialized"):
        torch.export.export(Loop(GRUCell(INPUTS, HIDDEN)), frames(*EXAMPLE), dynamic_shapes=({0: STEPS, 1: BATCH},))


def saved_and_loaded(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    return torch.export.load(file)
