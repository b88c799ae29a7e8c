"""How layers run on the device: slow gates, shapes in turn, streams, CUDA graphs and torch.compile."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.clock import captured
from benchmarks.gpu.parts.checks import same
from benchmarks.gpu.precisions import BFLOAT16, EXACT, FLOAT16, Precision, computing
from benchmarks.gpu.problems import Problem, Shape, layer_run, pose
from benchmarks.gpu.session import Session
from benchmarks.layers import DROP_INS
from tidegate.engine import dispatch
from tidegate.errors import BackendError, ParityError
from tidegate.nn import Layered

Check = Callable[[Problem, Layered], None]

KEPT, STEPS = 0.999, 3000  # a gate that keeps this much of the state at each of so many steps


def run(session: Session) -> None:
    """Check each for an LSTM and a GRU, by default and, on a GPU, on the backends for it."""
    others = [it.name for it in dispatch.BACKENDS if it.name not in ("llvm", "reference")] if session.on_gpu else []
    for backend, cell in itertools.product((None, *others), ("lstm", "gru")):
        named = cell if backend is None else f"{cell} {backend}"
        for precision in (BFLOAT16, FLOAT16, EXACT):
            # PyTorch's own layers round their states in half precision: documented, and the reason to ask for them.
            if backend != "vendor" or precision is EXACT:
                work = functools.partial(slow_gates, session, cell, precision, backend)
                session.case(f"slow gates {named} {precision.name}", work)
        checks: dict[str, Check] = {"two shapes": two_shapes, "compile": compiled}
        if session.on_gpu:
            checks |= {"streams": streams, "graph": graph}
        for name, check in checks.items():
            work = functools.partial(_with_problem, session, check, cell, backend, f"{name} {named}")
            session.case(f"{name} {named}", work)


def _with_problem(session: Session, check: Check, cell: str, backend: str | None, name: str) -> None:
    shape = Shape(5, 6, 12) if session.tiny else Shape(24, 40, 96)
    with computing(BFLOAT16):
        problem = pose(cell, shape, BFLOAT16, "training", session.device)
        try:
            check(problem, problem.layer(backend))
        except BackendError as error:
            if backend is None:
                raise
            session.remarks.append(f"{name}: {error}")


def slow_gates(session: Session, cell: str, precision: Precision, backend: str | None) -> None:
    """A gate that keeps 0.999 of the state, and writes 0.001 of 1, has 1 - 0.999^3000 after 3,000 steps.

    In half precision 0.999 of a state near 1 is 1, so a state that is rounded at every step stops growing far below.

    Raises:
        ParityError: the last state is off by more than the bias's own rounding explains.
    """
    H = 16
    layer: Any = DROP_INS[cell](1, H, backend=backend)
    bias = math.log(KEPT / (1 - KEPT))
    gates = {"lstm": (-bias, bias, 20.0, 20.0), "gru": (0.0, bias, 20.0)}[cell]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0.copy_(torch.tensor(gates).repeat_interleave(H))
    layer = layer.to(session.device, precision.dtype)
    kept = torch.tensor(bias).to(precision.dtype).double().sigmoid().item()
    with torch.no_grad(), computing(precision):
        _, state = layer(torch.zeros(STEPS, 3, 1, device=session.device, dtype=precision.dtype))
    last = state[1] if isinstance(state, tuple) else state
    exact = 1 - kept**STEPS
    if not bool(((last.double() - exact).abs() <= 2e-3).all()):
        raise ParityError(f"the state ends at {last.flatten()[0].item():.4f}; exact is {exact:.4f}")
    session.write(
        {
            "case": f"slow gates {cell} {precision.name}",
            "last": last.flatten()[0].item(),
            "exact": exact,
            "backend": backend or "default",
        }
    )


def two_shapes(problem: Problem, layer: Layered) -> None:
    """A layer that has run another shape in between gives the same bits."""
    step = layer_run(problem, layer)
    before = step(0)
    for batch in (1, problem.shape.batch + 9):
        x = torch.randn(problem.shape.steps + 3, batch, problem.shape.size, device=problem.device)
        layer(x.to(problem.precision.dtype))[0].sum().backward()
    same("after other shapes", step(0), before, bits=True)


def streams(problem: Problem, layer: Layered) -> None:
    """Runs on two streams at once give what each gives alone (cuBLAS promises no bits there)."""
    step = layer_run(problem, layer)
    alone = [step(0), step(1)]
    torch.cuda.synchronize()
    side = [torch.cuda.Stream(), torch.cuda.Stream()]
    found = []
    for _ in range(3):
        found = []
        for k, stream in enumerate(side):
            with torch.cuda.stream(stream):
                found.append(step(k))
        torch.cuda.synchronize()
    for k in range(2):
        same(f"on stream {k}", found[k], alone[k], bits=False)


def graph(problem: Problem, layer: Layered) -> None:
    """A training step captured in a CUDA graph gives, replayed on new numbers, what it gives eagerly."""
    step = layer_run(problem, layer)
    expected = step(1)
    replay = captured(step, 1)
    problem.inputs[0].copy_(problem.inputs[1])
    for _ in range(2):
        found = replay(0)
        torch.cuda.synchronize()
        same("replayed", found, expected, bits=False)


def compiled(problem: Problem, layer: Layered) -> None:
    """torch.compile(fullgraph=True) gives what eager gives, up to roundings."""
    from torch._dynamo.exc import Unsupported

    torch.compiler.reset()
    kind = "inductor" if problem.device.type == "cuda" else "aot_eager"
    whole: Callable[[Tensor], tuple[Tensor, object]] = torch.compile(layer, fullgraph=True, backend=kind)
    eager = layer_run(problem, layer)(0)
    parameters = dict(layer.named_parameters())
    x = problem.inputs[0].detach().requires_grad_()
    try:
        output = whole(x)[0]
    except Unsupported as error:  # what Dynamo makes of any error
        if BackendError.__name__ in str(error):
            raise BackendError(f"backend {layer.backend!r} refuses to be compiled") from error
        raise
    of_x, *others = torch.autograd.grad(output, [x, *parameters.values()], problem.cotangent)
    found = {"output": output, "gradient of x": of_x, **dict(zip(parameters, others, strict=True))}
    same("compiled", found, eager, bits=False)
