"""Random cells on the kernels against the reference in float64, in values and gradients.

The bound of an error follows from the same equations in float32 on the reference: what rounding does to them, at the
given numbers and at some nearby, and the size of the numbers themselves.
"""

import math
from collections.abc import Callable

import pytest
import torch
from tests.engine.random_cells import RandomCall, random_call, random_cell
from tests.harness import one_thread, poisoned_allocations  # noqa: F401
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tidegate.cells import Cell
from tidegate.engine import Weights, run, stepping
from tidegate.errors import BackendError

MULTIPLE, NEARBY = 16, 4
EPSILON = {torch.float32: 2.0**-23, torch.float64: 2.0**-52}
SAMPLE, MANY, TOGETHER = 20, 3000, 100


def results(it: Cell, call: RandomCall, dtype: torch.dtype, backend: str, scale: float = 1.0) -> dict[str, Tensor]:
    """All results and the gradients that are wanted, by name."""
    leaves = {name: (value * scale).to(dtype) for name, value in call.tensors.items()}
    for name in call.wanted:
        leaves[name].requires_grad_()
    weights = Weights(
        **{name: leaves.get(name) for name in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")},
        p={name: leaves[f"p {name}"] for name in reversed(it.parameters)},  # given by name, in any order
    )
    made = run(
        it,
        leaves["x"],
        weights,
        [leaves[f"state {name}"] for name in it.states],
        masks={name: leaves[f"mask {name}"] for name in reversed(it.masks)},
        backend=backend,
        **call.options,
    )
    found = {"output": made.output, **{f"final {n}": v for n, v in zip(it.states, made.state, strict=True)}}
    found |= {f"recorded {name}": value for name, value in made.record.items()}
    generator = torch.Generator().manual_seed(7)
    cotangents = {name: torch.rand(v.shape, generator=generator) - 0.5 for name, v in found.items()}
    routes = [
        name for name, v in found.items() if v.requires_grad and (name in call.asked or name.split()[0] in call.asked)
    ]
    if routes:
        gradients = torch.autograd.grad(
            [found[name] for name in routes],
            [leaves[name] for name in call.wanted],
            [cotangents[name].to(dtype) for name in routes],
            allow_unused=True,
        )
        for name, gradient in zip(call.wanted, gradients, strict=True):
            found[f"gradient of {name}"] = torch.zeros_like(leaves[name]) if gradient is None else gradient
    return {name: value.detach().double() for name, value in found.items()}


def faults(seed: int, backend: str = "llvm") -> list[str] | None:
    """What is wrong with the kernels of a seed's cell; None if its numbers overflow: nothing can be compared."""
    it = random_cell(seed)
    call = random_call(it, seed)
    exact = results(it, call, torch.float64, "reference")
    if not all(bool(value.isfinite().all()) for value in exact.values()):
        return None
    dtype = torch.float64 if call.double and backend == "llvm" else torch.float32
    with poisoned_allocations():
        found = results(it, call, dtype, backend)
    near = [1 + k / 512 for k in range(NEARBY)]
    rounding = [
        {name: (rough[name] - fine[name]).abs().max() for name in fine if fine[name].numel()}
        for rough, fine in (
            [results(it, call, d, "reference", s) for d in (torch.float32, torch.float64)] for s in near
        )
    ]
    lines = []
    for name, value in exact.items():
        if found[name].shape != value.shape:
            lines.append(f"{name}: shape {tuple(found[name].shape)}, expected {tuple(value.shape)}")
        elif value.numel():
            error = max(float(sample[name]) for sample in rounding)
            if not math.isfinite(error):
                return None
            bound = MULTIPLE * EPSILON[dtype] * (error / EPSILON[torch.float32] + max(1e-3, float(value.abs().max())))
            seen = float((found[name] - value).abs().max())
            if not seen <= bound:
                lines.append(f"{name}: off by {seen:.3g}, allowed {bound:.3g}")
    return [f"seed {seed}, {it.text()}", *lines] if lines else []


def operator_faults(seed: int) -> list[str]:
    """Differences between a call and the registered operators, which tools see in its place."""
    it = random_cell(seed)
    call = random_call(it, seed)
    dtype = torch.float64 if call.double else torch.float32
    found = results(it, call, dtype, "llvm")
    with FlopCounterMode(display=False):
        seen = results(it, call, dtype, "llvm")
    close = [torch.allclose(found[name], seen[name], rtol=1e-4, atol=1e-5, equal_nan=True) for name in found]
    return [f"seed {seed}: {name}" for name, good in zip(found, close, strict=True) if not good]


def stepper_faults(seed: int) -> list[str]:
    """Differences between a run and the same steps one by one, twice from the same states."""
    it = random_cell(seed)
    given = random_call(it, seed).tensors
    if not {*it.masks} <= {*it.mask_defaults}:
        return []
    x = torch.randn(5, *given["x"].shape[1:], generator=torch.Generator().manual_seed(seed))
    p = {name: given[f"p {name}"] for name in it.parameters}
    weights = Weights(**{name: given.get(name) for name in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")}, p=p)
    state = [given[f"state {name}"] for name in it.states]
    doubled = [value.double() for value in state]
    exact = run(it, x.double(), weights.map(lambda t: t.double()), doubled, backend="reference")
    rough = run(it, x, weights, state, backend="reference")
    lines = []
    for backend in ("llvm", "reference"):
        stepper = stepping(it, x[0], weights, state, backend=backend)
        for _ in range(2):
            output = torch.stack([stepper.step(now).clone() for now in x])
            pairs = [(output, exact.output, rough.output), *zip(stepper.state, exact.state, rough.state, strict=True)]
            for name, (found, right, near) in zip(("output", *it.states), pairs, strict=True):
                bound = MULTIPLE * ((near - right).abs().max() + EPSILON[torch.float32] * (1 + right.abs().max()))
                if bool(right.isfinite().all()) and not bool((found - right).abs().max() <= bound):
                    lines.append(f"seed {seed}, {backend}, {name}: {it.text()}")
            for own, value in zip(stepper.state, state, strict=True):
                own.copy_(value)
    return lines


def check(seeds: range, backend: str = "llvm") -> None:
    compared, wrong = 0, []
    for seed in seeds:
        try:
            found = faults(seed, backend)
        except BackendError as refusal:
            raise AssertionError(f"seed {seed}: {refusal}") from refusal
        compared += found is not None
        wrong += found or []
    assert not wrong, "\n".join(wrong)
    assert compared > 0.7 * len(seeds)


@pytest.mark.parametrize("first", range(0, SAMPLE, SAMPLE // 4))
def test_random_cells_on_the_kernels(first: int) -> None:
    check(range(first, first + SAMPLE // 4))


@pytest.mark.parametrize("faults_of", [operator_faults, stepper_faults])
def test_random_cells_as_operators_and_step_by_step(faults_of: Callable[[int], list[str]]) -> None:
    assert not [line for seed in range(SAMPLE // 3) for line in faults_of(seed)]


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("first", range(SAMPLE, MANY // 3, TOGETHER))
@pytest.mark.parametrize("faults_of", [operator_faults, stepper_faults])
def test_many_random_cells_as_operators_and_step_by_step(faults_of: Callable[[int], list[str]], first: int) -> None:
    assert not [line for seed in range(first, first + TOGETHER) for line in faults_of(seed)]


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("first", range(SAMPLE, MANY, TOGETHER))
def test_many_random_cells_on_the_kernels(first: int) -> None:
    check(range(first, first + TOGETHER))
