"""The parity suite: compare a backend's run of a cell with the paper's equations and with torch.nn.

Values are compared with a NumPy transcription of the cell's paper. Gradients are those of <cotangent, results> with a
random cotangent on every result (output, final states, recorded gates and states, padding included), first through
each kind of result alone and then through all at once; each is compared along random directions with the paper's
derivative by complex step, and, for the cells that torch.nn has, element by element with torch.nn's.

How large an error may be follows from a budget, measured anew for each comparison: ``MULTIPLE`` times the difference
between an independent fp32 run (the witness in complex64, torch.nn in float32) and the same run in fp64, scaled by the
ratio of the epsilons for an fp64 backend; and ``MULTIPLE`` epsilons of the compared quantity's own size. One fp32 run
may by luck be exact, so the difference is the largest of several runs, at points within 2% of the given one; the fewer
numbers a case has, the more runs.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.witnesses import PAPERS
from tests.witnesses.cases import Case, inputs
from tests.witnesses.derivative import Named, witness
from tests.witnesses.paper import Paper
from tests.witnesses.torch_layers import LAYERS, torch_results
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine import BACKENDS, Backend, Call, Record, Result, Weights, run
from tidegate.engine.backends.llvm.launch import cores

MULTIPLE = 8
EPSILON = {name: float(np.finfo(name).eps) for name in ("float32", "float64")}
KINDS = ("output", "final", "recorded")
GENERAL = [backend for backend in BACKENDS if backend.name in ("llvm", "reference")]  # they run every call on a CPU


@dataclass
class _Faults:
    """Differences, one line each."""

    lines: list[str] = field(default_factory=list)

    def compare(self, name: str, found: np.ndarray, expected: np.ndarray, allowed: np.ndarray | float) -> None:
        if found.shape != expected.shape:
            self.lines.append(f"{name}: shape {found.shape}, expected {expected.shape}")
            return
        error = np.abs(found - expected)
        wrong = ~(error <= allowed)  # so that NaN is wrong
        if wrong.any():
            at = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
            where = f" at {tuple(int(k) for k in at)}" if at else ""
            self.lines.append(
                f"{name}: {found[at]:.9g}, expected {expected[at]:.9g}{where} "
                f"(allowed error {np.broadcast_to(allowed, error.shape)[at]:.2g}; {wrong.sum()} of {wrong.size} wrong)"
            )


def check_parity(backend: Backend, cell: Cell, case: Case, *, paper: Paper | None = None, device: str = "cpu") -> None:
    """Compare one run of a backend, and its gradients, with the paper's equations and with torch.nn.

    Raises:
        AssertionError: they differ; the message names the case and, a line each, what is wrong.
    """
    paper = paper or PAPERS[cell.name]
    given = inputs(paper, case)
    before = {name: value.copy() for name, value in given.items()}
    leaves = {name: _tensor(value, case, device).requires_grad_() for name, value in given.items()}
    found = run_case(backend, cell, paper, case, leaves)
    faults = _Faults()
    _check_form(faults, paper, case, given, found)
    if not faults.lines:
        _check_values(faults, paper, case, given, found)
        _check_gradients(faults, paper, case, given, leaves, found)
    for name, leaf in leaves.items():
        if not np.array_equal(_array(leaf), before[name].astype(case.dtype), equal_nan=True):
            faults.lines.append(f"{name} was written to")
    if faults.lines:
        listed = "\n  ".join(faults.lines)
        raise AssertionError(f"{backend.name} runs {cell.name} wrongly, {case.name}:\n  {listed}")


def run_case(
    backend: Backend | str, cell: Cell, paper: Paper, case: Case, given: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The engine's results by the witness's names: "output", "final h", "recorded i", ..."""
    flags = case.reset_flags()
    result = run(
        cell,
        given["x"],
        Weights(
            w_ih=given["w_ih"],
            w_hh=given.get("w_hh"),
            b_ih=given.get("b_ih"),
            b_hh=given.get("b_hh"),
            p={name: given[name] for name in paper.parameters},
            w_hr=given.get("w_hr"),
        ),
        tuple(given[f"initial {name}"] for name in paper.states) if case.start else None,
        lengths=None if case.lengths is None else torch.tensor(case.lengths),
        reset=None if flags is None else torch.from_numpy(flags),
        reverse=case.reverse,
        record=Record(paper.names, every=case.every) if case.every else None,
        masks={name: given[f"mask {name}"] for name in paper.masks},
        backend=backend,
    )
    found = {"output": result.output}
    found |= {f"final {name}": value for name, value in zip(paper.states, result.state, strict=True)}
    return found | {f"recorded {name}": value for name, value in result.record.items()}


def _check_form(faults: _Faults, paper: Paper, case: Case, given: Named, found: Mapping[str, Tensor]) -> None:
    """Names, shapes and types."""
    expected, _ = witness(paper, case, given, case.dtype)
    if set(found) != set(expected):
        faults.lines.append(f"results {sorted(found)}, expected {sorted(expected)}")
        return
    for name, value in found.items():
        if tuple(value.shape) != expected[name].shape:
            faults.lines.append(f"{name}: shape {tuple(value.shape)}, expected {expected[name].shape}")
        if value.dtype != getattr(torch, case.dtype):
            faults.lines.append(f"{name}: {value.dtype}, expected {case.dtype}")


def _check_values(faults: _Faults, paper: Paper, case: Case, given: Named, found: Mapping[str, Tensor]) -> None:
    exact, _ = witness(paper, case, given, "float64")
    errors = [
        {name: np.abs(value - fine[name]).max(initial=0) for name, value in rough.items()}
        for rough, fine in ([witness(paper, case, near, kind)[0] for kind in EPSILON] for near in _nearby(case, given))
    ]
    for name, value in found.items():
        size = max(1.0, float(np.abs(exact[name]).max(initial=0)))
        allowed = _budget(case.dtype, max(error[name] for error in errors), size)
        if name.startswith("final"):
            faults.compare(name, _array(value), exact[name], allowed)
            continue
        valid = (case.valid()[:: case.every] if name.startswith("recorded") else case.valid())[:, :, None]
        array = _array(value)
        faults.compare(f"{name} within the length", np.where(valid, array, 0), exact[name], allowed)
        faults.compare(f"{name} past the length", np.where(valid, 0, array), np.zeros_like(array), 0)


def _check_gradients(
    faults: _Faults,
    paper: Paper,
    case: Case,
    given: Named,
    leaves: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
) -> None:
    rng = np.random.default_rng([case.seed, 1])
    cotangents = {name: rng.uniform(-1, 1, tuple(value.shape)) for name, value in found.items()}
    wanted = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    routes = {kind: [name for name in found if name.startswith(kind)] for kind in KINDS}
    routes = {f"the {kind}{' state' * (kind == 'final')}": names for kind, names in routes.items() if names}
    routes["all results"] = list(found)
    gradients = {route: _gradients(wanted, found, cotangents, names) for route, names in routes.items()}
    for name in wanted:
        padding = np.isnan(given[name])
        directions = [np.where(padding, 0, rng.uniform(-1, 1, padding.shape)) for _ in range(_samples(case))]
        exact = [witness(paper, case, given, "float64", {name: v})[1] for v in directions]
        sampled = [
            [witness(paper, case, near, kind, {name: v})[1] for kind in EPSILON]
            for near, v in zip(_nearby(case, given), directions, strict=True)
        ]
        for route, names in routes.items():
            gradient = gradients[route][name]
            past = gradient[padding]
            faults.compare(f"gradient of {name}'s padding through {route}", past, np.zeros_like(past), 0)
            terms = np.array([_terms(cotangents, one, names) for one in exact])
            # Rounding errors of the single terms are independent: they add up as a root of squares.
            error = max(
                np.linalg.norm(_terms(cotangents, rough, names) - _terms(cotangents, fine, names))
                for rough, fine in sampled
            )
            allowed = _budget(case.dtype, error, np.linalg.norm(terms, axis=1).max())
            along = np.array([np.sum(gradient * v, where=~padding) for v in directions])
            faults.compare(f"gradient of {name} through {route}", along, terms.sum(axis=1), allowed)
    if paper.name in LAYERS:
        _compare_with_torch(faults, paper, case, given, cotangents, routes, gradients)


def _terms(cotangents: Named, derivative: Named, names: list[str]) -> np.ndarray:
    """The addends of <cotangent, J v>."""
    return np.concatenate([(cotangents[name] * derivative[name]).ravel() for name in names])


def _compare_with_torch(
    faults: _Faults,
    paper: Paper,
    case: Case,
    given: Named,
    cotangents: Named,
    routes: Mapping[str, list[str]],
    gradients: Mapping[str, Named],
) -> None:
    """Every element of every gradient; torch.nn has no records, so through the output and the final state."""
    routes = {route: routes[route] for route in ("the output", "the final state")}

    def by_torch(point: Named, kind: str) -> dict[str, Named]:
        leaves = {name: torch.from_numpy(value.astype(kind)).requires_grad_() for name, value in point.items()}
        found = torch_results(paper.name, case, leaves)
        return {route: _gradients(leaves, found, cotangents, names) for route, names in routes.items()}

    exact = by_torch(given, "float64")
    sampled = [[by_torch(near, kind) for kind in EPSILON] for near in _nearby(case, given)]
    for route, of_route in exact.items():
        for name, expected in of_route.items():
            kept = ~np.isnan(given[name])
            error = max(np.abs(rough[route][name] - fine[route][name])[kept].max(initial=0) for rough, fine in sampled)
            allowed = _budget(case.dtype, error, np.abs(expected[kept]).max(initial=0))
            title = f"gradient of {name} through {route}, by torch.nn"
            faults.compare(title, np.where(kept, gradients[route][name], 0), np.where(kept, expected, 0), allowed)


def _gradients(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], cotangents: Named, names: list[str]) -> Named:
    """d <cotangent, results> / d input, zero where nothing depends on it."""
    outputs = [found[name] for name in names if found[name].requires_grad]
    given = [torch.from_numpy(cotangents[name]).to(found[name]) for name in names if found[name].requires_grad]
    if not outputs:
        return {name: np.zeros(leaf.shape) for name, leaf in wanted.items()}
    gradients = torch.autograd.grad(outputs, list(wanted.values()), given, retain_graph=True, allow_unused=True)
    pairs = zip(wanted.items(), gradients, strict=True)
    return {name: np.zeros(leaf.shape) if g is None else _array(g) for (name, leaf), g in pairs}


def _samples(case: Case) -> int:
    return max(3, min(8, 40 // (case.B * case.H)))


def _nearby(case: Case, given: Named) -> list[Named]:
    """The given numbers and some that differ by a few thousandths: each is another sample of the rounding errors."""
    return [
        {name: value if "mask" in name else value * np.float32(1 + k / 512) for name, value in given.items()}
        for k in range(_samples(case))
    ]


def _budget(dtype: str, fp32_error: float | np.floating, size: float | np.floating) -> float:
    return MULTIPLE * EPSILON[dtype] * (float(fp32_error) / EPSILON["float32"] + float(size))


def _tensor(value: np.ndarray, case: Case, device: str) -> Tensor:
    return torch.from_numpy(value.astype(case.dtype)).to(device)


def _array(value: Tensor) -> np.ndarray:
    return value.detach().cpu().numpy()


@dataclass(frozen=True)
class Split(Backend):
    """A backend that runs another one twice, up to step ``at`` and from there, carrying the state.

    Under `check_parity` it states the contract of truncated BPTT without the truncation: the whole run equals the run
    in two parts, in values and in all gradients. ``at`` must be a multiple of the recording's stride.
    """

    inner: Backend
    at: int
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.inner.name} split at {self.at}")

    def unsupported(self, call: Call) -> list[str]:
        return self.inner.unsupported(call)

    def run(self, call: Call) -> Result:
        halves = [slice(0, self.at), slice(self.at, None)]
        done: dict[int, Result] = {}
        state = call.state
        for half in (1, 0) if call.reverse else (0, 1):
            part = self._part(call, halves[half], state)
            done[half] = self.inner.run(part)
            state = done[half].state
            if call.reverse and half and part.reset is not None:  # the wall between the two halves
                wall = part.reset[0] if part.lengths is None else part.reset[0] & (part.lengths > 0)
                state = tuple(value.where(~wall[:, None], value.new_zeros(())) for value in state)
        return Result(
            output=torch.cat([done[0].output, done[1].output]),
            state=state,
            record={name: torch.cat([done[0].record[name], done[1].record[name]]) for name in done[0].record},
            backend=self.name,
        )

    def _part(self, call: Call, half: slice, state: tuple[Tensor, ...]) -> Call:
        lengths = call.lengths
        if lengths is not None:
            lengths = lengths.clamp(max=self.at) if half.start == 0 else (lengths - self.at).clamp(min=0)
        return replace(
            call,
            x=call.x[half],
            state=state,
            lengths=lengths,
            reset=None if call.reset is None else call.reset[half],
            masks={name: mask[half] for name, mask in call.masks.items()},
        )


@contextmanager
def poisoned_allocations() -> Iterator[None]:
    """Within, memory that torch hands out uninitialised holds NaN (or the largest integer)."""
    module: Any = torch.utils.deterministic  # the attribute is a property of the module
    settings = (torch.are_deterministic_algorithms_enabled(), module.fill_uninitialized_memory)
    torch.use_deterministic_algorithms(True)
    module.fill_uninitialized_memory = True
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(settings[0])
        module.fill_uninitialized_memory = settings[1]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Use one thread in a module that imports this: its runs are too small for several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True, scope="module")
def all_threads() -> Iterator[None]:
    """Use as many threads as were asked for in a module that imports this, though others may need the cores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cores._Use, "look_if_it_is_time", lambda use, now: setattr(use, "share", torch.get_num_threads()))
        yield
    cores._use.cache_clear()
