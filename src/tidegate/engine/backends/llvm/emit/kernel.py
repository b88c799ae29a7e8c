"""Emit one kernel: a Program's loop over time for some rows of the batch.

This is the one emitter: a kernel of any cell comes from its Program, and no file has the code of a cell.

Rows of the batch are independent, so a thread can run all steps for its own rows without waiting. Where rows are few,
or the weights too large for each thread to read all of them at every step, threads divide the hidden units instead, and
wait for one another after each stage. At every step the valid rows are listed; for each stage and each group of vectors
of hidden units, tiles of rows and accumulators run over the operands' elements with everything in registers; then the
pointwise part follows, one row and one vector at a time. A number is always summed in the same order, however the work
is divided.
"""

from __future__ import annotations

from tidegate.engine.backends.llvm.emit.active_rows import (
    copy_final_states,
    list_rows,
    point_at_initial_states,
    point_at_stored_states,
)
from tidegate.engine.backends.llvm.emit.builder import I1, I64, Emitted, V
from tidegate.engine.backends.llvm.emit.frame import Frame
from tidegate.engine.backends.llvm.emit.pointwise import pointwise
from tidegate.engine.backends.llvm.emit.products import products
from tidegate.engine.backends.llvm.emit.reductions import compute_reductions
from tidegate.engine.backends.llvm.emit.work_split import WorkSplit
from tidegate.engine.backends.llvm.kernel_spec import KernelSpec
from tidegate.engine.kernels import arguments


def emit_kernel(spec: KernelSpec, name: str) -> Emitted:
    """Emit the function ``name(table, part, parts)`` of a kernel."""
    frame = Frame(spec, name)
    _Loop(frame).emit()
    return Emitted(frame.e.module, frame.table)


class _Loop:
    """The loop over time, put together from its parts."""

    def __init__(self, frame: Frame):
        self.frame, self.spec, self.e = frame, frame.spec, frame.e
        self.count = self.e.variable(I64)  # how many rows are active at a step
        tiles = zip(self.spec.stages, self.spec.tiles, strict=True)
        largest = max((len(stage.accumulators) * tile.blocks * tile.rows for stage, tile in tiles), default=1)
        self.sums = self.e.variable(self.e.vector, max(1, largest))  # of a tile's products

    def emit(self) -> None:
        restore = self.e.flush_denormals()
        self.frame.load_arguments()
        self.split = WorkSplit(self.frame)
        self.split.for_each_share(self._steps)
        restore()
        self.e.b.ret_void()

    def _steps(self, rows: V, count: V) -> None:
        """All steps for some rows."""
        frame, e, b = self.frame, self.e, self.e.b
        steps, active = frame.number(arguments.STEPS), frame.pointer(arguments.ACTIVE)
        backwards = b.icmp_signed("!=", frame.number(arguments.DESCENDING), e.i64(0))
        point_at_initial_states(frame, self.split, rows, count)

        def step(i: V) -> None:
            t = b.select(backwards, b.sub(b.sub(steps, e.i64(1)), i), i)
            descending = b.trunc(b.add(i, frame.number(arguments.TURN)), I1)
            list_rows(frame, self.split, t, rows, count, self.count)
            n = b.load(self.count, typ=I64)
            for k in range(len(self.spec.stages)):
                self._stage(k, t, n, active, descending)
                self.split.barrier()
            point_at_stored_states(frame, t, n)

        e.loop(steps, step)
        copy_final_states(frame, self.split, rows, count)

    def _stage(self, k: int, t: V, n: V, active: V, descending: V) -> None:
        """One stage of one step for the n active rows."""
        e, b = self.e, self.e.b
        if self.spec.stages[k].reductions:
            compute_reductions(self.frame, k, t, n)
            self.split.barrier()  # a state kept in place must not be written while another thread still reads it
        # Every other step passes over the hidden units backwards: the weights read last are still in the cache.
        span = self.spec.tiles[k].blocks * e.lanes
        start, end = self.split.range_of(self.frame.width_in(k))
        groups = b.sdiv(b.add(b.sub(end, start), e.i64(span - 1)), e.i64(span))

        def group(i: V) -> None:
            place = b.select(descending, b.sub(b.sub(groups, e.i64(1)), i), i)
            self._group(k, t, n, active, b.add(start, b.mul(place, e.i64(span))))

        e.loop(groups, group)

    def _group(self, k: int, t: V, n: V, active: V, unit: V) -> None:
        """A stage's vectors of hidden units from one on, for the n active rows in tiles."""
        e, b = self.e, self.e.b
        stage, tile = self.spec.stages[k], self.spec.tiles[k]
        done = e.variable(I64)
        b.store(e.i64(0), done)
        head, body, after = (b.append_basic_block(name) for name in ("tiles", "tile", "tiled"))
        b.branch(head)
        b.position_at_end(head)
        at = b.load(done, typ=I64)
        left = b.sub(n, at)
        b.cbranch(b.icmp_signed(">", left, e.i64(0)), body, after)
        b.position_at_end(body)
        # Tiles are as even as possible: 16 rows in tiles of at most 6 are 6, 5, 5 and not 6, 6, 4.
        tiles = b.sdiv(b.add(left, e.i64(tile.rows - 1)), e.i64(tile.rows))
        size = b.sdiv(b.add(left, b.sub(tiles, e.i64(1))), tiles)
        if stage.streams:
            joined = b.append_basic_block("joined")
            switch = b.switch(size, joined)
            for rows in range(1, tile.rows + 1):
                case = b.append_basic_block(f"rows{rows}")
                switch.add_case(e.i64(rows), case)
                b.position_at_end(case)
                numbers = [e.load_i64(active, b.add(at, e.i64(r))) for r in range(rows)]
                products(self.frame, k, t, numbers, unit, self.sums)
                b.branch(joined)
            b.position_at_end(joined)

        def row_of_tile(r: V) -> None:
            row = e.load_i64(active, b.add(at, r))
            for block in range(tile.blocks):
                first = b.add(unit, e.i64(block * e.lanes))
                if block:
                    with b.if_then(b.icmp_signed("<", first, self.frame.width_in(k))):
                        pointwise(self.frame, k, t, row, r, first, block, self.sums)
                else:
                    pointwise(self.frame, k, t, row, r, first, block, self.sums)

        e.loop(size, row_of_tile)
        b.store(b.add(at, size), done)
        b.branch(head)
        b.position_at_end(after)
