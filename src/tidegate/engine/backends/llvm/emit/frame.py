"""What the emitters of a kernel's parts share: the function, its arguments, and where things are in memory."""

from __future__ import annotations

from tidegate.engine.backends.llvm.emit.builder import Emit, V, emitter
from tidegate.engine.backends.llvm.emit.operands import Operands, operands_of
from tidegate.engine.backends.llvm.kernel_spec import APART, KernelSpec
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.arguments import ArgumentTable
from tidegate.engine.kernels.stages import Operand, is_output, of_output_size


class Frame:
    """The function ``name(table, part, parts)`` of a loop over time, with its arguments loaded.

    Attributes:
        spec: what the kernel depends on.
        program: one step.
        e: emits instructions into the function.
        held: how products hold weights and operands.
        fn: the function.
        table: positions of the arguments.
        of_output_size: numbers of the values that have the size of a projected output.
    """

    def __init__(self, spec: KernelSpec, name: str):
        self.spec, self.program = spec, spec.program
        self.of_output_size = of_output_size(spec.program, spec.output)
        self.table = ArgumentTable()
        self.fn, self.e = emitter(name, double=spec.double, lanes=spec.lanes)
        self.held = operands_of(self.e, spec.operands)
        self.fn.args[0].add_attribute("noalias")
        self._pointers: dict[str, V] = {}
        self._numbers: dict[str, V] = {}

    def load_arguments(self) -> None:
        """Emit the loads of all arguments."""
        e, table = self.e, self.fn.args[0]
        for name in self._addresses():
            self._pointers[name] = e.load_pointer(table, self.table[name])
        for name in self._whole_numbers():
            self._numbers[name] = e.load_i64(table, self.table[name])
        # Each thread has its own lists of rows.
        own = e.b.mul(self.fn.args[1], e.b.add(self.number(arguments.BATCH), e.i64(APART)))
        for name in self.spec.row_lists:
            self._pointers[name] = e.slot(self.pointer(name), own)

    def _leaves(self) -> list[tuple[str, str]]:
        kinds = ("saved", "cotangent", "mask", "parameter")
        return sorted({(v.op, v.name) for v in self.program.values if not v.args and v.op in kinds})

    def _input_gates(self) -> list[str]:
        """The gates whose input parts are given to the kernel."""
        gates = {v.name for v in self.program.values if v.op == "input"}
        return [] if self.spec.fused_input else sorted(gates)

    def _addresses(self) -> list[str]:
        spec, a = self.spec, arguments
        names = [a.LENGTHS, a.RESET, a.ZEROS, a.WEIGHTS, a.SCRATCH, a.SHARES, a.ACTIVE, a.BARRIER]
        names += [a.bias(n) for n in range(len(spec.stages))]
        names += [a.SCALES] if spec.int8 else []
        names += [a.X] if spec.fused_input else []
        names += [a.PLACES] if spec.placed else []
        names += [a.out(name) for name, _ in spec.stored]
        names += [a.previous(s) for s in spec.sequences] + [
            a.state(s) for s in self.program.states if s in spec.in_place
        ]
        names += [a.OPERANDS] if spec.operands_made else []
        names += [a.rounded(s) if s in spec.in_place else a.initial(s) for s in spec.sequences]
        names += [a.final(s) for s in spec.sequences if s not in spec.in_place]
        names += [a.total(s) for s in self.program.sums]
        names += [a.leaf(op, name) for op, name in self._leaves()]
        for name in spec.befores:
            names += [a.before(name), a.sequence(name)]
            names += [a.initial(name)] if name not in spec.sequences else []
        return names + [a.input_part(name) for name in self._input_gates()]

    def _whole_numbers(self) -> list[str]:
        spec, a = self.spec, arguments
        names = [a.STEPS, a.BATCH, a.DESCENDING, a.HIDDEN, a.PADDED_HIDDEN, a.INPUTS, a.SPLIT_HIDDEN, a.SHARE_COUNT]
        names += [a.TURN]
        blocks = [n for n, stage in enumerate(spec.stages) if any(map(spec.in_blocks, stage.streams))]
        names += [a.HEAD, *map(a.window, blocks)] if blocks else []
        names += [a.OUTPUTS, a.PADDED_OUTPUTS, a.WIDEST] if spec.output else []
        names += [a.stride(a.out(name)) for name, _ in spec.stored]
        names += [a.stride(a.leaf(op, name)) for op, name in self._leaves() if op != "parameter"]
        names += [a.stride(a.sequence(name)) for name in spec.befores]
        return names + ([a.INPUT_STRIDE] if self._input_gates() else [])

    # Arguments.

    def pointer(self, name: str) -> V:
        """An address among the arguments."""
        return self._pointers[name]

    def number(self, name: str) -> V:
        """A whole number among the arguments."""
        return self._numbers[name]

    def width_of(self, state: str) -> V:
        """Padded numbers of a row of a state, or of its gradient."""
        return self._width(is_output(state, self.spec.output))

    def width_in(self, stage: int) -> V:
        """Padded numbers of the rows that a stage passes over."""
        return self._width(self.spec.stages[stage].projected)

    def _width(self, projected: bool) -> V:
        return self.number(arguments.PADDED_OUTPUTS if projected else arguments.PADDED_HIDDEN)

    # Memory.

    def place(self, t: V, row: V) -> V:
        """The position of step t of a row in anything of shape (T, B, ·)."""
        return self.e.b.add(self.e.b.mul(t, self.number(arguments.BATCH)), row)

    def stored_place(self, t: V, row: V) -> V:
        """The position of step t of a row in what the kernel stores."""
        place = self.place(t, row)
        return self.e.load_i64(self.pointer(arguments.PLACES), place) if self.spec.placed else place

    def memory(self, name: str) -> Emit | Operands:
        """How what is stored over time under a name is addressed, loaded and stored."""
        return self.held if name in self.spec.rounded else self.e

    def in_row(self, argument: str, place: V, name: str = "") -> V:
        """The address of a row of an argument over time, given the row's position and the name it is stored under."""
        offset = self.e.b.mul(place, self.number(arguments.stride(argument)))
        return self.memory(name).at(self.pointer(argument), offset)

    def in_state(self, argument: str, state: str, row: V, name: str = "") -> V:
        """The address of a row of an argument that has the shape of a state, and is held as what has the name."""
        return self.memory(name).at(self.pointer(argument), self.e.b.mul(row, self.width_of(state)))

    def operand(self, operand: Operand, t: V, row: V) -> V:
        """The address of a product's operand for a row."""
        e, b = self.e, self.e.b
        kind, name = operand
        if kind == "input":
            return self.held.at(self.pointer(arguments.X), b.mul(self.place(t, row), self.number(arguments.INPUTS)))
        if kind == "made":
            return self.operand_made(int(name), row) if self.spec.operands else self.scratch(int(name), row)
        if name in self.spec.sequences:
            return e.load_pointer(self.pointer(arguments.previous(name)), row)
        raise AssertionError(f"the operand {name} of a product is not in memory as a vector")

    def elements(self, operand: Operand) -> V:
        """The number of elements of a product's operand."""
        kind, name = operand
        if kind == "input":
            return self.number(arguments.INPUTS)
        small = is_output(name, self.spec.output) if kind == "state" else int(name) in self.of_output_size
        return self.number(arguments.OUTPUTS if small else arguments.HIDDEN)

    def is_in_scratch(self, k: int) -> bool:
        """Whether value k is written to scratch memory for later stages."""
        return any(k in values for values in self.spec.made)

    def store_made(self, k: int, value: V, row: V, unit: V) -> None:
        """Write a vector of value k of a row to scratch memory."""
        self.e.store(value, self.e.at(self.scratch(k, row), unit))
        if k in self.spec.operands_made:
            self.held.store(value, self.held.at(self.operand_made(k, row), unit))

    def scratch(self, k: int, row: V) -> V:
        """The address of value k of a row in scratch memory."""
        made = [value for stage in self.spec.made for value in stage]
        return self.e.at(self.pointer(arguments.SCRATCH), self._offset(made.index(k), row))

    def operand_made(self, k: int, row: V) -> V:
        """The address of value k of a row as products read it."""
        return self.held.at(self.pointer(arguments.OPERANDS), self._offset(self.spec.operands_made.index(k), row))

    def _offset(self, place: int, row: V) -> V:
        e, b = self.e, self.e.b
        width = self.number(arguments.WIDEST if self.spec.output else arguments.PADDED_HIDDEN)
        return b.mul(b.add(b.mul(e.i64(place), self.number(arguments.BATCH)), row), width)
