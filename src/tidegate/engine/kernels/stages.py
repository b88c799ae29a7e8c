"""Cut a step into stages: passes over the hidden units, one after the other.

Within a stage each hidden unit is computed without the others. A product or a mean of a vector that is made inside the
step needs all of that vector, so it begins a new stage. An LSTM has one stage: all its products are with h_{t-1}, which
is there when the step begins. The original GRU has two: r ⊙ h_{t-1} first, then U_n (r ⊙ h_{t-1}) and what follows.

This is bookkeeping on a Program, independent of any backend.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from tidegate.engine.program.gradient_names import of_state
from tidegate.engine.program.program import PRODUCTS, REDUCTIONS, Program, Value

Operand = tuple[str, str]


@dataclass(frozen=True)
class Stream:
    """An operand and its products, which are computed in one loop over its elements.

    Attributes:
        operand: ("input", ""), ("state", name), or ("made", number) for a vector made in an earlier stage.
        products: (accumulator, op, gate) of each.
    """

    operand: Operand
    products: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class Stage:
    """One pass over the hidden units, or over the features of a projected output.

    Attributes:
        projected: whether the pass is over the features of a projected output.
        reductions: the numbers of the values that are means, sums and the like over the hidden units, computed before
            the pass.
        accumulators: the numbers of the values that are sums of products (and of input parts).
        parts: for each accumulator, the products and input parts in it.
        streams: the products, by operand.
        values: the pointwise values to compute, in order, and leaves that are operands of a later stage's products.
        made: the values and accumulators that a later stage reads.
    """

    projected: bool
    reductions: tuple[int, ...]
    accumulators: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]
    streams: tuple[Stream, ...]
    values: tuple[int, ...]
    made: tuple[int, ...]


def state_operands(program: Program) -> dict[str, str]:
    """Return, by gate, the state that is the operand of the recurrent product, if it is a previous state."""
    operands = {v.name: program.values[v.args[0]] for v in program.values if v.op == "recur"}
    return {gate: operand.name for gate, operand in operands.items() if operand.op == "state"}


def is_product(value: Value) -> bool:
    """Whether a value is the product of a matrix and its operand."""
    return value.op in PRODUCTS


def stages_of(program: Program, *, fused_input: bool, in_memory: frozenset[str], output: str = "") -> tuple[Stage, ...]:
    """Cut a Program into stages and gather products that are only added to one another.

    Args:
        program: one step.
        fused_input: whether the input parts W_k x are products of the kernel; otherwise they are its arguments.
        in_memory: the states that are in memory as whole vectors when a step begins. Another state that is the operand
            of a product is first copied, as every vector made inside the step is.
        output: the state whose size differs from that of the others; "" if all have one size.
    """
    small = of_output_size(program, output)
    sums, inside = _sums(program)
    whole = frozenset(k for k, v in enumerate(program.values) if v.op == "state" and v.name in in_memory)
    stage_of = _stages(program, sums, whole)
    result = []
    levels = range(1 + max(stage_of.values(), default=0))
    # Values of two sizes are combined only in products, so the order of the two does not matter.
    for n, projected in itertools.product(levels, (True, False) if small else (False,)):
        here = [k for k in range(len(program.values)) if stage_of.get(k) == n and (k in small) == projected]
        if small and not here and (n != levels[-1] or any(stage.projected == projected for stage in result)):
            continue  # but results that are constants need a stage of their size
        reductions = tuple(k for k in here if program.values[k].op in REDUCTIONS)
        accumulators = tuple(k for k in here if k in sums)
        values = tuple(k for k in here if k not in (*reductions, *sums, *inside))
        made = tuple(k for k in (*accumulators, *values) if any(stage_of[u] > n for u in _readers(program, k, sums)))
        streams: dict[Operand, list[tuple[int, str, str]]] = {}
        for place, k in enumerate(accumulators):
            for part in sums[k]:
                value = program.values[part]
                if value.op != "input":
                    arg = program.values[value.args[0]]
                    operand = ("state", arg.name) if value.args[0] in whole else ("made", str(value.args[0]))
                    streams.setdefault(operand, []).append((place, value.op, value.name))
                elif fused_input:
                    streams.setdefault(("input", ""), []).append((place, value.op, value.name))
        result.append(
            Stage(
                projected,
                reductions,
                accumulators,
                tuple(sums[k] for k in accumulators),
                tuple(Stream(operand, tuple(products)) for operand, products in streams.items()),
                values,
                made,
            )
        )
    return tuple(result)


def counts(stage: Stage, program: Program) -> dict[str, int]:
    """Count what a stage computes, by the fields of `tidegate.engine.explain.kernel_plans.StagePlan`."""
    return {
        "products": sum(len(stream.products) for stream in stage.streams),
        "accumulators": len(stage.accumulators),
        "reductions": len(stage.reductions),
        "pointwise": sum(bool(program.values[k].args) for k in stage.values),
    }


def is_output(name: str, output: str) -> bool:
    """Whether a state, or the gradient of one, is the projected output ("" for none)."""
    return bool(output) and name in (output, of_state(output))


def of_output_size(program: Program, output: str) -> frozenset[int]:
    """Return the values that have the size of a projected output."""
    small: set[int] = set()
    for k, value in enumerate(program.values if output else ()):
        leaf = value.op == "state" and is_output(value.name, output)
        leaf = leaf or (value.op in ("before", "saved", "cotangent") and value.name == output)
        pointwise = not is_product(value) and any(arg in small for arg in value.args)
        if leaf or pointwise or value.op in ("project", "recur_transposed"):
            small.add(k)
    return frozenset(small)


def _sums(program: Program) -> tuple[dict[int, tuple[int, ...]], set[int]]:
    """Return the parts of each sum of products and input parts that nothing else reads, and the values inside them."""
    users: dict[int, list[int]] = {}
    for k, value in enumerate(program.values):
        for arg in value.args:
            users.setdefault(arg, []).append(k)
    results = {*program.states.values(), *program.gates.values(), *program.sums.values()}
    sums: dict[int, tuple[int, ...]] = {}
    inside: set[int] = set()
    for k, value in enumerate(program.values):
        if is_product(value) or value.op == "input":
            sums[k] = (k,)
        elif value.op == "add" and all(a in sums and users[a] == [k] and a not in results for a in value.args):
            sums[k] = tuple(part for a in value.args for part in sums.pop(a))
            inside |= set(value.args)
    return sums, inside


def _readers(program: Program, k: int, sums: dict[int, tuple[int, ...]]) -> list[int]:
    """Return the values that read k; products are read where their sum is accumulated."""
    readers = []
    for u, value in enumerate(program.values):
        if k in value.args:
            readers.append(next((root for root, parts in sums.items() if u in parts), u))
    return readers


def _stages(program: Program, sums: dict[int, tuple[int, ...]], whole: frozenset[int]) -> dict[int, int]:
    """Return the stage of each accumulator, reduction and pointwise value: one after that which makes its operand.

    Operands in ``whole`` are there when the step begins.
    """
    operands = {value.args[0] for value in program.values if is_product(value)}
    # A product reads its operand from a state's sequence, or from where an earlier stage has put it.
    stage = {k: 0 for k in operands - whole if not program.values[k].args and program.values[k].op != "input"}
    for k, value in enumerate(program.values):
        if k in sums:
            operands = [program.values[part].args[0] for part in sums[k] if program.values[part].args]
            stage[k] = max((1 + stage.get(a, -1) for a in operands if a not in whole), default=0)
        elif value.op in REDUCTIONS:
            stage[k] = 1 + stage.get(value.args[0], -1)
        elif value.args:
            stage[k] = max((stage.get(a, 0) for a in value.args), default=0)
    return stage
