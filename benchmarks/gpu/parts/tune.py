"""How the kernels of the Triton backend are cut into programs: the tile that its rule chooses beside others."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from benchmarks.gpu.clock import rounds
from benchmarks.gpu.compare import absolute_row, errors, require
from benchmarks.gpu.precisions import BFLOAT16, computing
from benchmarks.gpu.problems import Mode, Shape, layer_run, pose, truth
from benchmarks.gpu.session import Session
from benchmarks.measure import spread
from tidegate.errors import ParityError

Choice = tuple[int, int, int, int]  # hidden units, rows, warps, depth (0: weights stay in registers)

SHAPES = (Shape(64, 512, 512), Shape(16, 512, 512), Shape(64, 512, 256), Shape(64, 512, 128), Shape(16, 512, 1024))
CHOICES = tuple(itertools.product((8, 4, 16), (16, 32), (4, 8), (0, 64)))
TINY = (Shape(3, 4, 5),), CHOICES[:1]


def run(session: Session) -> None:
    """Time tiles: of the forward pass in inference; of the backward pass in training, the forward one as chosen."""
    shapes, choices = TINY if session.tiny else (SHAPES, CHOICES)
    modes: tuple[Mode, ...] = ("inference", "training")
    for shape, cell, mode in itertools.product(shapes, ("lstm", "gru"), modes):
        session.case(f"tune {cell} {shape} {mode}", functools.partial(tune, session, cell, shape, mode, choices))


def tune(session: Session, cell: str, shape: Shape, mode: Mode, choices: tuple[Choice, ...]) -> None:
    """Time the tiles of one pass; one that does not compile or does not fit is a line without a figure."""
    case, found = f"tune {cell} {shape} {mode}", dict[str, float]()
    with computing(BFLOAT16):
        problem = pose(cell, shape, BFLOAT16, mode, session.device)
        exact, step = truth(problem), layer_run(problem, problem.layer("triton"))
        for choice in (None, *choices):
            name = "chosen" if choice is None else "{} units, {} rows, {} warps, depth {}".format(*choice)
            if session.is_over:
                session.left_out.append(f"{case}, {name}")
                continue
            try:
                with tile(choice, backward=mode == "training"):
                    require(errors(step(0), exact), BFLOAT16.allowed)
                    taken = spread(rounds({name: step}, session.device, repeats=3)[name])
            except ParityError as error:
                session.fault(f"{case}, {name}", str(error))
            except Exception as error:  # too many programs, registers or shared memory, and the like
                session.write({"case": f"{case}, {name}", "error": f"{type(error).__name__}: {error}"})
            else:
                found[name] = 1e6 * taken.median / shape.steps
                session.row(absolute_row("tune", cell, str(shape), f"{mode}, {BFLOAT16.name}", name, taken))
    best = sorted(found, key=lambda name: found[name])[:3]
    if "chosen" in found:
        told = "; ".join(f"{name} {found[name]:.2f}" for name in best)
        session.remarks.append(f"{case}: chosen {found['chosen']:.2f} us a step; best {told}")


@contextmanager
def tile(choice: Choice | None, *, backward: bool) -> Iterator[None]:
    """Within, kernels of the forward pass, or of the backward pass, have this tile; with None all have the rule's."""
    from tidegate.engine.backends.triton.launch import launch_of_call

    as_chosen = launch_of_call.tile_for

    def tile_for(spec: Any, *sizes: Any) -> Any:
        own, chosen = as_chosen(spec, *sizes)
        if choice is None or spec.descending != backward:
            return own, chosen
        units, rows, warps, depth = choice
        pieces = 3 if depth else 1
        changed = replace(chosen, units=units, rows=rows, warps=warps, depth=depth, pieces=pieces)
        return replace(own, resident=not depth), changed

    with patch.object(launch_of_call, "tile_for", tile_for), patch.dict(os.environ, {"TIDEGATE_TUNE": "0"}):
        yield
