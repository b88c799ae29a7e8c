"""Products of a stage: matrices of some gates with operands that all programs of the rows have made together."""

from __future__ import annotations

from tidegate.engine.backends.triton.emit.python_source import Names, Source, choice
from tidegate.engine.backends.triton.kernel_spec import OPERANDS, Block, KernelSpec
from tidegate.engine.kernels import call_tensors


class Products:
    """Emit the loads of matrices and operands, and `tl.dot`.

    The accumulators of a block are side by side in one product of (UNITS * accumulators, depth) with (depth, ROWS): the
    gates of one hidden unit are neighbours, so that its tile is cut into gates by halving. Several operands are a batch
    of products, whose results are added up.

    With heads, the depth of recurrent products is the window of the operand that the heads of the program's hidden
    units cover. It begins with a head; where it has several, or is rounded up, weights of other heads are zeros.
    """

    def __init__(self, spec: KernelSpec, names: Names):
        self._spec, self._names = spec, names

    def load_resident(self, source: Source, n: int) -> None:
        """Load the matrices of a stage once, before the loop."""
        if self._spec.resident:
            for b, block in enumerate(self._spec.blocks[n]):
                self._positions(source, n, b, block)
                for piece in range(self._spec.resident):
                    source(self._depth_of_piece(block, piece))
                    source(f"w{n}_{b}_{piece} = {self._matrix(n, b, block)}")

    def emit(self, source: Source, n: int) -> dict[int, list[str]]:
        """Compute the products of a stage: return the tiles (ROWS, UNITS) of each accumulator's position."""
        found: dict[int, list[str]] = {}
        for b, block in enumerate(self._spec.blocks[n]):
            self._emit_block(source, n, b, block)
            for place, tile in self._cut(source, n, b, block).items():
                found.setdefault(place, []).append(tile)
        return found

    def _emit_block(self, source: Source, n: int, b: int, block: Block) -> None:
        name, wide = f"z{n}_{b}", f"UNITS * {block.slots}"
        batch = block.batch
        if self._spec.resident:
            self._emit_resident(source, n, b, block)
        else:
            self._positions(source, n, b, block)
            shape = f"({wide}, ROWS)" if batch == 1 else f"({batch}, {wide}, ROWS)"
            source(f"{name} = tl.zeros({shape}, tl.float32)")
            with source.block(f"for start in range(0, {self._depth(block)}, DEPTH):"):
                source(f"depth = {self._first(block)}start + tl.arange(0, DEPTH)")
                source(f"piece = {self._matrix(n, b, block)}")
                source(f"{name} = tl.dot(piece, {self._operand(n, b, block)}, {name}, input_precision=PRECISION)")
        if batch > 1:
            source(f"{name} = tl.sum({name}, axis=0)")
        source(f"{name} = tl.trans({name})")
        if batch > 1:
            # A load that never takes place: Triton lays out what follows a product as the loads after it, in which each
            # thread has numbers of its own. As the sum over a batch all warps would have all numbers, and every result
            # would change its layout before it is stored.
            source("never = (rows < 0)[:, None] & (units < 0)[None, :]")
            source(f"nothing = tl.load({self._names[OPERANDS]} + at, mask=never, other=0.0)")

    def _emit_resident(self, source: Source, n: int, b: int, block: Block) -> None:
        """Multiply weights that are in registers; the next piece of the operand is on its way meanwhile."""
        name, count = f"z{n}_{b}", self._spec.resident

        def load(piece: int) -> None:
            source(self._depth_of_piece(block, piece))
            source(f"operand{piece} = {self._operand(n, b, block)}")

        load(0)
        for piece in range(count):
            if piece + 1 < count:
                load(piece + 1)
            so_far = f"{name}, " if piece else ""
            source(f"{name} = tl.dot(w{n}_{b}_{piece}, operand{piece}, {so_far}input_precision=PRECISION)")

    def _depth_of_piece(self, block: Block, piece: int) -> str:
        count, whole = self._spec.resident, self._depth(block)
        if count == 1:
            return f"depth = {self._first(block)}tl.arange(0, {whole})"
        return f"depth = {self._first(block)}{piece} * ({whole} // {count}) + tl.arange(0, {whole} // {count})"

    def _positions(self, source: Source, n: int, b: int, block: Block) -> None:
        """Name the hidden unit and the place in memory of each row of the matrices side by side."""
        count, slots = len(block.accumulators), block.slots
        operands, batch = len(block.operands), block.batch
        source(f"column = tl.arange(0, UNITS * {slots})")
        source(f"unit{n}_{b} = tl.program_id(0) * UNITS + column // {slots}")
        source(f"there{n}_{b} = (unit{n}_{b} < {_size(block)}) & (column % {slots} < {count})")
        places = [[self._gate(block, gate) for gate in gates] for gates in block.gates]
        if batch == 1:
            source(f"gate{n}_{b} = {choice(f'(column % {slots})', places[0])}")
            return
        source(f"which{n}_{b} = tl.arange(0, {batch})")
        flat = [place for own in places for place in own]
        index = f"(which{n}_{b}[:, None] * {count} + (column % {slots})[None, :])"
        source(f"gate{n}_{b} = {choice(index, flat)}")
        source(f"there{n}_{b} = there{n}_{b}[None, :] & (which{n}_{b} < {operands})[:, None]")

    def _gate(self, block: Block, gate: str) -> int:
        return self._spec.gates.index(gate) if block.op.startswith("recur") else 0

    def _matrix(self, n: int, b: int, block: Block) -> str:
        weights = call_tensors.W_HH if block.op.startswith("recur") else call_tensors.W_HR
        if block.op.endswith("_transposed"):
            weights = transposed(weights)
        unit, gate, there, depth = f"unit{n}_{b}", f"gate{n}_{b}", f"there{n}_{b}", "depth[None, :]"
        inside = f"(depth < {_depth_size(block)})[None, :]"
        if len(block.operands) > 1:
            unit, gate, there = f"{unit}[None, :, None]", f"{gate}[:, :, None]", f"{there}[:, :, None]"
            depth, inside = "depth[None, None, :]", f"(depth < {_depth_size(block)})[None, None, :]"
        else:
            unit, gate, there = f"{unit}[:, None]", f"{gate}[:, None]", f"{there}[:, None]"
        place = {
            "recur": f"({gate} * H + {unit}) * R + {depth}",
            "recur_transposed": f"({gate} * R + {unit}) * H + {depth}",
            "project": f"{unit} * H + {depth}",
            "project_transposed": f"{unit} * R + {depth}",
        }[block.op]
        if self._is_cut(block):
            inside = f"({unit} // HEAD == {depth} // HEAD)"
            place = {
                "recur": f"({gate} * H + {unit}) * HEAD + {depth} % HEAD",
                "recur_transposed": f"({gate} * HEAD + {unit} % HEAD) * H + {depth}",
            }[block.op]
        return f"tl.load({self._names[weights]} + {place}, mask={there} & {inside}, other=0.0).to(FACTORS)"

    def _is_cut(self, block: Block) -> bool:
        """Whether the matrices of a block are block-diagonal."""
        return self._spec.heads > 1 and block.op.startswith("recur")

    def _first(self, block: Block) -> str:
        """Where the depth of a product begins, as the first term of a sum."""
        return "tl.program_id(0) * UNITS // HEAD * HEAD + " if self._is_cut(block) else ""

    def _depth(self, block: Block) -> str:
        """How much of its operand a product multiplies, rounded up to a power of two."""
        return "WINDOW" if self._is_cut(block) else f"{_depth_size(block)}_PADDED"

    def _operand(self, n: int, b: int, block: Block) -> str:
        operands = self._names[OPERANDS]
        parity = "now" if block.operands[0][0] == "state" else "0"
        # A state that was reset is zero; what is in memory is the state before.
        live = "live" if block.operands[0][0] == "state" else "valid"
        numbers = [2 * self._spec.operands.index(operand) for operand in block.operands]
        if len(block.operands) == 1:
            place = f"({numbers[0]} + {parity}) * B * WIDE + rows[None, :] * WIDE + depth[:, None]"
            mask = f"(depth < {_depth_size(block)})[:, None] & {live}[None, :]"
        else:
            slot = f"({choice(f'tl.arange(0, {block.batch})', numbers)})[:, None, None]"
            place = f"({slot} + {parity}) * B * WIDE + rows[None, None, :] * WIDE + depth[None, :, None]"
            mask = f"(depth < {_depth_size(block)})[None, :, None] & {live}[None, None, :]"
            if block.batch > len(numbers):
                mask += f" & (tl.arange(0, {block.batch}) < {len(numbers)})[:, None, None]"
        return f'tl.load({operands} + {place}, mask={mask}, other=0.0, cache_modifier=".cg").to(FACTORS)'

    def _cut(self, source: Source, n: int, b: int, block: Block) -> dict[int, str]:
        """Cut the product (ROWS, UNITS * slots) into its accumulators."""
        slots = block.slots
        found: dict[int, str] = {}

        def cut(name: str, places: list[int]) -> None:
            if len(places) == 1:
                if places[0] < len(block.accumulators):
                    if block.batch > 1:
                        source(f"{name} += nothing")
                    found[block.accumulators[places[0]]] = name
                return
            more = f", {len(places) // 2}" if len(places) > 2 else ""
            source(f"{name}_0, {name}_1 = tl.split(tl.reshape({name}, (ROWS, UNITS{more}, 2)))")
            cut(f"{name}_0", places[0::2])
            cut(f"{name}_1", places[1::2])

        cut(f"z{n}_{b}", list(range(slots)))
        return found


def transposed(weights: str) -> str:
    """The name of the argument that is a matrix of each gate transposed, so that its depth is contiguous there too."""
    return f"{weights} transposed"


def _size(block: Block) -> str:
    """The size of a product's result."""
    return "R" if block.op in ("recur_transposed", "project") else "H"


def _depth_size(block: Block) -> str:
    """The size of a product's operand."""
    return "R" if block.op in ("recur", "project_transposed") else "H"
