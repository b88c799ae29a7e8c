"""What a kernel does at each step: which products are accumulated together, and what later stages need.

Nothing here knows of LLVM; it is bookkeeping on a Program.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.engine.program import ACROSS_UNITS, Program, Value

Operand = tuple[str, str]


@dataclass(frozen=True)
class Stream:
    """An operand, and the products it takes part in, done in one loop over its elements.

    Attributes:
        operand: ("x", ""), ("state", name), or ("made", number) for a vector made in an earlier stage.
        products: (accumulator, op, gate) of each.
    """

    operand: Operand
    products: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class Stage:
    """What is computed in one pass over the units.

    Attributes:
        accumulators: the numbers of the values that are sums of products (and of inputs' parts).
        parts: for each accumulator, the products and inputs' parts in it.
        streams: the products, by operand.
        values: the pointwise values to compute, in order.
        made: those of its values and accumulators that a later stage reads.
    """

    accumulators: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]
    streams: tuple[Stream, ...]
    values: tuple[int, ...]
    made: tuple[int, ...]


def is_product(value: Value) -> bool:
    """Whether a value needs all units of its operand."""
    return value.op in ACROSS_UNITS


def stages_of(program: Program, *, fused_input: bool) -> tuple[Stage, ...]:
    """Cut a Program into stages, and gather products that are only ever added to one another.

    Args:
        program: what is to be run.
        fused_input: whether the inputs' parts W_k x are products of the kernel (or given to it, computed).
    """
    sums, inside = _sums(program)
    stage_of = _stages(program, sums)
    result = []
    for n in range(1 + max(stage_of.values(), default=0)):
        accumulators = tuple(k for k in sums if stage_of[k] == n)
        values = tuple(
            k
            for k, value in enumerate(program.values)
            if stage_of.get(k) == n and k not in sums and k not in inside and value.args
        )
        made = tuple(k for k in (*accumulators, *values) if any(stage_of[u] > n for u in _readers(program, k, sums)))
        streams: dict[Operand, list[tuple[int, str, str]]] = {}
        for place, k in enumerate(accumulators):
            for part in sums[k]:
                value = program.values[part]
                if value.op != "input":
                    arg = program.values[value.args[0]]
                    operand = ("state", arg.name) if arg.op == "state" else ("made", str(value.args[0]))
                    streams.setdefault(operand, []).append((place, value.op, value.name))
                elif fused_input:
                    streams.setdefault(("x", ""), []).append((place, value.op, value.name))
        result.append(
            Stage(
                accumulators,
                tuple(sums[k] for k in accumulators),
                tuple(Stream(operand, tuple(products)) for operand, products in streams.items()),
                values,
                made,
            )
        )
    return tuple(result)


def _sums(program: Program) -> tuple[dict[int, tuple[int, ...]], set[int]]:
    """The parts of each product, input's part, or sum of such that nothing else reads; and the values inside them."""
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
    """The values that read k; a product is read where its sum is accumulated."""
    readers = []
    for u, value in enumerate(program.values):
        if k in value.args:
            readers.append(next((root for root, parts in sums.items() if u in parts), u))
    return readers


def _stages(program: Program, sums: dict[int, tuple[int, ...]]) -> dict[int, int]:
    """The stage of each accumulator and pointwise value: one after that in which a product's operand is made."""
    stage: dict[int, int] = {}
    for k, value in enumerate(program.values):
        if k in sums:
            operands = [program.values[part].args[0] for part in sums[k] if program.values[part].args]
            stage[k] = max((1 + stage.get(a, -1) for a in operands if program.values[a].op != "state"), default=0)
        elif value.args:
            stage[k] = max((stage.get(a, 0) for a in value.args), default=0)
    return stage
