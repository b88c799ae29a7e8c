"""Explanations of a run against counts made by hand, and against what the backend then does."""

from typing import Any

import pytest
import torch
from tests.kernel_runs import numbers

from tidegate.cells import CELLS, lstm, min_gru, projected, with_heads
from tidegate.engine import BACKENDS, Explanation, Peaks, Weights, explain, run
from tidegate.engine.backends.llvm.front.passes import LLVM_PASSES
from tidegate.engine.backends.llvm.jit.instruction_set import instruction_set
from tidegate.engine.backends.llvm.launch import launcher, threads
from tidegate.engine.explain.explain import explain_call
from tidegate.engine.explain.kernel_plans import GPUKernelPlan, KernelPlan
from tidegate.engine.explain.peaks import measured_peaks
from tidegate.engine.kernels import arguments
from tidegate.engine.run import checked_call
from tidegate.errors import ArgumentError, BackendError
from tidegate.nn import Recurrent

PEAKS = Peaks(flops=1e9, bandwidth=1e8)


def lstm_weights(i: int, h: int, dtype: torch.dtype = torch.float32) -> Weights:
    return Weights(
        torch.zeros(4 * h, i, dtype=dtype), torch.zeros(4 * h, h, dtype=dtype), torch.zeros(4 * h, dtype=dtype)
    )


def on_a_cpu(e: Explanation) -> list[KernelPlan]:
    """The kernels of an explanation, all of which are the CPU backend's."""
    kernels = [kernel for kernel in e.kernels if isinstance(kernel, KernelPlan)]
    assert len(kernels) == len(e.kernels)
    return kernels


def small(**more: Any) -> Explanation:
    """An LSTM with 3 input features and 5 hidden units, 7 steps of 2 sequences."""
    return explain("lstm", torch.zeros(7, 2, 3), lstm_weights(3, 5), peaks=PEAKS, **more)


def test_a_small_lstm_by_hand() -> None:
    e = small(training=False)
    n = 7 * 2
    assert e.flops.recurrent == n * 2 * 4 * 5 * 5 == 2800
    assert e.flops.input == n * 2 * 4 * 5 * 3 == 1680
    assert e.flops.weight_gradients == 0
    assert e.flops.pointwise == n * 5 * 17  # as in test_cost
    weights = 4 * (4 * 5 * 3 + 4 * 5 * 5 + 4 * 5)
    assert (e.bytes.weights, e.bytes.input, e.bytes.saved) == (weights, 4 * n * 3, 0) == (720, 168, 0)
    assert e.bytes.output == 4 * (n * 5 + 2 * 2 * 5)  # and h and c of both sequences
    assert e.bytes.moved == e.bytes.weights + e.bytes.input + e.bytes.output
    assert e.floor == max(e.flops.total / 1e9, e.bytes.moved / 1e8) == e.bytes.moved / 1e8
    assert (e.cell, e.steps, e.batch, e.input_size, e.hidden_size, e.training) == ("lstm", 7, 2, 3, 5, False)


@pytest.mark.parametrize("wants_x", [False, True])
def test_training_adds_a_backward(wants_x: bool) -> None:
    forward = small(training=False)
    e = explain("lstm", torch.zeros(7, 2, 3, requires_grad=wants_x), lstm_weights(3, 5), peaks=PEAKS)
    assert e.flops.recurrent == 2 * forward.flops.recurrent
    assert e.flops.input == (1 + wants_x) * forward.flops.input
    assert e.flops.weight_gradients == forward.flops.recurrent + forward.flops.input
    assert e.flops.pointwise > 2 * forward.flops.pointwise
    assert [kernel.name for kernel in e.kernels] == ["forward", "backward"]
    assert e.kernels[1].input == ("outside" if wants_x else "none")


def test_the_flops_of_the_benchmarks_lstm() -> None:
    """B=32, T=100, H=I=512: 2 T B 4 H H = 6.7109e9 for each of the two products."""
    with torch.device("meta"):
        x, weights = torch.empty(100, 32, 512, requires_grad=True), lstm_weights(512, 512)
    e = explain("lstm", x, weights, peaks=PEAKS)
    one = 6_710_886_400
    assert (e.flops.recurrent, e.flops.input, e.flops.weight_gradients) == (2 * one, 2 * one, 2 * one)
    assert e.floor == e.flops.total / 1e9  # products, not memory
    assert e.bytes.weights == 4 * (2 * 4 * 512 * 512 + 4 * 512)
    assert e.backend == "reference"
    assert e.reasons["llvm"] == ("it runs on the CPU, tensors are on meta",)


@pytest.mark.parametrize(
    ("cell", "products", "recurrent"), [("gru", 6, 3), ("gru_original", 6, 3), ("rnn_tanh", 2, 1), ("min_gru", 2, 0)]
)
def test_every_product_of_the_equations_is_in_a_stage(cell: str, products: int, recurrent: int) -> None:
    h, x = 16, torch.zeros(4, 8, 6)
    inputs = products - recurrent
    w = Weights(torch.zeros(inputs * h, 6), torch.zeros(recurrent * h, h) if recurrent else None)
    e = explain(cell, x, w, peaks=PEAKS, training=False)
    (forward,) = e.kernels
    assert forward.input == "inside"
    assert sum(stage.products for stage in forward.stages) == products
    assert len(forward.stages) == (2 if cell == "gru_original" else 1)
    (outside,) = explain(cell, x[:, :7], w, peaks=PEAKS, training=False).kernels
    assert outside.input == "outside"
    assert sum(stage.products for stage in outside.stages) == recurrent


def test_a_projections_product_is_recurrent() -> None:
    w = Weights(torch.zeros(20, 3), torch.zeros(20, 2), w_hr=torch.zeros(2, 5))
    e = explain(projected(lstm), torch.zeros(7, 2, 3), w, training=False, peaks=PEAKS)
    assert e.flops.recurrent == 14 * 2 * (4 * 5 * 2 + 2 * 5)
    assert e.bytes.output == 4 * (14 * 2 + 2 * (2 + 5))


def test_padding_is_not_counted() -> None:
    whole, half = small(), small(lengths=[7, 0])
    for name in ("recurrent", "input", "weight_gradients", "pointwise"):
        assert 2 * getattr(half.flops, name) == getattr(whole.flops, name)
    assert half.bytes.saved == whole.bytes.saved
    assert half.bytes.moved < whole.bytes.moved


@pytest.mark.parametrize("cell", ["lstm", "gru", "gru_original", "peephole_lstm", "layer_norm_lstm"])
@pytest.mark.parametrize(("batch", "units"), [(1, 200), (9, 20), (13, 512)])
def test_the_plan_is_what_the_backend_then_does(
    cell: str, batch: int, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, x = Recurrent(cell, 8, units), torch.zeros(3, batch, 8, requires_grad=True)
    e = explain(cell, x, layer.layer_weights(0, 0), peaks=PEAKS)
    launched, saved = [], []
    real_execute, real_forward = launcher.Launch.execute, LLVM_PASSES.forward

    def watched_execute(self: launcher.Launch, lengths: Any) -> None:
        real_execute(self, lengths)
        launched.append((self.kernel, self.slots[arguments.SPLIT_HIDDEN]))

    def watched_forward(*args: Any, **kwargs: Any) -> Any:
        result = real_forward(*args, **kwargs)
        saved.append(sum(s.numel() * s.element_size() for s in result.sequences.values()))
        return result

    monkeypatch.setattr(launcher.Launch, "execute", watched_execute)
    monkeypatch.setattr(LLVM_PASSES, "forward", watched_forward)
    layer(x)[0].sum().backward()
    assert saved == [e.bytes.saved]
    assert len(launched) == len(e.kernels) == 2
    for (spec, sharing), plan in zip(launched, on_a_cpu(e), strict=True):
        assert plan.shared == ("hidden units" if sharing else "rows")
        tiles = [(tile.rows, tile.blocks, tile.chains) for tile in spec.tiles]
        assert [(stage.rows, stage.blocks, stage.chains) for stage in plan.stages] == tiles
        assert [stage.accumulators for stage in plan.stages] == [len(stage.accumulators) for stage in spec.stages]
    assert e.kernels[0].input == ("inside" if launched[0][0].fused_input else "outside")
    assert launched[0][0].fused_input == (batch == 9)


@pytest.mark.parametrize(
    ("it", "batch", "units"),
    [
        (lstm, 16, 16),
        (lstm, 300, 512),
        (lstm, 600, 1024),  # more programs than wait for one another at once
        (projected(lstm), 5, 33),
        (with_heads(lstm, 3), 5, 66),
        (min_gru, 40, 100),
        (CELLS["gru_original"], 7, 40),
        (CELLS["layer_norm_lstm"], 3, 20),
    ],
    ids=lambda it: getattr(it, "name", None),
)
@pytest.mark.skipif(torch.cuda.is_available(), reason="the interpreter is off")
def test_the_plan_on_a_gpu_is_what_is_launched(
    it: Any, batch: int, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("triton")
    from tidegate.engine.backends.triton.front.passes import TRITON_PASSES
    from tidegate.engine.backends.triton.launch.run_kernel import Launch

    launched: list[list[Any]] = []
    monkeypatch.setattr(Launch, "execute", lambda self: launched.append([*self.launches(apart=False)]))
    given = numbers(it, (3, batch, 8, units), dtype=torch.bfloat16, outputs=7 if it.projected else None)
    w_ih, w_hh, b_ih, b_hh, w_hr = (given.get(name) for name in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr"))
    weights = Weights(w_ih, w_hh, b_ih, b_hh, {name: given[f"p {name}"] for name in it.parameters}, w_hr)
    call = checked_call(it, given["x"].requires_grad_(), weights, [given[f"state {name}"] for name in it.states])
    e = explain_call(call, "triton", peaks=PEAKS)
    made = TRITON_PASSES.forward(call, (), train=True)
    TRITON_PASSES.backward(call, (), made.sequences, made.results[: 1 + len(it.states)], ["x"])
    assert e.bytes.saved == sum(s.numel() * s.element_size() for s in made.sequences.values())
    for plan, launches in zip(e.kernels, launched, strict=True):
        assert isinstance(plan, GPUKernelPlan)
        loop = launches[0].kernel.text
        waits = loop.count("wait(counter") if launches[0].given["PARTNERS"] > 1 else 0
        assert plan.waits == waits
        assert plan.launches == len(launches)
        assert plan.programs == (launches[0].grid[0], sum(launch.grid[1] for launch in launches))
        assert (plan.units, plan.rows) == (launches[0].given["UNITS"], launches[0].given["ROWS"])
        assert plan.weights == ("in pieces" if "tl.dot(piece" in loop else "in registers" if "tl.dot(" in loop else "")
    assert all(len(line) <= 80 for line in str(e).splitlines())


def test_threads_share_hidden_units_where_rows_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "can_wait_for_one_another", lambda: True)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        few, many = (explain("lstm", torch.zeros(3, b, 8), lstm_weights(8, 512), peaks=PEAKS) for b in (4, 32))
        assert {(kernel.shared, kernel.threads) for kernel in on_a_cpu(few)} == {("hidden units", 2)}
        assert {(kernel.shared, kernel.threads) for kernel in on_a_cpu(many)} == {("rows", 2)}
    finally:
        torch.set_num_threads(before)
    assert on_a_cpu(few)[0].lanes == instruction_set().vector_bytes // 4
    assert isinstance(threads.can_wait_for_one_another(), bool)


def test_reasons_against_the_other_backends() -> None:
    assert small().backend == "llvm"
    assert small().reasons["reference"] == ("llvm is preferred",)
    assert small().reasons["vendor"] == ("PyTorch's own layers run on the CPU only if asked for",)
    asked = small(backend="reference")
    assert (asked.backend, asked.kernels) == ("reference", ())
    assert asked.reasons["llvm"] == asked.reasons["vendor"] == ("reference was asked for",)
    assert asked.bytes.saved == 4 * 14 * 6 * 5  # i f g o, c and h
    state = [torch.zeros(2, 5, dtype=torch.float64)] * 2
    mixed = small(state=state)
    assert mixed.backend == "reference"
    assert mixed.reasons["llvm"] == mixed.reasons["vendor"] == ("float64 is mixed with other dtypes",)
    with pytest.raises(BackendError, match="cannot run lstm: float64 is mixed"):
        small(state=state, backend="llvm")
    with pytest.raises(ArgumentError, match=r"lengths must lie in 0\.\.7"):
        small(lengths=[8, 1])


def test_a_transform_is_a_reason() -> None:
    plan = []

    def loss(x: torch.Tensor) -> torch.Tensor:
        plan.append(explain("lstm", x, lstm_weights(3, 5), recompute=True, peaks=PEAKS))
        return run("lstm", x, lstm_weights(3, 5)).output.sum()

    torch.func.grad(loss)(torch.zeros(7, 2, 3))
    torch.func.vmap(loss)(torch.zeros(4, 7, 2, 3))
    assert [e.backend for e in plan] == ["reference"] * 2
    assert {e.reasons[name] for e in plan for name in ("llvm", "vendor")} == {("a torch.func transform is active",)}
    assert [e.flops.recurrent for e in plan] == [2 * 2800] * 2  # a transform keeps everything: recompute or not


def test_recompute_saves_less_and_runs_forward_twice() -> None:
    x, w = torch.zeros(100, 2, 3), lstm_weights(3, 16)
    all_kept, again = (explain("lstm", x, w, recompute=flag, peaks=PEAKS) for flag in (False, True))
    assert again.flops.recurrent == 3 * all_kept.flops.recurrent // 2
    assert again.flops.weight_gradients == all_kept.flops.weight_gradients
    part = explain("lstm", x[:10], w, peaks=PEAKS)
    assert again.bytes.saved == part.bytes.saved + 10 * 2 * 2 * 16 * 4  # ten parts begin with h and c
    assert again.bytes.saved < all_kept.bytes.saved / 4
    assert again.bytes.moved > all_kept.bytes.moved


def test_explain_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("explain ran something")

    for backend in BACKENDS:
        monkeypatch.setattr(backend, "run", refuse)
    monkeypatch.setattr(launcher, "launch_kernel", refuse)
    monkeypatch.setattr(launcher, "compiled", refuse)
    state = torch.random.get_rng_state()
    for name in ("llvm", "reference"):
        assert small(backend=name).backend == name
    assert torch.equal(torch.random.get_rng_state(), state)


def test_peaks_are_measured_once_for_the_cpu_only() -> None:
    x = torch.zeros(7, 2, 3)
    state = torch.random.get_rng_state()
    measured = explain("lstm", x, lstm_weights(3, 5)).peaks
    assert measured is not None
    assert torch.equal(torch.random.get_rng_state(), state)
    assert measured == measured_peaks(torch.float32) == measured_peaks(torch.float16)
    assert measured.threads == torch.get_num_threads()
    assert 1e8 < measured.flops < 1e14
    assert 1e8 < measured.bandwidth < 1e13
    with torch.device("meta"):
        elsewhere = explain("lstm", torch.empty(7, 2, 3), lstm_weights(3, 5))
    assert elsewhere.peaks is elsewhere.floor is None
    assert "time floor unknown" in str(elsewhere)


def test_the_text_of_an_explanation() -> None:
    e = explain("lstm", torch.zeros(100, 32, 512), lstm_weights(512, 512), peaks=Peaks(400e9, 20e9, threads=2))
    text = str(e)
    assert text.startswith("lstm 512 -> 512 hidden units, 100 steps x 32 sequences, training: llvm\n  not ")
    assert "\n  not reference: llvm is preferred\n" in text
    assert "FLOPs: recurrent 13.4G, input 6.71G, weight gradients 13.4G, pointwise " in text
    assert "8 products into 4 accumulators, 9 pointwise; tile" in text
    # (13.42 + 6.71 + 13.42 + 0.07) GFLOP / 400 GFLOP/s
    assert "takes at least 84.1 ms (FLOPs 84.1 ms, bytes " in text
    assert text.endswith("machine: 400 GFLOP/s, 20 GB/s, 2 threads")


@pytest.mark.parametrize("cell", ["lstm", "layer_norm_lstm", "gru_original"])
def test_the_text_fits_80_columns(cell: str) -> None:
    layer = Recurrent(cell, 8, 512)
    for batch, training in ((1, True), (64, False)):
        e = explain(cell, torch.zeros(5000, batch, 8), layer.layer_weights(0, 0), training=training, peaks=PEAKS)
        assert max(map(len, str(e).splitlines())) <= 80
