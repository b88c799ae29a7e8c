"""Recording, resets, short sequences, long ones of a cell without recurrent products, and single steps."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.clock import Run, pairs_of, rounds
from benchmarks.gpu.compare import (
    EAGER,
    PEER,
    Contender,
    absolute_row,
    compare,
    kind_of,
    our_contenders,
    our_layers,
    prepared,
    torch_contender,
)
from benchmarks.gpu.parts.checks import same
from benchmarks.gpu.precisions import BFLOAT16, EXACT, TF32, Precision, computing
from benchmarks.gpu.problems import Mode, Problem, Shape, layer_run, pose, solver
from benchmarks.gpu.session import Session
from benchmarks.measure import spread
from benchmarks.rows import ratio_row
from tidegate.errors import BackendError
from tidegate.nn import Layered

RESET = 0.05  # the chance of a reset at a step
TINY = Shape(3, 9, 7)


def run(session: Session) -> None:
    """Measure all of them."""
    cases: dict[str, Callable[[], None]] = {}
    for precision in (BFLOAT16, EXACT):
        cases[f"stepper lstm {precision.name}"] = functools.partial(stepper, session, precision)
    modes: tuple[Mode, ...] = ("training", "inference")
    for mode in modes:
        cases[f"resets gru {mode}"] = functools.partial(resets, session, mode)
        cases[f"recording lstm {mode}"] = functools.partial(recording, session, mode)
        cases[f"long min_gru {mode}"] = functools.partial(long, session, mode)
    for cell in ("lstm", "gru"):
        cases[f"short {cell} training"] = functools.partial(short, session, cell)
    for name, work in cases.items():
        session.case(name, work)


def recording(session: Session, mode: Mode) -> None:
    """A run that records every gate and state, over one that records none."""
    with computing(BFLOAT16):
        shape = TINY if session.tiny else Shape(64, 512, 512)
        problem = pose("lstm", shape, BFLOAT16, mode, session.device)
        for name, layer in our_layers(problem).items():
            with contextlib.suppress(BackendError):  # a backend that records nothing
                layer.trace(problem.inputs[0][:1])
                _record(session, problem, name, layer)


def _record(session: Session, problem: Problem, name: str, layer: Layered) -> None:
    def recorded(x: Tensor) -> Tensor:
        output = layer.trace(x).output
        assert isinstance(output, Tensor)
        return output

    parameters, inputs = dict(layer.named_parameters()), len(problem.inputs)
    contenders = [
        Contender("recording", lambda: solver(problem, recorded, parameters), inputs),
        Contender("not recording", lambda: layer_run(problem, layer), inputs),
    ]
    runs = prepared(session, f"recording {problem.mode} {name}", contenders, problem)
    if len(runs) == len(contenders):
        taken = rounds(runs, session.device, repeats=5)
        pairs = pairs_of(taken["recording"], taken["not recording"])
        kind, mode = kind_of("recording", name), f"{problem.mode}, {problem.precision.name}"
        session.row(ratio_row(kind, "lstm", str(problem.shape), mode, "not recording", pairs))


def resets(session: Session, mode: Mode) -> None:
    """A GRU whose state is reset within sequences, as agents' rollouts need it."""
    with computing(TF32):
        shape = TINY if session.tiny else Shape(128, 64, 256)
        problem = pose("gru", shape, TF32, mode, session.device)
        drawn = torch.rand(shape.steps, shape.batch, generator=torch.Generator().manual_seed(0)) < RESET
        problem = replace(problem, reset=drawn.to(session.device))
        peers = [Contender("splitting and padding", lambda: _split(problem), len(problem.inputs), PEER)]
        if importlib.util.find_spec("torchrl"):
            peers.append(Contender("TorchRL's GRUModule", lambda: _torchrl(problem), len(problem.inputs), PEER))
        compare(session, "resets", problem, our_contenders(problem), peers)


def _split(problem: Problem) -> Run:
    """Return a contender that makes a sequence of its own of what stands between two resets, as libraries do."""
    layer: Any = problem.torch_layer()
    assert problem.reset is not None
    begins = problem.reset.clone()
    begins[0] = True

    def forward(x: Tensor) -> Tensor:
        steps, batch, features = x.shape
        begin = begins.t().flatten()  # sequence by sequence
        first = begin.nonzero().squeeze(1)
        number = begin.cumsum(0) - 1
        place = torch.arange(batch * steps, device=x.device) - first[number]
        padded = x.new_zeros(int(place.max()) + 1, len(first), features)
        padded = padded.index_put((place, number), x.transpose(0, 1).reshape(batch * steps, features))
        return layer(padded)[0][place, number].view(batch, steps, -1).transpose(0, 1)

    return solver(problem, forward, dict(layer.named_parameters()))


def _torchrl(problem: Problem) -> Run:
    """Return the contender of TorchRL's module, batch first; what it is given beside the input is made beforehand."""
    from tensordict import TensorDict  # pyright: ignore[reportMissingImports]
    from torchrl.modules import GRUModule  # pyright: ignore[reportMissingImports]

    shape, first = problem.shape, problem.inputs[0]
    names: dict[str, Any] = dict(in_keys=["x", "state", "is_init"], out_keys=["output", ("next", "state")])
    module = GRUModule(shape.size, shape.size, device=problem.device, default_recurrent_mode=True, **names)
    module.gru.load_state_dict(problem.state_dict)
    assert problem.reset is not None
    state = first.new_zeros(shape.batch, shape.steps, 1, shape.size)
    is_init = problem.reset.t()[..., None].contiguous()

    def forward(x: Tensor) -> Tensor:
        given = TensorDict({"x": x.transpose(0, 1), "state": state, "is_init": is_init}, [shape.batch, shape.steps])
        return module(given)["output"].transpose(0, 1)

    return solver(problem, forward, dict(module.gru.named_parameters()))


def long(session: Session, mode: Mode) -> None:
    """A minimal GRU over 4,096 steps beside torch.nn's GRU, which is another network."""
    with computing(BFLOAT16):
        shape = TINY if session.tiny else Shape(16, 4096, 512)
        problem = pose("min_gru", shape, BFLOAT16, mode, session.device)

        def prepare() -> Run:
            layer = torch.nn.GRU(shape.size, shape.size, device=session.device, dtype=BFLOAT16.dtype)
            return layer_run(problem, layer)

        peer = Contender(f"torch.nn's GRU{EAGER}", prepare, len(problem.inputs), slack=0)
        compare(session, "long", problem, our_contenders(problem), [peer])


def short(session: Session, cell: str) -> None:
    """64 steps, where the time that the host takes to launch them matters, beside torch.nn's layer."""
    with computing(BFLOAT16):
        shape = TINY if session.tiny else Shape(64, 64, 512)
        problem = pose(cell, shape, BFLOAT16, "training", session.device)
        compare(session, "short", problem, our_contenders(problem), [torch_contender(problem)])


def stepper(session: Session, precision: Precision) -> None:
    """One step of one sequence, the state carried, beside torch.nn's LSTM called with one step.

    The steps whose outputs are compared also warm the stepper up: on a GPU those that are timed are replayed.
    """
    with computing(precision), torch.inference_mode():
        size = 7 if session.tiny else 512
        problem = pose("lstm", Shape(1, 8, size), precision, "inference", session.device)
        theirs, x = problem.torch_layer(), problem.inputs[0]
        rows = list(x)
        state: Any = None

        def one_call(k: int) -> Tensor:
            nonlocal state
            output, state = theirs(x[k % 8 : k % 8 + 1], state)
            return output

        for name, layer in our_layers(problem).items():
            steps = layer.stepper(1)
            found = torch.stack([steps(row) for row in rows])
            same(f"step by step, {name}", {"output": found}, {"output": layer(x)[0]}, bits=False)
            steps.reset()
            runs = {"ours": lambda k, steps=steps: steps(rows[k % 8]), "theirs": one_call}
            taken = rounds(runs, session.device, repeats=5)
            kind, case = kind_of("stepper", name), f"1x1x{size}"
            session.row(absolute_row(kind, "lstm", case, precision.name, "nothing", spread(taken["ours"])))
            pairs = pairs_of(taken["theirs"], taken["ours"])
            session.row(ratio_row(kind, "lstm", case, precision.name, "torch.nn, T = 1", pairs))
