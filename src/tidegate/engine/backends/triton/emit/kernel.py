"""Emit a kernel's source: the loop over time, and in it the stages of a step.

A program computes ``UNITS`` hidden units of ``ROWS`` sequences at every step. Its part of the states stays in float32
in registers. What other programs need goes through memory: operands of products in the dtype of the weights, in two
copies, one for the step that reads them and one for the step that they are made for, and vectors of which a reduction
reads all hidden units in float32. Where a stage reads what others made, all programs of the same rows wait for one
another. What needs no waiting is done while they do: results are stored, and the next step's numbers are loaded.

With ``only``, a kernel is one stage of one step, and values that cross to another stage are kept in memory as well.
That needs no waiting, so it runs everywhere, in Triton's interpreter too.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.engine.backends.triton.emit.leaves import load_leaf
from tidegate.engine.backends.triton.emit.pointwise import OPERATIONS
from tidegate.engine.backends.triton.emit.products import Products
from tidegate.engine.backends.triton.emit.python_source import Names, Source
from tidegate.engine.backends.triton.emit.reductions import emit_reduction
from tidegate.engine.backends.triton.kernel_spec import KEPT, OPERANDS, KernelSpec
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.stages import is_output

NUMBERS = ("first_step", "last_step", "first_row")
SIZES = ("H", "R", "WIDE", "H_PADDED", "R_PADDED", "HEAD", "WINDOW")
CONSTANTS = (*SIZES, "UNITS", "ROWS", "DEPTH", "FACTORS", "PRECISION", "PARTNERS")
_EARLY = ("saved", "before", "cotangent", "mask")  # leaves that are loaded while programs wait


@dataclass(frozen=True)
class Emitted:
    """A kernel's source.

    Attributes:
        text: Python, with one function ``kernel``.
        names: its parameters by the names of `tidegate.engine.kernels.arguments`, besides `NUMBERS` and ``counters``.
    """

    text: str
    names: dict[str, str]


def emit_kernel(spec: KernelSpec, only: int | None = None) -> Emitted:
    """Emit a kernel for all steps, or only for one stage of one step."""
    return _Emitter(spec, only).run()


class _Emitter:
    def __init__(self, spec: KernelSpec, only: int | None):
        self.spec, self.only = spec, only
        self.names, self.body = Names({arguments.STEPS: "T", arguments.BATCH: "B"}), Source()
        self.products = Products(spec, self.names)
        self.found: dict[int, str] = {}  # the names of the values' tiles (ROWS, UNITS)
        self.constant: dict[int, str] = {}  # those that are the same at every step
        self.here = range(len(spec.stages)) if only is None else range(only, only + 1)
        self.kept = spec.kept(apart=only is not None)

    def run(self) -> Emitted:
        body = self.body
        with body.indented():
            self.before_the_loop()
            with body.block("for s in range(first_step, last_step):"):
                self.begin_step()
                for n in self.here:
                    self.stage(n)
                self.end_step()
            self.after_the_loop()
        head = Source()
        head("@triton.jit")
        parameters = [
            *NUMBERS,
            *self.names.by_argument.values(),
            "counters",
            *(f"{c}: tl.constexpr" for c in CONSTANTS),
        ]
        head(f"def kernel({', '.join(parameters)}):")
        return Emitted(str(head) + str(body), dict(self.names.by_argument))

    def before_the_loop(self) -> None:
        body, spec = self.body, self.spec
        body("units = tl.program_id(0) * UNITS + tl.arange(0, UNITS)")
        body("rows = first_row + tl.program_id(1) * ROWS + tl.arange(0, ROWS)")
        body("exists = rows < B")
        body("counter = counters + tl.program_id(1) * 32")
        body("arrivals = 0")
        body("at = rows[:, None] * WIDE + units[None, :]")
        for size in self.sizes():
            body(f"in_{size} = exists[:, None] & (units < {size})[None, :]")
            body(f"at_{size} = rows[:, None] * {size} + units[None, :]")
        if spec.lengths:
            body(f"length = tl.load({self.names[arguments.LENGTHS]} + rows, mask=exists, other=0)")
        for n in self.here:
            self.products.load_resident(body, n)
            self.load_biases(n)
        for k, value in enumerate(spec.program.values):
            if value.op in ("parameter", "constant"):
                self.leaf(k)
        self.constant = dict(self.found)
        for name in spec.program.states:
            size = self.size_of(name)
            pointer = self.names[arguments.state(name)]
            body(f"{self.state(name)} = tl.load({pointer} + at_{size}, mask=in_{size}, other=0.0)", name)
        for name in self.sums():
            pointer = self.names[arguments.total(name)]
            body(f"{self.total(name)} = tl.load({pointer} + at_H, mask=in_H, other=0.0)", name)

    def begin_step(self) -> None:
        body, spec = self.body, self.spec
        self.found = dict(self.constant)
        body("t = T - 1 - s" if spec.descending else "t = s")
        body("t64 = wide(t)")
        body("now = s % 2")
        body("valid = exists & (t < length)" if spec.lengths else "valid = exists")
        body("live = valid")
        end = "length" if spec.lengths else "T"
        if spec.reset:
            self.flags("border", "t + 1" if spec.descending else "t", end)
            body("live = valid & ~border")
            for name in spec.program.states:
                body(f"{self.state(name)} = tl.where(border[:, None], 0.0, {self.state(name)})")
        for k, value in enumerate(spec.program.values):
            if value.op == "state":  # by a name of its own, because results are stored after the states are set
                self.define(k, self.state(value.name), value.name)
        if any(value.op == "before" for value in spec.program.values):  # the forward run went the other way
            earlier, begin, at = ("t - 1", "0", "t") if spec.descending else ("t + 1", f"{end} - 1", "t + 1")
            body(f"earlier = wide({earlier})")
            body(f"first = t + 0 * rows == {begin}")
            if spec.reset:
                self.flags("border_before", at, end)
        for size in self.sizes():
            body(f"valid_{size} = valid[:, None] & (units < {size})[None, :]")
        for k, value in enumerate(spec.program.values):
            if value.op in _EARLY:
                self.leaf(k)
            elif value.op == "input" and any(k in own for n in self.here for own in spec.stages[n].parts):
                pointer, stride = self.names[arguments.input_part(value.name)], self.names[arguments.INPUT_STRIDE]
                place = f"(t64 * B + rows[:, None]) * {stride} + units[None, :]"
                body(f"x{k} = tl.load({pointer} + {place}, mask=valid_H, other=0.0).to(tl.float32)", value.name)
        if self.only is None and spec.meets:
            self.values(0)
            with body.block("if s > first_step:"):
                self.wait()

    def flags(self, name: str, step: str, end: str) -> None:
        """Load the flags of a new sequence between a step and the one before it."""
        reset = self.names[arguments.RESET]
        inside = f"valid & ({step} + 0 * rows < {end})"
        self.body(f"{name} = tl.load({reset} + wide({step}) * B + rows, mask={inside}, other=0) != 0")

    def stage(self, n: int) -> None:
        spec, program = self.spec, self.spec.program
        stage = spec.stages[n]
        if self.only is None and n and spec.meets_between[n]:
            self.wait()
        for k in stage.reductions:
            self.define(k, emit_reduction(spec, self.names, self.body, self.kept, k))
        sums = self.products.emit(self.body, n)
        for place, k in enumerate(stage.accumulators):
            ops = {part: program.values[part].op for part in stage.parts[place]}
            parts = [*sums.get(place, ()), *(f"x{part}" for part, op in ops.items() if op == "input")]
            if "input" in ops.values() or "recur" in ops.values():
                parts.append(f"bias{n}_{place}")
            self.define(k, " + ".join(parts), ", ".join(program.values[part].name for part in ops))
        self.values(n, all_of_them=True)
        for k in (*stage.reductions, *stage.made):
            if ("made", str(k)) in spec.operands:
                self.write_operand(("made", str(k)), "0", self.get(k), f"in_{self.size(k)}")
        for k in self.kept:
            if spec.owner.get(k) == n:
                self.write_kept(k, "0", self.get(k))
        if self.only is None and n + 1 < len(spec.stages):
            if spec.meets_between[n + 1]:
                self.arrive()
            self.store_results(n)

    def values(self, n: int, *, all_of_them: bool = False) -> None:
        """Compute the pointwise values of a stage: all, or those that follow from what is known already."""
        for k in self.spec.stages[n].values:
            value = self.spec.program.values[k]
            known = all_of_them or all(arg in self.found for arg in value.args)
            if value.args and k not in self.found and known:
                self.define(k, OPERATIONS[value.op].format(*map(self.get, value.args)))

    def end_step(self) -> None:
        body, spec = self.body, self.spec
        names = [name for name in spec.program.states if self.sets(name)]
        for name in names:  # all are read before one is set: one may become what another was
            body(f"next_{self.state(name)} = {self.get(spec.program.states[name])}")
        for name in names:
            kept = f"tl.where(valid[:, None], next_{self.state(name)}, {self.state(name)})"
            body(f"{self.state(name)} = {kept if spec.lengths else f'next_{self.state(name)}'}", name)
            if ("state", name) in spec.operands:
                self.write_operand(("state", name), "(1 - now)", self.state(name), f"in_{self.size_of(name)}")
            for k in self.kept:
                if (value := spec.program.values[k]).op == "state" and value.name == name:
                    self.write_kept(k, "(1 - now)", self.state(name))
        if self.only is None and spec.meets:
            self.arrive()
        self.store_results(self.here[-1])

    def store_results(self, n: int) -> None:
        """Store the results of a stage."""
        spec = self.spec
        for name, k in spec.stored:
            if spec.stored_by(k) == n:
                out, stride = self.names[arguments.out(name)], self.names[arguments.stride(arguments.out(name))]
                value = f"tl.where(valid[:, None], {self.get(k)}, 0.0).to({out}.dtype.element_ty)"
                place = f"(t64 * B + rows[:, None]) * {stride} + units[None, :]"
                self.body(f"tl.store({out} + {place}, {value}, mask=in_{self.size(k)})", name)
        for name, k in spec.program.sums.items():
            if spec.stored_by(k) == n:
                self.body(f"{self.total(name)} += tl.where(valid[:, None], {self.get(k)}, 0.0)", name)

    def after_the_loop(self) -> None:
        for name in self.spec.program.states:
            if self.sets(name):
                size, pointer = self.size_of(name), self.names[arguments.state(name)]
                self.body(f"tl.store({pointer} + at_{size}, {self.state(name)}, mask=in_{size})", name)
        for name in self.sums():
            self.body(f"tl.store({self.names[arguments.total(name)]} + at_H, {self.total(name)}, mask=in_H)", name)

    def load_biases(self, n: int) -> None:
        stage, values = self.spec.stages[n], self.spec.program.values
        size = "R" if stage.projected else "H"
        for place, parts in enumerate(stage.parts):
            if any(values[part].op in ("input", "recur") for part in parts):
                at = f"{self.names[arguments.bias(n)]} + {place} * {size} + units"
                self.body(f"bias{n}_{place} = tl.load({at}, mask=units < {size}, other=0.0)[None, :]")

    def sets(self, state: str) -> bool:
        """Whether this kernel sets a state: the last stage of its size does, because all may read the old one."""
        projected = is_output(state, self.spec.output)
        return max(n for n, stage in enumerate(self.spec.stages) if stage.projected == projected) in self.here

    def sums(self) -> list[str]:
        """The sums over time that this kernel adds to."""
        return [name for name, k in self.spec.program.sums.items() if self.spec.stored_by(k) in self.here]

    def arrive(self) -> None:
        self.body("arrive(counter, PARTNERS)")
        self.body("arrivals += PARTNERS")

    def wait(self) -> None:
        self.body("wait(counter, arrivals, PARTNERS)")

    def define(self, k: int, expression: str, comment: str = "") -> None:
        results = (*self.spec.program.gates.items(), *self.spec.program.states.items())
        self.body(f"v{k} = {expression}", comment or ", ".join(name for name, number in results if number == k))
        self.found[k] = f"v{k}"

    def get(self, k: int) -> str:
        """Return the name of a value's tile (ROWS, UNITS)."""
        if k not in self.found:
            # A value of an earlier stage, in a kernel of its own.
            place = f"{self.spec.place_of_kept(self.kept, k)} * B * WIDE + at"
            self.define(k, f"tl.load({self.names[KEPT]} + {place}, mask=in_{self.size(k)}, other=0.0)")
        return self.found[k]

    def leaf(self, k: int) -> None:
        value = self.spec.program.values[k]
        inside = f"{'in' if value.op == 'parameter' else 'valid'}_{self.size(k)}"
        self.define(k, load_leaf(self.spec, self.names, k, "units", inside, "(ROWS, UNITS)"), value.name)

    def write_operand(self, operand: tuple[str, str], parity: str, value: str, inside: str) -> None:
        place = f"({2 * self.spec.operands.index(operand)} + {parity}) * B * WIDE + at"
        name = self.names[OPERANDS]
        self.body(f"tl.store({name} + {place}, {value}.to({name}.dtype.element_ty), mask={inside})")

    def write_kept(self, k: int, parity: str, value: str) -> None:
        place = f"({self.spec.place_of_kept(self.kept, k)} + {parity}) * B * WIDE + at"
        self.body(f"tl.store({self.names[KEPT]} + {place}, {value}, mask=in_{self.size(k)})")

    def sizes(self) -> tuple[str, ...]:
        return ("H", "R") if self.spec.output else ("H",)

    def size(self, k: int) -> str:
        return "R" if k in self.spec.small else "H"

    def size_of(self, state: str) -> str:
        return "R" if is_output(state, self.spec.output) else "H"

    def state(self, name: str) -> str:
        return f"s{list(self.spec.program.states).index(name)}"

    def total(self, name: str) -> str:
        return f"total{list(self.spec.program.sums).index(name)}"
