"""Run a kernel: its arguments, its grid, and one launch for all steps.

In Triton's interpreter, where programs run one after the other, each stage of each step is a launch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
import triton.language as tl
from torch import Tensor

from tidegate.engine.backends.triton.emit.compiled import kernel_of
from tidegate.engine.backends.triton.emit.leaves import step_stride
from tidegate.engine.backends.triton.kernel_spec import KEPT, OPERANDS, KernelSpec
from tidegate.engine.backends.triton.launch.one_launch import OneLaunch
from tidegate.engine.backends.triton.launch.tiles import Tile, interpreted, padded, window
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.stages import is_output


@dataclass
class Launch:
    """The arguments of one run.

    Attributes:
        spec: the kernel.
        tile: how it is cut into programs.
        steps: T.
        batch: B.
        hidden: H.
        outputs: R.
        dtype: of the operands of products.
        device: of all tensors.
        precision: of products in float32, as in `tl.dot`.
        given: tensors and numbers by argument.
        at_zero: the states that begin at zero.
    """

    spec: KernelSpec
    tile: Tile
    steps: int
    batch: int
    hidden: int
    outputs: int
    dtype: torch.dtype
    device: torch.device
    precision: str
    given: dict[str, Any] = field(default_factory=dict)
    at_zero: frozenset[str] = frozenset()

    def set_over_time(self, argument: str, value: Tensor) -> None:
        """Set a tensor (T, B, ·) that is read, which may be the same at every step or for every row."""
        if value.stride(2) != 1 and value.shape[2] > 1:
            value = value.contiguous()
        self.given[argument] = value
        self.given[step_stride(argument)] = value.stride(0)
        self.given[arguments.stride(argument)] = value.stride(1)

    def set_input_parts(self, gates: Sequence[str], parts: Tensor) -> None:
        """Set the input's product (..., B, gates * H), side by side in the order of the gates."""
        for gate, part in zip(gates, parts.split(self.hidden, -1), strict=True):
            self.given[arguments.input_part(gate)] = part
        self.given[arguments.INPUT_STRIDE] = parts.stride(-2)

    def set_out(self, name: str, value: Tensor) -> None:
        """Set a tensor (T, B, ·) that is written."""
        self.given[arguments.out(name)] = value
        self.given[arguments.stride(arguments.out(name))] = value.stride(1)

    def set_states(self, initial: Mapping[str, Tensor | None]) -> dict[str, Tensor]:
        """Set the initial values of all states, zeros where that is None.

        Returns:
            By name the memory in float32 that has the final value after a run.
        """
        sizes = {name: self.outputs if is_output(name, self.spec.output) else self.hidden for name in initial}
        found = {}
        for size in {*sizes.values()}:
            names = [name for name, own in sizes.items() if own == size and initial[name] is None]
            found |= zip(names, self.zeros(len(names), size), strict=True)
        for name, value in initial.items():
            if value is not None:
                found[name] = torch.empty(self.batch, sizes[name], dtype=torch.float32, device=self.device)
                found[name].copy_(value)
        self.given |= {arguments.state(name): value for name, value in found.items()}
        self.at_zero = frozenset(name for name, value in initial.items() if value is None)
        return {name: found[name] for name in initial}

    def zeros(self, count: int, size: int) -> tuple[Tensor, ...]:
        """Return zeros (B, size) in float32, made at once."""
        if not count:
            return ()
        return torch.zeros(count, self.batch, size, dtype=torch.float32, device=self.device).unbind()

    def execute(self) -> None:
        """Run all steps."""
        run_launches(self.launches(apart=self._runs_apart), self.device)

    @property
    def programs(self) -> tuple[int, int]:
        """How many programs divide the hidden units, and how many the rows."""
        return -(-max(self.hidden, self.outputs) // self.tile.units), -(-self.batch // self.tile.rows)

    @property
    def waits(self) -> bool:
        """Whether programs wait for one another."""
        return self.spec.meets and self.programs[0] > 1

    @property
    def at_once(self) -> int:
        """How many of the programs that divide the rows are in one launch: those that wait must all run at once."""
        across, groups = self.programs
        return min(groups, max(1, self.tile.programs // across)) if self.waits else groups

    @property
    def _runs_apart(self) -> bool:
        """Whether programs cannot wait for one another: the interpreter runs them one after the other."""
        return interpreted() and self.waits

    def launches(self, *, apart: bool, memory: Mapping[str, Tensor] | None = None) -> Iterator[OneLaunch]:
        """Return the launches of a run.

        Args:
            apart: launch each stage of each step by itself, so that no program waits for another.
            memory: as `memory` returns it; None for new memory.
        """
        if not self.steps or not self.batch:
            return
        spec, tile, (across, groups) = self.spec, self.tile, self.programs
        waits, at_once = (False, groups) if apart else (self.waits, self.at_once)
        parts = [(None, 0, self.steps)]
        if apart:
            parts = [(n, s, s + 1) for s in range(self.steps) for n in range(len(spec.stages))]
        memory = self.memory(apart=apart) if memory is None else memory
        given = {**self.given, **memory, arguments.STEPS: self.steps, arguments.BATCH: self.batch}
        constants = self._constants() | ({"launch_cooperative_grid": True} if waits and not interpreted() else {})
        for first in range(0, groups, at_once):
            grid = (across, min(at_once, groups - first))
            counters = torch.zeros(32 * grid[1], dtype=torch.int32, device=self.device)
            for only, start, stop in parts:
                kernel = kernel_of(spec, only)
                own = {"first_step": start, "last_step": stop, "first_row": first * tile.rows}
                own |= {name: given[argument] for argument, name in kernel.names.items()} | {"counters": counters}
                yield OneLaunch(kernel, grid, own, constants)

    def _constants(self) -> dict[str, Any]:
        tile, wide, (across, _) = self.tile, max(self.hidden, self.outputs), self.programs
        sizes = {"H": self.hidden, "R": self.outputs, "WIDE": wide}
        sizes |= {"H_PADDED": padded(self.hidden), "R_PADDED": padded(self.outputs)}
        sizes |= {"HEAD": self.hidden // self.spec.heads, "WINDOW": window(self.spec, self.hidden, tile.units)}
        cut: dict[str, Any] = {"UNITS": tile.units, "ROWS": tile.rows, "DEPTH": tile.depth, "PARTNERS": across}
        # The interpreter's `tl.dot` multiplies the bits of bfloat16 as whole numbers (Triton 3.9).
        cut["FACTORS"] = tl.float32 if interpreted() else getattr(tl, str(self.dtype).removeprefix("torch."))
        # What Triton does with a product and a sum unless told changes between its versions.
        options = {"num_warps": tile.warps, "num_stages": tile.pieces, "enable_fp_fusion": True}
        return sizes | cut | {"PRECISION": self.precision} | options

    def memory(self, *, apart: bool) -> dict[str, Tensor]:
        """Return memory for what programs read of one another, with the initial values of states."""
        counts = {OPERANDS: len(self.spec.operands), KEPT: len(self.spec.kept(apart=apart))}
        shared, made = self._shared(apart=apart), {}
        for argument, count in counts.items():
            states = {name for at, _, name in shared if at == argument}
            empty = torch.zeros if states and states <= self.at_zero else torch.empty
            shape = max(1, count), 2, self.batch, max(self.hidden, self.outputs)
            dtype = self.dtype if argument == OPERANDS else torch.float32
            made[argument] = empty(shape, dtype=dtype, device=self.device)
            if not states <= self.at_zero:
                for place, state in self._places(made, [own for own in shared if own[0] == argument]):
                    place.copy_(state)
        return made

    def shared_states(self, memory: Mapping[str, Tensor], *, apart: bool) -> list[tuple[Tensor, Tensor]]:
        """Return where in that memory the first step reads states, each with the state."""
        return self._places(memory, self._shared(apart=apart))

    def _shared(self, *, apart: bool) -> list[tuple[str, int, str]]:
        """Return the states that programs read of one another: the argument, the place in it, and the name."""
        kept = [self.spec.program.values[k] for k in self.spec.kept(apart=apart)]
        found = [(OPERANDS, k, name) for k, (kind, name) in enumerate(self.spec.operands) if kind == "state"]
        return found + [(KEPT, k, value.name) for k, value in enumerate(kept) if value.op == "state"]

    def _places(
        self, memory: Mapping[str, Tensor], shared: Iterable[tuple[str, int, str]]
    ) -> list[tuple[Tensor, Tensor]]:
        found = []
        for argument, k, name in shared:
            state = self.given[arguments.state(name)]
            found.append((memory[argument][k, 0, :, : state.shape[1]], state))
        return found


def run_launches(launches: Iterable[OneLaunch], device: torch.device) -> None:
    """Run launches one after another."""
    # Triton launches on the current device, whichever the tensors are on.
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        for launch in launches:
            launch.start(device)
