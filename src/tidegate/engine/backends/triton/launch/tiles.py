"""How a kernel is cut into programs, by rule; `tidegate.engine.backends.triton.launch.tuning` then times others.

Measured on an H100 (T=512, bfloat16): many small programs are faster than few large ones, as long as all run at once.
Weights that stay in registers are fastest, until they take more than about half of them.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, replace

import torch

from tidegate.engine.backends.triton.kernel_spec import KernelSpec
from tidegate.engine.kernels.head_windows import window_size

RESIDENT = 32 << 10  # bytes of weights in the registers of four warps
BATCHED = 16 << 10  # where products with several operands are one
REDUCED = 8 << 10  # numbers of a vector of all hidden units that a program reduces; with more, compiling takes minutes
LARGE = 256  # numbers of a tile, from which four warps have too few registers
MULTIPROCESSORS, SHARED = 132, 227 << 10  # those of an H100, where there is no device to ask


@dataclass(frozen=True)
class Tile:
    """What one program computes, and how.

    Attributes:
        units: hidden units, a power of two.
        rows: rows of the batch, a power of two; at least 16 if there are products.
        depth: elements of an operand that are multiplied at a time; 0 for all of them, with the weights in registers.
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
    blocks = [block for own in spec.blocks for block in own]
    if not blocks and not spec.meets:
        return spec, Tile(units=min(64, padded(hidden)), rows=4, programs=programs)
    wide, rows, units = max(hidden, outputs), 16, fewest_units(spec)

    def too_many() -> bool:
        return -(-wide // units) * -(-batch // rows) > programs

    while too_many() and rows < min(most_rows(spec, wide), batch):
        rows *= 2
    while too_many() and units < 64:
        units *= 2
    tile = Tile(units, rows, programs=programs, shared=shared_memory(x.device))
    return with_weights(spec, tile, hidden, outputs, kept_bytes(x.itemsize, precision))


def fewest_units(spec: KernelSpec) -> int:
    """The fewest hidden units of a program: its products have at least 16 columns."""
    return max(4, 16 // min((block.slots for own in spec.blocks for block in own), default=1))


def most_rows(spec: KernelSpec, wide: int) -> int:
    """The most rows of a program: one that reduces vectors of all hidden units has these of all its rows."""
    return max(16, REDUCED // padded(wide)) if any(stage.reductions for stage in spec.stages) else 64


def kept_bytes(itemsize: int, precision: str) -> int:
    """The bytes that a weight takes in registers."""
    # Three products in TF32 have their operands in two parts, which are kept beside the whole.
    return itemsize * (4 if precision == "tf32x3" else 1)


def with_weights(spec: KernelSpec, tile: Tile, hidden: int, outputs: int, itemsize: int) -> tuple[KernelSpec, Tile]:
    """Keep the weights of a program's hidden units and rows in registers if they fit; set the number of warps."""
    blocks = [block for own in spec.blocks for block in own]
    deep = _deepest(spec, tile, hidden, outputs)
    weights = itemsize * deep * tile.units * sum(block.slots * block.batch for block in blocks)
    limit = BATCHED if any(block.batch > 1 for block in blocks) else RESIDENT
    warps = 8 if weights > limit or _is_large(spec, tile, max(hidden, outputs)) else 4
    # Weights come into registers, and operands into products, through shared memory.
    through = max((deep * block.batch * (block.slots * tile.units + tile.rows) for block in blocks), default=0)
    if weights <= limit * warps // 4 and through * itemsize <= tile.shared:
        return spec if spec.resident else replace(spec, resident=1), replace(tile, warps=warps)
    return in_pieces(spec, tile, hidden, outputs, itemsize)


def in_pieces(spec: KernelSpec, tile: Tile, hidden: int, outputs: int, itemsize: int) -> tuple[KernelSpec, Tile]:
    """Read the weights in pieces at every step."""
    depth = min(_deepest(spec, tile, hidden, outputs), 64 if itemsize == 2 else 32)
    warps = 8 if _is_large(spec, tile, max(hidden, outputs)) else 4
    return replace(spec, resident=0), replace(tile, depth=depth, warps=warps, pieces=3)


def _is_large(spec: KernelSpec, tile: Tile, wide: int) -> bool:
    reduced = padded(wide) * any(stage.reductions for stage in spec.stages)
    return tile.rows * tile.units > LARGE or tile.rows * reduced > REDUCED


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
