"""PyTorch's own layers as a backend, on the CPU: the same code as on a GPU, with other libraries behind it."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.harness import Split, check_parity, one_thread  # noqa: F401
from tests.kernel_runs import everything, numbers, some_lengths
from tests.witnesses.cases import Case, covering
from tests.witnesses.lstm import projected_lstm
from torch import Tensor, nn
from torch._dynamo.exc import Unsupported

from tidegate.cells import CELLS, Step, cell, lstm, projected, sigmoid, tanh
from tidegate.engine import Call, Peaks, Weights
from tidegate.engine.backends.vendor import VENDOR, flat_weights
from tidegate.engine.backends.vendor.fused import FusedLayer
from tidegate.engine.run import checked_call
from tidegate.errors import BackendError
from tidegate.nn import GRU, LSTM, RNN, Recurrent

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
NAMES = ("rnn_tanh", "rnn_relu", "lstm", "gru")
RAGGED = Case(T=7, B=5, H=3, every=0, lengths=(7, 0, 3, 5, 1))
CASES = [
    RAGGED,
    replace(RAGGED, reverse=True, dtype="float32"),
    Case(T=1, B=1, H=5, every=0, start=False, bias="none"),
    Case(T=3, B=1, H=1, I=1, every=0, reverse=True, bias="input", dtype="float32"),
    replace(RAGGED, lengths=(0, 0, 0, 0, 0)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("name", NAMES)
def test_parity(name: str, case: Case) -> None:
    check_parity(VENDOR, CELLS[name], case)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_parity_over_all_triples(name: str) -> None:
    for case in covering(3, seed=NAMES.index(name)):
        check_parity(VENDOR, CELLS[name], replace(case, resets=None, every=0))


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_parity_of_a_projected_lstm_and_of_a_run_in_two_parts(reverse: bool) -> None:
    case = replace(RAGGED, reverse=reverse)
    check_parity(VENDOR, projected(lstm), replace(case, projection=2), paper=projected_lstm)
    check_parity(Split(VENDOR, at=3), CELLS["gru"], case)


@cell(gates="i f g o", states="h c")
def named_otherwise(x: Any, r: Any, s: Any) -> Step:
    i, f, o = sigmoid(x.i + r.i), sigmoid(x.f + r.f), sigmoid(x.o + r.o)
    g = tanh(x.g + r.g)
    c = f * s.c + i * g
    return Step(h=o * tanh(c), c=c, gates=dict(i=i, f=f, g=g, o=o))


def another_lstm() -> Any:
    @cell(gates="i f g o", states="h c")
    def lstm(x: Any, r: Any, s: Any) -> Step:
        i, f, o = sigmoid(x.i + r.i), sigmoid(x.f + r.f), sigmoid(x.o + r.o)
        g = tanh(x.g + r.g)
        c = f * s.c + i * g
        return Step(h=o * c, c=c, gates=dict(i=i, f=f, g=g, o=o))

    return lstm


def small(it: Any = lstm, **more: Any) -> Call:
    weights = Weights(torch.randn(20, 3), torch.randn(20, 5), torch.randn(20))
    return checked_call(it, torch.randn(4, 2, 3), weights, **more)


def test_equations_decide_and_not_names() -> None:
    assert not VENDOR.unsupported(small(named_otherwise))
    assert another_lstm().name == "lstm"
    assert VENDOR.unsupported(small(another_lstm())) == ["PyTorch has no layer with these equations"]


def test_reasons() -> None:
    reset = torch.zeros(4, 2, dtype=torch.bool)
    assert VENDOR.unsupported(small(record="f", reset=reset)) == ["it records nothing", "it has no resets"]
    doubles = [torch.zeros(2, 5, dtype=torch.float64)] * 2
    assert VENDOR.unsupported(small(state=doubles)) == ["float64 is mixed with other dtypes"]
    call = small()
    assert "tensors are on different devices: cpu, meta" in VENDOR.unsupported(replace(call, x=call.x.to("meta")))
    assert "there is nothing to compute" in VENDOR.unsupported(replace(call, x=call.x[:, :0]))[0]
    assert VENDOR.not_by_default(call) == ["PyTorch's own layers run on the CPU only if asked for"]
    with pytest.raises(BackendError, match="'vendor' cannot run gru_original: PyTorch has no layer"):
        Recurrent("gru_original", 3, 5, backend="vendor")(torch.randn(4, 2, 3))


def results(layer: Any, x: Tensor, **more: Any) -> list[Tensor]:
    """Output, final states, and the gradients of the input and of all weights."""
    leaf = x.detach().requires_grad_()
    output, state = layer(leaf, **more)
    states = state if isinstance(state, tuple) else (state,)
    total = output.sin().sum() + torch.stack([s.cos().sum() for s in states]).sum()
    return [output, *states, *torch.autograd.grad(total, [leaf, *layer.parameters()])]


@pytest.fixture
def operators(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """The number of layers, and whether there are two directions, of each operator that runs."""
    ran: list[tuple[int, bool]] = []

    def noted(self: FusedLayer, *args: Any, own: Any = FusedLayer.run, **how: Any) -> Any:
        ran.append((how["layers"], how["bidirectional"]))
        return own(self, *args, **how)

    monkeypatch.setattr(FusedLayer, "run", noted)
    return ran


MODULES = {
    "LSTM": (LSTM, nn.LSTM, {}),
    "projected LSTM": (LSTM, nn.LSTM, {"proj_size": 2}),
    "GRU": (GRU, nn.GRU, {}),
    "RNN": (RNN, nn.RNN, {"nonlinearity": "relu"}),
}


@pytest.mark.parametrize("name", MODULES)
def test_all_layers_are_one_operator_and_torchs_own_numbers(name: str, operators: list[Any]) -> None:
    ours, theirs, more = MODULES[name]
    torch.manual_seed(0)
    layer = ours(3, 5, 2, bidirectional=True, dropout=0.5, backend="vendor", **more).eval()
    other = theirs(3, 5, 2, bidirectional=True, dropout=0.5, **more).eval()
    other.load_state_dict(layer.state_dict())
    x = torch.randn(4, 3, 3)
    for found, expected in zip(results(layer, x), results(other, x), strict=True):
        assert torch.equal(found, expected)
    assert operators == [(2, True)]


@pytest.mark.parametrize("make", [LSTM, lambda *sizes, **how: Recurrent("gru", *sizes, **how)], ids=["LSTM", "gru"])
def test_lengths_of_a_whole_module(make: Any, operators: list[Any]) -> None:
    torch.manual_seed(0)
    layer, other = (make(3, 5, 3, bidirectional=True, dtype=torch.float64, backend=b) for b in ("vendor", "reference"))
    layer.load_state_dict(other.state_dict())
    x = torch.randn(4, 3, 3, dtype=torch.float64)
    for lengths in ([2, 0, 4], [0, 0, 0], [1, 1, 1]):
        torch.testing.assert_close(results(layer, x, lengths=lengths), results(other, x, lengths=lengths))
    assert operators == [(3, True)] * 2


def test_layers_run_one_after_another_where_something_is_between_them(operators: list[Any]) -> None:
    torch.manual_seed(0)
    layer, other = (LSTM(3, 5, 2, dropout=0.5, backend=backend) for backend in ("vendor", "reference"))
    layer.load_state_dict(other.state_dict())
    x, found = torch.randn(4, 3, 3), []
    for it in (layer, other):
        torch.manual_seed(1)  # both draw the same dropout
        found.append(results(it, x))
    torch.testing.assert_close(*found)
    LSTM(3, 5, 2, recompute=True, backend="vendor")(x)
    Recurrent("gru", 3, (5, 4), backend="vendor")(x)  # layers of different sizes
    layer.eval().layer_cells = {1: another_lstm()}
    with pytest.raises(BackendError, match="no layer with these equations"):
        layer(x)
    assert operators == [(1, False)] * (2 + 4 + 2 + 1)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_recompute(reverse: bool) -> None:
    given, lengths = numbers(lstm, (9, 4, 3, 5), torch.float64), some_lengths(9, 4)
    found, expected = (
        everything(lstm, given, backend="vendor", lengths=lengths, reverse=reverse, recompute=recompute)
        for recompute in (True, False)
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=["one", "four"])
def test_backwards_of_the_backward(options: dict[str, Any]) -> None:
    layer = GRU(1, 2, dtype=torch.float64, backend="vendor", **options)
    x = torch.randn(2, 3, 1, dtype=torch.float64, requires_grad=True)

    def output(leaf: Tensor) -> Tensor:
        return layer(leaf, lengths=[2, 0, 1])[0]

    assert torch.autograd.gradcheck(output, x, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(output, x)


def test_changes_in_place_are_noticed() -> None:
    layer, x = LSTM(2, 3, backend="vendor"), torch.randn(4, 2, 2)
    output, _ = layer(x)
    output.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


@pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN:UserWarning")  # of mkldnn.flags
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_that_was_asked_for_is_torchs_own(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer, other = LSTM(3, 5, 2, dtype=dtype, backend="vendor"), nn.LSTM(3, 5, 2, dtype=dtype)
    other.load_state_dict(layer.state_dict())
    x = torch.randn(4, 3, 3, dtype=dtype)
    with torch.backends.mkldnn.flags(enabled=False):  # some CPUs have no primitive of oneDNN for it
        found, expected = results(layer, x), results(other, x)
        for ours, theirs in zip(found, expected, strict=True):
            assert torch.equal(ours, theirs)
        with torch.autocast("cpu", dtype):
            autocast = layer.float()(x.float())
            kept = torch.full((2, 3, 5), 1 + 2.0**-12)  # no number of half precision
            _, (h_n, _) = layer(x.float(), (kept, kept), lengths=[4, 0, 2])
    assert torch.equal(h_n[:, 1], kept[:, 1])
    assert found[0].dtype == autocast[0].dtype == dtype
    assert torch.equal(autocast[0], found[0])
    assert autocast[1][0].dtype == torch.float32


def test_half_precision_by_default_is_computed_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU, where no kernel comes before these layers."""
    monkeypatch.setattr(type(VENDOR), "not_by_default", lambda self, call: [])
    monkeypatch.setattr("tidegate.engine.dispatch.BACKENDS", (VENDOR,))
    layer, x = GRU(1, 1, dtype=torch.bfloat16), torch.zeros(3000, 1, 1, dtype=torch.bfloat16)
    weights = {name: torch.zeros_like(value) for name, value in layer.state_dict().items()}
    # It keeps 0.999 of the state and adds 0.001.
    weights["bias_ih_l0"] = torch.tensor([0.0, math.log(0.999 / 0.001), 20.0])
    layer.load_state_dict(weights)
    with torch.no_grad():
        output, state = layer(x)
    assert output.dtype == state.dtype == torch.bfloat16
    assert abs(state.item() - (1 - 0.999**3000)) < 0.004


@pytest.fixture
def in_one_piece(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each run's weights are in one piece; where they are made so, as cuDNN does it."""

    def flatten(weights: list[Tensor], *_: Any) -> None:
        whole = torch.cat([t.flatten() for t in weights])
        for t, part in zip(weights, whole.split([t.numel() for t in weights]), strict=True):
            t.set_(part.view(t.shape))  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(flat_weights, "_read_by_cudnn", lambda weight: True)
    monkeypatch.setattr(torch._VF, "_cudnn_rnn_flatten_weight", flatten)
    monkeypatch.setattr("torch.backends.cudnn.rnn.get_cudnn_mode", lambda mode: 2)
    seen: list[bool] = []

    def noted(self: FusedLayer, *args: Any, own: Any = FusedLayer.run, **how: Any) -> Any:
        seen.append(flat_weights.in_one_piece(args[3]))
        return own(self, *args, **how)

    monkeypatch.setattr(FusedLayer, "run", noted)
    return seen


def test_weights_for_cudnn_are_in_one_piece_and_their_gradients_arrive(in_one_piece: list[bool]) -> None:
    layer, other = (Recurrent("lstm", 3, 5, 2, bidirectional=True, backend=b) for b in ("vendor", "reference"))
    layer.load_state_dict(other.state_dict())
    x = torch.randn(4, 3, 3)
    torch.testing.assert_close(results(layer, x), results(other, x))
    assert in_one_piece == [True]


@pytest.mark.parametrize(
    "make",
    [
        lambda **more: LSTM(3, 5, 2, proj_size=2, **more),
        lambda **more: LSTM(3, 5, bias=False, **more),
        lambda **more: LSTM(3, 5, bias=False, proj_size=2, **more),
        lambda **more: Recurrent("lstm", 3, 5, **more),
        lambda **more: GRU(3, 5, **more),
    ],
)
def test_a_stepper_lays_weights_out_once(make: Any, in_one_piece: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = make(backend="vendor"), torch.randn(4, 1, 3)
    stepper = layer.stepper()
    monkeypatch.setattr(torch._VF, "_cudnn_rnn_flatten_weight", None)
    found = [stepper(step) for step in x]
    assert all(in_one_piece)
    assert len(in_one_piece) == 4 * layer.num_layers
    monkeypatch.undo()
    torch.testing.assert_close(torch.stack(found), layer(x)[0].detach())


def test_explain_names_the_layer() -> None:
    x = torch.zeros(4, 2, 3)
    peaks = Peaks(1e11, 1e10)
    text = str(LSTM(3, 5, proj_size=2, backend="vendor").explain(x, peaks=peaks))
    assert "vendor (PyTorch's own projected LSTM, on the CPU)" in " ".join(text.split())
    assert "not vendor: PyTorch's own layers run on the CPU only if asked for" in str(GRU(3, 5).explain(x, peaks=peaks))


def test_it_is_not_compiled_but_the_reference_is() -> None:
    torch._dynamo.reset()
    x = torch.randn(2, 2, 3)
    with pytest.raises(Unsupported, match="does not compile its own recurrent layers"):
        torch.compile(GRU(3, 5, backend="vendor"), backend="eager", fullgraph=True)(x)
    torch._dynamo.reset()
    layer = Recurrent(another_lstm(), 3, 5, backend="reference")  # a cell that has not run before
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), layer(x))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", [*MODULES, "Recurrent"])
def test_on_a_gpu_without_a_warning(name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not TF32: a unit of a ReLU's whose sum changes sign changes its slope by 1. With roundings of 2^-11 these are some
    # 1e-4 of all, and gradients are off by the root of that.
    monkeypatch.setattr(torch.backends.cudnn.rnn, "fp32_precision", "ieee")
    torch.manual_seed(0)
    make, _, more = MODULES.get(name, (lambda *sizes, **how: Recurrent("lstm", *sizes, **how), None, {}))
    exact = make(3, 65, 2, bidirectional=True, dtype=torch.float64, backend="reference", **more)
    layer = make(3, 65, 2, bidirectional=True, dtype=dtype, backend="vendor", **more)
    layer.load_state_dict(exact.state_dict())
    layer.cuda()
    x = torch.randn(9, 5, 3, dtype=torch.float64)
    allowed = {torch.float32: 1e-5, torch.float64: 1e-10, torch.bfloat16: 0.2}[dtype]
    states = [f"state {k}" for k in range(1 + ("LSTM" in name or name == "Recurrent"))]
    names = ["output", *states, *[f"gradient of {of}" for of in ("x", *dict(layer.named_parameters()))]]
    for lengths in (None, [9, 0, 4, 1, 9]):
        found, expected = results(layer, x.to("cuda", dtype), lengths=lengths), results(exact, x, lengths=lengths)
        pairs = zip(names, found, expected, strict=True)
        off = {it: ((ours.double().cpu() - theirs).norm() / theirs.norm()).item() for it, ours, theirs in pairs}
        wrong = {it: error for it, error in off.items() if not error <= allowed}
        assert not wrong, f"with lengths={lengths} off by more than {allowed:g} of the norm: {wrong}"
