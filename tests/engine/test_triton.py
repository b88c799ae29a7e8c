"""The GPU backend's kernels in Triton's interpreter: what they compute is right, whatever runs them."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.harness import check_parity, one_thread, poisoned_allocations  # noqa: F401
from tests.kernel_runs import everything, numbers
from tests.witnesses.cases import Case, some_lengths, some_resets

from tidegate.cells import CELLS, Step, cell, projected, sigmoid, tanh, with_heads
from tidegate.engine import BACKENDS
from tidegate.engine.backends.triton import TRITON
from tidegate.engine.run import checked_call
from tidegate.engine.weights import Weights
from tidegate.errors import BackendError
from tidegate.nn import GRU, LSTM

pytest.importorskip("triton")
pytestmark = [
    pytest.mark.skipif(torch.cuda.is_available(), reason="the interpreter is off"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # NumPy's, of what the interpreter computes past the edges
]

ONE_PROGRAM = Case(T=3, B=5, H=4, lengths=(3, 0, 2, 1, 3), resets=some_resets(3, 5, 1), dtype="float32")
SEVERAL = Case(T=3, B=17, H=33, lengths=some_lengths(3, 17, 0), resets=some_resets(3, 17, 2), dtype="float32")
NAMES = list(CELLS)


def fast(*names: str) -> list[Any]:
    return [pytest.param(name, marks=[] if name in names else [pytest.mark.slow]) for name in NAMES]


@pytest.mark.parametrize("name", fast("gru_original"))
@pytest.mark.parametrize("reverse", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_kernel_for_all_steps_computes_what_the_paper_says(name: str, reverse: bool) -> None:
    with poisoned_allocations():
        check_parity(TRITON, CELLS[name], replace(ONE_PROGRAM, reverse=reverse))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_several_programs_compute_what_the_paper_says(name: str) -> None:
    """A launch for each stage of each step: the interpreter runs programs one after another."""
    with poisoned_allocations():
        check_parity(TRITON, CELLS[name], SEVERAL)


def same_as_the_reference(it: Any, given: dict[str, torch.Tensor], **more: Any) -> None:
    ours, theirs = (everything(it, given, backend=name, record="all", **more) for name in ("triton", "reference"))
    assert theirs.keys() <= ours.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, atol=5e-6, rtol=5e-5, msg=lambda m, n=name: f"{n}: {m}")


def test_several_programs_and_a_projection() -> None:
    """Two sizes of vectors in one kernel."""
    it, lengths = projected(CELLS["lstm"]), torch.tensor([2, 0, 1])
    same_as_the_reference(it, numbers(it, (2, 3, 3, 19), outputs=7), lengths=lengths, reverse=True)


@cell(gates="f n", states="h", parameters="decay", masks="keep")
def odd(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    f = sigmoid(x.f + r.f * p.decay)
    n = tanh(x.n + r("n", f * s.h) * m.keep)
    return Step(h=f * s.h + (1 - f) * n * m.keep, gates=dict(f=f, n=n))


def test_a_cell_with_a_mask_and_a_product_with_a_made_vector() -> None:
    same_as_the_reference(odd, numbers(odd, (2, 3, 3, 17)), reset=torch.tensor([[1, 0, 1], [0, 1, 0]]) > 0)


@pytest.mark.parametrize("name", ["gru_original", "lstm"])
@pytest.mark.parametrize("left_out", ["b_hh", "b_ih"])
def test_one_bias_of_two(name: str, left_out: str) -> None:
    it, given = CELLS[name], numbers(CELLS[name], (2, 3, 3, 17))
    same_as_the_reference(it, {name: value for name, value in given.items() if name != left_out})


def in_pieces_of(monkeypatch: pytest.MonkeyPatch, depth: int) -> None:
    """Read weights in pieces of a depth at every step."""
    from tidegate.engine.backends.triton.launch import tiles

    monkeypatch.setattr(tiles, "RESIDENT", 0)
    chosen = tiles.tile_for

    def in_pieces(*given: Any) -> Any:
        spec, tile = chosen(*given)
        assert not spec.resident
        return spec, replace(tile, depth=depth)

    monkeypatch.setattr("tidegate.engine.backends.triton.launch.launch_of_call.tile_for", in_pieces)


@pytest.mark.parametrize("depth", [16, pytest.param(32, marks=pytest.mark.slow)])
def test_weights_in_pieces(monkeypatch: pytest.MonkeyPatch, depth: int) -> None:
    in_pieces_of(monkeypatch, depth)
    same_as_the_reference(CELLS["gru"], numbers(CELLS["gru"], (2, 3, 3, 33)))


@pytest.mark.parametrize("pieces", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_operands_in_pieces_with_weights_that_stay(monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    from tidegate.engine.backends.triton.launch import tiles

    chosen = tiles.tile_for

    def cut(*given: Any) -> Any:
        spec, tile = chosen(*given)
        assert spec.resident == 1
        return replace(spec, resident=pieces), tile

    monkeypatch.setattr("tidegate.engine.backends.triton.launch.launch_of_call.tile_for", cut)
    for it in (CELLS["lstm"], with_heads(CELLS["gru_original"], 3)):
        same_as_the_reference(it, numbers(it, (2, 3, 3, 33)))


# Heads smaller than a program's hidden units, as large, across its edges, and larger.
HEADS = [(6, 2, 3), (16, 4, 3), (66, 3, 2), (32, 2, 17)]


@pytest.mark.parametrize(
    ("name", "units", "heads", "batch"),
    [
        pytest.param(name, *sizes, marks=[] if (name, sizes) == ("gru_original", HEADS[0]) else [pytest.mark.slow])
        for name in ("slstm", "lstm", "gru", "gru_original")
        for sizes in HEADS
    ],
)
def test_heads(name: str, units: int, heads: int, batch: int) -> None:
    it = with_heads(CELLS[name], heads)
    lengths = torch.arange(batch) % 3
    with poisoned_allocations():
        same_as_the_reference(it, numbers(it, (2, batch, 3, units)), lengths=lengths)


def test_heads_whose_weights_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    in_pieces_of(monkeypatch, 16)
    it = with_heads(CELLS["lstm"], 2)
    same_as_the_reference(it, numbers(it, (2, 2, 3, 34)))


@pytest.mark.parametrize(
    ("layer", "dtype"),
    [
        (LSTM, torch.bfloat16),
        *(pytest.param(*pair, marks=pytest.mark.slow) for pair in ((GRU, torch.bfloat16), (LSTM, torch.float16))),
    ],
)
def test_half_precision_remembers_in_float32(layer: Any, dtype: torch.dtype) -> None:
    """A gate that keeps 0.99 of the state and writes 0.01 of 1: a state that is rounded at every step stops moving."""
    steps, made = 100, layer(1, 3, backend="triton").to(dtype)
    with torch.no_grad():
        for p in made.parameters():
            p.zero_()
        keep = torch.logit(torch.tensor(0.99))
        if layer is LSTM:  # i, f, g, o
            made.bias_ih_l0[:3], made.bias_ih_l0[3:6], made.bias_ih_l0[6:9] = -keep, keep, 20
        else:  # r, z, n
            made.bias_ih_l0[3:6], made.bias_ih_l0[6:9] = keep, 20
        kept = torch.sigmoid(made.bias_ih_l0[3].double())
        written = torch.sigmoid(made.bias_ih_l0[0].double()) if layer is LSTM else 1 - kept
        _, state = made(torch.zeros(steps, 1, 1, dtype=dtype))
    memory = state[1] if layer is LSTM else state
    expected = written * (1 - kept**steps) / (1 - kept)
    assert abs(memory.double() / expected - 1).max() < 2.0**-8  # once rounded


def test_half_precision_is_close_to_float64() -> None:
    torch.manual_seed(0)
    ours, exact = LSTM(7, 5, backend="triton").bfloat16(), LSTM(7, 5, backend="reference", dtype=torch.float64)
    exact.load_state_dict({name: value.double() for name, value in ours.state_dict().items()})
    x = torch.randn(3, 4, 7).bfloat16()
    leaves = [x.clone().requires_grad_(), x.double().requires_grad_()]
    pairs = []
    for layer, leaf in zip((ours, exact), leaves, strict=True):
        output, (_, c) = layer(leaf)
        total = output.double().sum() + c.double().sum()
        pairs.append([output, *torch.autograd.grad(total, [leaf, *layer.parameters()])])
    for mine, other in zip(*pairs, strict=True):
        assert mine.dtype == torch.bfloat16
        assert (mine.double() - other).norm() < 0.02 * other.norm()


@pytest.mark.parametrize("layer", [LSTM, GRU])
def test_gradients_of_two_biases_are_not_one_memory(layer: Any) -> None:
    """Clipping, say, changes both in place."""
    made = layer(1, 2, backend="triton")
    found = torch.autograd.grad(made(torch.ones(1, 1, 1))[0].sum(), [made.bias_ih_l0, made.bias_hh_l0])
    one, other = ({g.untyped_storage().data_ptr()} for g in found)
    assert one != other


def test_it_is_the_default_on_nvidias_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    call: Any = SimpleNamespace(x=SimpleNamespace(device=torch.device("cuda")))
    assert not TRITON.not_by_default(call)
    order = [backend.name for backend in BACKENDS]
    assert order.index("triton") < order.index("vendor") < order.index("reference")
    monkeypatch.setattr(torch.version, "hip", "7.0")
    assert "AMD" in TRITON.not_by_default(call)[0]


def test_it_has_to_be_asked_for_on_a_cpu_and_says_what_it_cannot_run() -> None:
    x, weights = torch.zeros(2, 3, 4), Weights(torch.zeros(20, 4), torch.zeros(20, 5), torch.zeros(20))
    call = checked_call("lstm", x, weights)
    assert not TRITON.unsupported(call)
    assert "ask for it" in TRITON.not_by_default(call)[0]
    double = checked_call("lstm", x.double(), weights.map(torch.Tensor.double))
    assert "float64" in TRITON.unsupported(double)[0]
    elsewhere = checked_call("lstm", x, weights.map(lambda t: t.to("meta")))
    assert "several devices: cpu, meta" in TRITON.unsupported(elsewhere)[0]
    with pytest.raises(BackendError, match=r"not torch\.float64"):
        LSTM(4, 5, backend="triton", dtype=torch.float64)(x.double())


def test_without_the_interpreter_tensors_must_be_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    with pytest.raises(BackendError, match=r"runs on GPUs \(CUDA, ROCm\), tensors are on cpu"):
        LSTM(4, 5, backend="triton")(torch.zeros(2, 3, 4))


def test_empty_runs() -> None:
    layer = GRU(3, 4, backend="triton")
    for steps, batch in ((0, 2), (2, 0)):
        x = torch.zeros(steps, batch, 3, requires_grad=True)
        output, h = layer(x) if steps else (x.new_zeros(0, batch, 4), x.new_zeros(1, batch, 4))
        assert output.shape == (steps, batch, 4)
        assert h.shape == (1, batch, 4)


def test_the_source_can_be_read() -> None:
    """Values have their names of the equations beside them, in plain characters."""
    from tidegate.engine.backends.triton.emit.kernel import emit_kernel
    from tidegate.engine.backends.triton.kernel_spec import KernelSpec
    from tidegate.engine.program.program import program

    prog = program(CELLS["lstm"])
    text = emit_kernel(KernelSpec(prog, (("h", prog.states["h"]),), CELLS["lstm"].recurrent_gates)).text
    assert text.isascii()
    for line in ("# f", "# c", "wait(counter, arrivals, PARTNERS)", "arrive(counter, PARTNERS)"):
        assert line in text
    assert text.count("tl.dot") == 1, "one product for all gates"
