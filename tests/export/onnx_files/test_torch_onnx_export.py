"""torch.onnx.export of models that hold layers: right in ONNX Runtime whatever the sizes of the example were."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from tests.small_modules import Head
from torch import Tensor, nn

import tidegate
from tidegate.cells import CELLS
from tidegate.engine.kernels.operators import onnx_export
from tidegate.nn import GRU, LSTM, RNN, LSTMCell, Recurrent

ort = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.filterwarnings("ignore")  # torch's exporter warns of its own packages

SIZES = ((1, 1), (2, 2), (5, 2), (10, 1), (7, 3), (1, 4))  # steps and sequences
EXAMPLES = ((5, 2), (1, 1), (5, 1), (1, 3))


class Case(NamedTuple):
    model: Callable[[], nn.Module]
    inputs: Callable[[int, int], tuple[Tensor, ...]]
    shapes: tuple[dict[int, str], ...]


class WithLengths(nn.Module):
    """Two layers, of which one is an operator of ONNX and one is not, and their final states."""

    def __init__(self) -> None:
        super().__init__()
        self.first = LSTM(3, 5, bidirectional=True, batch_first=True)
        self.second = Recurrent("mgu", 10, 4, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor, lengths: Tensor) -> Any:
        y, (h, c) = self.first(x, lengths=lengths)
        y, last = self.second(y, lengths=lengths)
        return self.head(y), h, c, last


class WithState(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = Recurrent("peephole_lstm", 3, 5, 2)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        return self.layer(x, (h, c))


TIME_FIRST, BATCH_FIRST = {0: "time", 1: "batch"}, {0: "batch", 1: "time"}
CASES = {
    "lengths": Case(
        WithLengths, lambda t, b: (torch.randn(b, t, 3), torch.randint(t + 1, (b,))), (BATCH_FIRST, {0: "batch"})
    ),
    "states": Case(
        WithState,
        lambda t, b: (torch.randn(t, b, 3), *torch.randn(2, 2, b, 5)),
        (TIME_FIRST, {1: "batch"}, {1: "batch"}),
    ),
    "gru": Case(lambda: Head(GRU(3, 5, 2)), lambda t, b: (torch.randn(t, b, 3),), (TIME_FIRST,)),
    "rnn": Case(
        lambda: Head(RNN(3, 5, batch_first=True, bidirectional=True)),
        lambda t, b: (torch.randn(b, t, 3),),
        (BATCH_FIRST,),
    ),
    "projected": Case(lambda: Head(LSTM(3, 5, proj_size=2)), lambda t, b: (torch.randn(t, b, 3),), (TIME_FIRST,)),
    "unbatched": Case(lambda: Head(LSTM(3, 5)), lambda t, b: (torch.randn(t, 3),), ({0: "time"},)),
}


def exported(case: Case, model: nn.Module, example: tuple[int, int]) -> Any:
    """The file that torch.onnx.export makes, as a function of its inputs."""
    program: Any = torch.onnx.export(
        model,
        case.inputs(*example),
        dynamo=True,
        verbose=False,
        dynamic_shapes=case.shapes,
        custom_translation_table=tidegate.export.onnx_translations(),
    )
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(program.model_proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [it.name for it in session.get_inputs()]

    def run(*given: Tensor) -> list[Tensor]:
        made = session.run(None, {name: it.numpy() for name, it in zip(names, given, strict=True)})
        return [torch.from_numpy(it) for it in made]

    return run


def assert_right_at_every_size(case: Case, model: nn.Module, example: tuple[int, int]) -> None:
    run = exported(case, model, example)
    for size in SIZES:
        given = case.inputs(*size)
        with torch.no_grad():
            made = model(*given)
        expected = [*made] if isinstance(made, tuple) else [made]
        expected = [it for one in expected for it in (one if isinstance(one, tuple) else (one,))]
        torch.testing.assert_close(run(*given), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_file_is_right_at_every_size_though_the_example_was_one_step_of_one_sequence() -> None:
    case = CASES["lengths"]
    assert_right_at_every_size(case, case.model().eval(), (1, 1))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_files_are_right_whatever_the_sizes_of_the_example(name: str) -> None:
    case = CASES[name]
    model = case.model().eval()
    for example in EXAMPLES:
        assert_right_at_every_size(case, model, example)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if set(cell.masks) <= set(cell.mask_defaults)])
def test_every_cell_is_exported(name: str) -> None:
    model = Head(Recurrent(name, 3, 6, bidirectional=True)).eval()
    assert_right_at_every_size(CASES["gru"], model, (1, 1))


@pytest.mark.slow
def test_a_step_of_a_cell_is_exported_for_any_batch() -> None:
    case = Case(lambda: LSTMCell(3, 5), lambda _, b: (torch.randn(b, 3),), ({0: "batch"},))
    assert_right_at_every_size(case, case.model().eval(), (1, 1))


@pytest.mark.slow
def test_what_cannot_be_translated_says_so() -> None:
    class Gates(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = GRU(3, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer.trace(x)[0, 0]["z"]

    class Resets(Gates):
        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x, reset=x[..., 0] > 0)[0]

    case = CASES["gru"]
    for model, why in ((Gates(), "records its gates"), (Resets(), "is reset"), (Head(GRU(3, 5)).double(), "float32")):
        dtype = next(model.parameters()).dtype
        given = case._replace(inputs=lambda t, b, dtype=dtype: (torch.randn(t, b, 3, dtype=dtype),))
        with pytest.raises(Exception, match=why):
            exported(given, model, (5, 2))


@pytest.mark.slow
def test_without_translations_the_exporter_says_how_to_give_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "TRANSLATED", set())
    with pytest.raises(Exception, match=r"does not know Tidegate's layers.*onnx_translations\(\).*export\.onnx\("):
        torch.onnx.export(Head(GRU(3, 5)), (torch.randn(2, 5, 3),), dynamo=True, verbose=False)
