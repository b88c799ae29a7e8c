"""How a kernel is cut into programs, by rule; `tidegate.engine.backends.triton.launch.tuning` then times others.

Measured on an H100 (T=512; LOG.md): many small programs are faster than few large ones, as long as all run at once; 16
hidden units and 16 rows are the least that keeps the tensor cores busy, and four warps are faster than eight up to
twice that. Weights stay in registers as long as they fit there; as they fill those of four warps, there are eight.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, replace

import torch

from tidegate.engine.backends.triton.kernel_spec import Block, KernelSpec
from tidegate.engine.kernels.head_windows import window_size

SIDE = 16  # hidden units and rows of the smallest programs
RESIDENT = 128 << 10  # bytes of weights in the registers of a program, at most
AT_ONCE = 160 << 10  # bytes of a matrix and its operand that are multiplied at once, at most
BATCHED = 50 << 10  # of a batch of matrices
LARGE = 512  # numbers of a tile; with more, four warps have too few registers
LARGEST = 1024  # where a batch of matrices is multiplied; with more, registers overflow into memory
MULTIPROCESSORS, SHARED = 132, 227 << 10  # those of an H100, where there is no device to ask


@dataclass(frozen=True)
class Tile:
    """What one program computes, and how.

    Attributes:
        units: hidden units, a power of two.
        rows: rows of the batch, a power of two; at least 16 if there are products.
        depth: elements of an operand that are multiplied at a time, if weights are read in pieces; 0 if they stay in
            registers.
        warps: of a program.
        pieces: how many pieces of weights are on their way at once.
        programs: how many run at once, at least.
        shared: bytes of shared memory that a program may take.
    """

    units: int
    rows: int
    depth: int = 0
    warps: int = 4
    pieces: int = 1
    programs: int = MULTIPROCESSORS
    shared: int = SHARED


def tile_for(
    spec: KernelSpec, batch: int, hidden: int, outputs: int, precision: str, x: torch.Tensor
) -> tuple[KernelSpec, Tile]:
    """Choose a tile, and whether weights stay in registers."""
    programs = multiprocessors(x.device)
    if not spec.all_blocks and not spec.meets:
        return spec, Tile(units=min(64, padded(hidden)), rows=4, programs=programs)
    wide, rows = max(hidden, outputs), SIDE
    units, most = max(SIDE, fewest_units(spec)), min(most_rows(spec), padded(batch))
    while -(-wide // units) * -(-batch // rows) > programs and (rows < most or units < 64):
        if is_largest(spec, units * rows):
            break
        if rows < most and (rows <= units or units == 64):
            rows *= 2
        else:
            units *= 2
    tile = Tile(units, rows, programs=programs, shared=shared_memory(x.device))
    return with_weights(spec, tile, hidden, outputs, kept_bytes(x.itemsize, precision))


def fewest_units(spec: KernelSpec) -> int:
    """The fewest hidden units of a program: its products have at least 16 columns."""
    return max(4, 16 // min((block.slots for block in spec.all_blocks), default=1))


def most_rows(spec: KernelSpec) -> int:
    """The most rows of a program: one that reduces vectors of all hidden units reads those of all its rows."""
    return SIDE if reduces(spec) else 64


def is_largest(spec: KernelSpec, numbers: int) -> bool:
    """Whether a tile with this many numbers is as large as it may be."""
    return numbers >= LARGEST and any(block.batch > 1 for block in spec.all_blocks)


def reduces(spec: KernelSpec) -> bool:
    """Whether programs reduce vectors of all hidden units."""
    return any(stage.reductions for stage in spec.stages)


def kept_bytes(itemsize: int, precision: str) -> int:
    """The bytes that a weight takes in registers."""
    # Three products in TF32 have their operands in two parts, which are kept beside the whole.
    return itemsize * (4 if precision == "tf32x3" else 1)


def with_weights(spec: KernelSpec, tile: Tile, hidden: int, outputs: int, itemsize: int) -> tuple[KernelSpec, Tile]:
    """Keep the weights of a program's hidden units and rows in registers if they fit; set the number of warps."""
    deep = _deepest(spec, tile, hidden, outputs)
    weights = itemsize * deep * tile.units * sum(block.slots * block.batch for block in spec.all_blocks)
    warps = 8 if weights > RESIDENT // 2 else _fewest_warps(spec, tile)
    pieces = max((_pieces(block, tile, itemsize * deep) for block in spec.all_blocks), default=1)
    # Two stages' weights are in registers at once, although only those of one are multiplied.
    limit = RESIDENT // max(1, sum(map(bool, spec.blocks)))
    if weights <= limit and pieces * SIDE <= deep:
        return replace(spec, resident=pieces), replace(tile, warps=warps)
    return in_pieces(spec, tile, hidden, outputs, itemsize)


def _pieces(block: Block, tile: Tile, deep: int) -> int:
    """In how many pieces a product is done: matrices and operands come into it through shared memory."""
    through = deep * block.batch * (block.slots * tile.units + tile.rows)
    most = min(tile.shared * 3 // 4, BATCHED if block.batch > 1 else AT_ONCE)
    return 1 << max(0, -(-through // most) - 1).bit_length()


def in_pieces(spec: KernelSpec, tile: Tile, hidden: int, outputs: int, itemsize: int) -> tuple[KernelSpec, Tile]:
    """Read the weights in pieces at every step."""
    depth = min(_deepest(spec, tile, hidden, outputs), 64 if itemsize == 2 else 32)
    return replace(spec, resident=0), replace(tile, depth=depth, warps=_fewest_warps(spec, tile), pieces=3)


def _fewest_warps(spec: KernelSpec, tile: Tile) -> int:
    return 8 if tile.rows * tile.units > LARGE or reduces(spec) else 4


def _deepest(spec: KernelSpec, tile: Tile, hidden: int, outputs: int) -> int:
    """How much of an operand the products of a program multiply, a power of two."""
    return padded(max(hidden, outputs)) if spec.heads == 1 else window(spec, hidden, tile.units)


@functools.cache
def multiprocessors(device: torch.device) -> int:
    """Return how many programs run at once at least, one on each multiprocessor."""
    if device.type != "cuda":
        return MULTIPROCESSORS
    return torch.cuda.get_device_properties(device).multi_processor_count


@functools.cache
def shared_memory(device: torch.device) -> int:
    """Return the bytes of shared memory that a program may take."""
    if device.type != "cuda":
        return SHARED
    properties = torch.cuda.get_device_properties(device)
    if torch.version.hip:
        return properties.shared_memory_per_block
    return properties.shared_memory_per_block_optin


def padded(size: int) -> int:
    """A size rounded up to a power of two, of at least 16."""
    return max(16, 1 << (size - 1).bit_length())


def window(spec: KernelSpec, hidden: int, units: int) -> int:
    """How much of an operand of hidden units the recurrent products of a program multiply, a power of two."""
    return padded(window_size(hidden, hidden // spec.heads, units))


def interpreted() -> bool:
    """Whether Triton's interpreter runs the kernels, on the CPU: for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"
