"""Emit one kernel: a Program's loop over time for some rows of the batch.

Rows do not meet, so a thread can run all steps for rows of its own and never wait. Where rows are few, or the weights
too large for each thread to read all of them at every step, threads share the units instead, and meet after each stage.
At every step the rows that are still valid are listed; for each stage and each block of units, tiles of rows and
accumulators run over the operands' elements with everything in registers; then the pointwise part follows, one row and
one vector of units at a time. A number is always summed in the same order, however the work is shared.

The kernel is given a table of pointers and whole numbers; `Table` says what stands where.
"""

from __future__ import annotations

from tidegate.engine.backends.llvm.emit.active_rows import advance, begin, finish, list_rows
from tidegate.engine.backends.llvm.emit.builder import I1, I64, V, emitter
from tidegate.engine.backends.llvm.emit.pointwise import pointwise
from tidegate.engine.backends.llvm.emit.products import products
from tidegate.engine.backends.llvm.emit.reductions import take_means
from tidegate.engine.backends.llvm.emit.work_split import Share
from tidegate.engine.backends.llvm.kernel_spec import APART, KernelSpec, Table
from tidegate.engine.kernels.stages import Operand, is_output, of_output_size


class Kernel:
    """Emits the function ``name(table, part, parts)`` into a module."""

    def __init__(self, spec: KernelSpec, name: str):
        self.spec, self.program = spec, spec.program
        self.table = Table()
        self.stages, self.tiles, self.sequences = spec.stages, spec.tiles, spec.sequences
        self.small = of_output_size(spec.program, spec.output)
        self.made = spec.made
        self.fn, self.e = emitter(name, double=spec.double, lanes=spec.lanes)
        self.module = self.e.module
        self.fn.args[0].add_attribute("noalias")
        self._loaded: dict[str, V] = {}
        self.back: V = None
        self._emit()

    # The table.

    def pointer(self, name: str) -> V:
        """A pointer of the table."""
        return self._loaded[f"pointer {name}"]

    def number(self, name: str) -> V:
        """A whole number of the table."""
        return self._loaded[f"number {name}"]

    def units_of(self, name: str) -> V:
        """The units of a state, or of its gradient, padded to whole vectors."""
        return self.number("padded outputs" if is_output(name, self.spec.output) else "padded")

    def units_in(self, k: int) -> V:
        """The units that stage k passes over, padded to whole vectors."""
        return self.number("padded outputs" if self.stages[k].projected else "padded")

    def _load_table(self) -> None:
        e, table = self.e, self.fn.args[0]
        values = self.program.values
        pointers = ["lengths", "reset", "zeros", "weights", "scratch", "shares", "listed", "meeting"]
        pointers += [f"bias {n}" for n in range(len(self.stages))]
        pointers += ["x"] if self.spec.fused_input else []
        pointers += ["places"] if self.spec.placed else []
        pointers += [f"out {name}" for name, _ in self.spec.stored]
        pointers += [f"previous {s}" if s in self.sequences else f"state {s}" for s in self.program.states]
        pointers += [f"{kind} {s}" for s in self.sequences for kind in ("initial", "final")]
        pointers += [f"sum {s}" for s in self.program.sums]
        leaves = {(v.op, v.name) for v in values if not v.args and v.op in ("saved", "cotangent", "mask", "parameter")}
        pointers += [f"{op} {name}" for op, name in sorted(leaves)]
        befores = sorted({v.name for v in values if v.op == "before"})
        for name in befores:
            pointers += [f"before {name}", f"sequence {name}"]
            pointers += [f"initial {name}"] if name not in self.sequences else []
        numbers = ["steps", "batch", "descending", "units", "padded", "inputs", "sharing units", "count of shares"]
        numbers += ["turn"]
        numbers += ["outputs", "padded outputs", "widest"] if self.spec.output else []
        numbers += [f"stride out {name}" for name, _ in self.spec.stored]
        numbers += [f"stride {op} {name}" for op, name in sorted(leaves) if op != "parameter"]
        numbers += [f"stride sequence {name}" for name in befores]
        if not self.spec.fused_input:
            inputs = sorted({v.name for v in values if v.op == "input"})
            pointers += [f"input {name}" for name in inputs]
            numbers += ["stride input"] if inputs else []
        for name in pointers:
            self._loaded[f"pointer {name}"] = e.load_pointer(table, self.table[name])
        for name in numbers:
            self._loaded[f"number {name}"] = e.load_i64(table, self.table[name])
        self.befores = befores
        # Where each row's states are is noted by each thread for itself.
        own = e.b.mul(self.fn.args[1], e.b.add(self.number("batch"), e.i64(APART)))
        for name in ["listed", *(f"previous {s}" for s in self.sequences), *(f"before {s}" for s in befores)]:
            self._loaded[f"pointer {name}"] = e.slot(self.pointer(name), own)

    # The loop over time.

    def _emit(self) -> None:
        e = self.e
        b = e.b
        self.listed = e.variable(I64)
        width = max(
            (len(s.accumulators) * t.blocks * t.rows for s, t in zip(self.stages, self.tiles, strict=True)), default=1
        )
        self.accumulated = e.variable(e.vector, max(1, width))
        restore = e.flush_denormals()
        self._load_table()
        self.share = Share(self)
        self.share.each(self._rows)
        restore()
        b.ret_void()

    def _rows(self, rows: V, count: V) -> None:
        """All steps for some rows."""
        e, b, active = self.e, self.e.b, self.pointer("listed")
        steps, descending = self.number("steps"), self.number("descending")
        backwards = b.icmp_signed("!=", descending, e.i64(0))
        begin(self, rows, count)

        def step(i: V) -> None:
            t = b.select(backwards, b.sub(b.sub(steps, e.i64(1)), i), i)
            self.back = b.trunc(b.add(i, self.number("turn")), I1)
            list_rows(self, t, rows, count, active)
            n = b.load(self.listed, typ=I64)
            for k in range(len(self.stages)):
                self._stage(k, t, n, active)
                self.share.meet()
            advance(self, t, n, active)

        e.loop(steps, step)
        finish(self, rows, count)

    def place(self, t: V, row: V) -> V:
        """Where step t of a row stands in anything of shape (T, B, ...)."""
        return self.e.b.add(self.e.b.mul(t, self.number("batch")), row)

    def place_stored(self, t: V, row: V) -> V:
        """Where step t of a row stands in what is stored."""
        place = self.place(t, row)
        return self.e.load_i64(self.pointer("places"), place) if self.spec.placed else place

    # One stage of one step.

    def _stage(self, k: int, t: V, n: V, active: V) -> None:
        e, b = self.e, self.e.b
        stage, tile = self.stages[k], self.tiles[k]
        span = tile.blocks * e.lanes
        if stage.means:
            take_means(self, k, t, n, active)
            self.share.meet()  # a state kept in place might be written while another thread still reads it

        def units(j: V) -> None:
            done = e.variable(I64)
            b.store(e.i64(0), done)
            head, body, after = (b.append_basic_block(name) for name in ("tiles", "tile", "tiled"))
            b.branch(head)
            b.position_at_end(head)
            at = b.load(done, typ=I64)
            left = b.sub(n, at)
            b.cbranch(b.icmp_signed(">", left, e.i64(0)), body, after)
            b.position_at_end(body)
            # As even as can be: 16 rows in tiles of at most 6 are 6, 5, 5 and not 6, 6, 4.
            tiles = b.sdiv(b.add(left, e.i64(tile.rows - 1)), e.i64(tile.rows))
            size = b.sdiv(b.add(left, b.sub(tiles, e.i64(1))), tiles)
            if stage.streams:
                joined = b.append_basic_block("joined")
                switch = b.switch(size, joined)
                for rows in range(1, tile.rows + 1):
                    case = b.append_basic_block(f"rows{rows}")
                    switch.add_case(e.i64(rows), case)
                    b.position_at_end(case)
                    products(self, k, t, active, at, rows, j)
                    b.branch(joined)
                b.position_at_end(joined)

            def row_of_tile(r: V) -> None:
                row = e.load_i64(active, b.add(at, r))
                for block in range(tile.blocks):
                    unit = b.add(j, e.i64(block * e.lanes))
                    if block:
                        with b.if_then(b.icmp_signed("<", unit, self.units_in(k))):
                            pointwise(self, k, t, row, r, unit, block)
                    else:
                        pointwise(self, k, t, row, r, unit, block)

            e.loop(size, row_of_tile)
            b.store(b.add(at, size), done)
            b.branch(head)
            b.position_at_end(after)

        # There and back again: the weights read last at one step are read first at the next, while the cache has them.
        start, end = self.share.of(self.units_in(k))
        groups = b.sdiv(b.add(b.sub(end, start), e.i64(span - 1)), e.i64(span))

        def group(n: V) -> None:
            place = b.select(self.back, b.sub(b.sub(groups, e.i64(1)), n), n)
            units(b.add(start, b.mul(place, e.i64(span))))

        e.loop(groups, group)

    def operand(self, operand: Operand, t: V, row: V) -> V:
        """Where a product's operand stands for a row."""
        e, b = self.e, self.e.b
        kind, name = operand
        if kind == "x":
            return e.at(self.pointer("x"), b.mul(self.place(t, row), self.number("inputs")))
        if kind == "made" and self.program.values[int(name)].op != "unit_mean":
            return self.scratch(int(name), row)
        if name in self.sequences:
            return e.load_pointer(self.pointer(f"previous {name}"), row)
        raise AssertionError(f"the operand {name} of a product is not kept as a vector")

    def elements(self, operand: Operand) -> V:
        """How many elements a product's operand has."""
        kind, name = operand
        if kind == "x":
            return self.number("inputs")
        small = is_output(name, self.spec.output) if kind == "state" else int(name) in self.small
        return self.number("outputs" if small else "units")

    def scratch(self, k: int, row: V) -> V:
        """Where a value that a later stage needs is kept for a row."""
        e, b = self.e, self.e.b
        made = [value for stage in self.made for value in stage]
        place = b.add(b.mul(e.i64(made.index(k)), self.number("batch")), row)
        return e.at(self.pointer("scratch"), b.mul(place, self.number("widest" if self.spec.output else "padded")))
