"""Compare contenders: first what they compute with float64, then their times in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from benchmarks.gpu.clock import Run, captured, pairs_of, rounds
from benchmarks.gpu.problems import Problem, layer_run, truth
from benchmarks.gpu.session import Session
from benchmarks.measure import Spread
from benchmarks.rows import Row, ratio_row
from tidegate.engine import dispatch, run
from tidegate.errors import BackendError, ParityError
from tidegate.nn import Layered

GRAPH = ", in a graph"
EAGER = ", eager"
DEFAULT = "default"  # the backend that is chosen where none is asked for
PEER = 5.0  # the slack of peers


@dataclass(frozen=True)
class Contender:
    """Something that is timed.

    Attributes:
        name: for tables.
        prepare: do what is done once.
        inputs: how many inputs it takes turns with.
        slack: how much further than our layer it may be from float64, since others round their states in half
            precision; 0: it is only timed, as torch.nn's LSTM beside other cells.
        note: for its rows: the backend that is the default.
    """

    name: str
    prepare: Callable[[], Run]
    inputs: int
    slack: float = 1.0
    note: str = ""

    def in_a_graph(self) -> Contender:
        """Return the same in a CUDA graph."""
        name = self.name.removesuffix(EAGER) + GRAPH
        return replace(self, name=name, prepare=lambda: captured(self.prepare(), self.inputs))


def errors(found: Mapping[str, Tensor], exact: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the norm of each difference relative to the exact value's."""
    made = {}
    for name, value in exact.items():
        if found[name].shape != value.shape:
            raise ParityError(f"{name} has the shape {tuple(found[name].shape)}, not {tuple(value.shape)}")
        made[name] = ((found[name].double() - value).norm() / value.norm().clamp(min=1e-300)).item()
    return made


def prepared(session: Session, case: str, contenders: Sequence[Contender], problem: Problem) -> dict[str, Run]:
    """Prepare contenders and check what they compute; those that fail are faults, and left out."""
    exact = truth(problem)
    runs: dict[str, Run] = {}
    for contender in contenders:
        try:
            runs[contender.name] = made = contender.prepare()
            for _ in range(2):  # the second run of a kernel, graph or state is not the first
                found = made(0)
                if contender.slack:
                    require(errors(found, exact), contender.slack * problem.precision.allowed)
                found = {}
        except Exception as error:  # a contender that cannot run does not end the case of the others
            runs.pop(contender.name, None)
            session.fault(f"{case}, {contender.name}", f"{type(error).__name__}: {error}")
    return runs


def require(found: Mapping[str, float], allowed: float) -> None:
    """Require that no error is larger than allowed.

    Raises:
        ParityError: one is; the message names all.
    """
    wrong = [f"{name} by {error:.2g}" for name, error in found.items() if not error <= allowed]
    if wrong:
        raise ParityError(f"differs from float64, relative, as norms, where {allowed:g} is allowed: {', '.join(wrong)}")


def compare(
    session: Session, kind: str, problem: Problem, ours: Sequence[Contender], theirs: Sequence[Contender]
) -> None:
    """Time each of ours against each of theirs, and note the ratios.

    What runs in a graph is compared with what runs in a graph. The first of ours is the default; rows of another one
    have its name in their kind.
    """
    mode = f"{problem.mode}, {problem.precision.name}"
    case = f"{kind} {problem.cell} {problem.shape} {mode}"
    runs = prepared(session, case, [*ours, *theirs], problem)
    taken = rounds(runs, problem.device, repeats=2 if session.tiny else 5)
    for mine in (it for it in ours if it.name in runs):
        own_kind = kind_of(kind, mine.name.partition(",")[0])
        for peer in (it for it in theirs if it.name in runs):
            if peer.name.endswith(GRAPH) != mine.name.endswith(GRAPH):
                continue
            pairs = pairs_of(taken[peer.name], taken[mine.name])
            session.row(ratio_row(own_kind, problem.cell, str(problem.shape), mode, peer.name, pairs, note=mine.note))


def absolute_row(kind: str, cell: str, case: str, mode: str, against: str, taken: Spread) -> Row:
    """Return a time in microseconds."""
    value, low, high = (1e6 * part for part in (taken.median, taken.low, taken.high))
    return Row(kind, cell, case, mode, against, "us", value, low, high, ours_ms=1e3 * taken.median)


def our_layers(problem: Problem) -> dict[str, Layered]:
    """Our layer: by default, and on every other backend that runs it; the reference only where nothing else does."""
    made = {DEFAULT: problem.layer()}
    chosen = runs_on(problem, made[DEFAULT])
    for name in sorted({it.name for it in dispatch.BACKENDS} - {"reference", chosen}):
        layer = problem.layer(name)
        try:
            runs_on(problem, layer)
        except BackendError:
            continue  # it says why where it is asked for; here every backend that can run takes part
        made[name] = layer
    if chosen == "reference" and len(made) > 1:
        del made[DEFAULT]
    return made


def our_contenders(problem: Problem) -> list[Contender]:
    """The layers of `our_layers`, to be timed."""
    inputs = len(problem.inputs)
    return [
        Contender(f"{name}{EAGER}", lambda it=layer: layer_run(problem, it), inputs, note=runs_on(problem, layer))
        for name, layer in our_layers(problem).items()
    ]


def runs_on(problem: Problem, layer: Layered) -> str:
    """Return the name of the backend that runs the first layer."""
    cell, weights = layer.layer_cell(0), layer.layer_weights(0, 0)
    with torch.set_grad_enabled(problem.mode == "training"):
        return run(cell, problem.inputs[0], weights, reset=problem.reset, backend=layer.backend).backend


def kind_of(kind: str, name: str) -> str:
    """Return the kind of a row of ours: the name of another backend than the default is in it."""
    return kind if name == DEFAULT else f"{kind}, {name}"


def torch_contender(problem: Problem) -> Contender:
    """torch.nn's layer."""
    return Contender(f"torch.nn{EAGER}", lambda: layer_run(problem, problem.torch_layer()), len(problem.inputs), PEER)


def with_graphs(contenders: Sequence[Contender], device: torch.device) -> list[Contender]:
    """Return contenders, and the same in CUDA graphs on a device that has them."""
    return [*contenders, *[it.in_a_graph() for it in contenders]] if device.type == "cuda" else [*contenders]
