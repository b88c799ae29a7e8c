"""Time a few tiles at the first call of a size, and keep the fastest.

The rule's tile (`tidegate.engine.backends.triton.launch.tiles`) and others near it run the call's own kernel on its own
arguments; the states that a kernel changes are copies. The choice holds for batches of the same power of two, whatever
their number of steps, and is kept on disk beside the CPU kernels. Only real calls come here: what is traced sees an
operator. Tiles differ in the order of sums, so they differ in the last digits.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import torch
import triton
from triton.runtime.errors import OutOfResources

from tidegate.engine.backends.triton.emit.compiled import kernel_of
from tidegate.engine.backends.triton.kernel_spec import KernelSpec
from tidegate.engine.backends.triton.launch.run_kernel import Launch
from tidegate.engine.backends.triton.launch.tiles import (
    LARGE,
    Tile,
    fewest_units,
    in_pieces,
    interpreted,
    is_largest,
    kept_bytes,
    most_rows,
    padded,
    reduces,
    with_weights,
)
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.cache import read, write
from tidegate.errors import ArgumentError

Choice = tuple[KernelSpec, Tile]

SWITCH = "TIDEGATE_TUNE"
FEWEST_STEPS = 16  # with fewer a launch takes longer than its steps
REPEATS = 3
_TOO_LARGE = ("too many blocks in cooperative launch", "too many resources requested for launch")  # the driver's words
_CHOSEN: dict[tuple[Any, ...], Choice | None] = {}  # None: not known, on disk neither


def tuned(launch: Launch, time: Callable[[Launch], float] | None = None) -> Launch:
    """Return the launch with the fastest tile for its size; time some tiles if that is not known.

    Args:
        launch: with all its arguments and the rule's tile.
        time: measures a launch; the default runs it between CUDA's events.

    Raises:
        OutOfResources: no tile fits the device. Errors of other kinds are raised at once.
    """
    if not is_wanted(launch.device) or not launch.steps or not launch.batch:
        return launch
    choice = _known(launch)
    if choice is None:
        if launch.steps < FEWEST_STEPS or torch.cuda.is_current_stream_capturing():
            return launch
        choice = _CHOSEN[_place(launch)] = fastest(launch, time or _milliseconds)
        write(_key(launch), "tile", json.dumps(_plain(choice)).encode())
    return _cut(launch, choice)


def as_tuned(launch: Launch) -> Launch:
    """Return the launch with the tile that it would run with, which is the rule's before the first call."""
    choice = _known(launch) if is_wanted(launch.device) else None
    return launch if choice is None else _cut(launch, choice)


def is_wanted(device: torch.device) -> bool:
    """Whether tiles are timed on a device.

    They are not where the same digits are wanted in every process (`torch.use_deterministic_algorithms`).

    Raises:
        ArgumentError: the environment's ``TIDEGATE_TUNE`` is neither 0 nor 1.
    """
    if (switch := os.environ.get(SWITCH, "1")) not in ("0", "1"):
        raise ArgumentError(f"{SWITCH} must be 1 (time tiles on a GPU, the default) or 0 (do not); it is {switch!r}.")
    if device.type != "cuda" or interpreted():
        return False
    return switch == "1" and not torch.are_deterministic_algorithms_enabled()


def candidates(launch: Launch) -> list[Choice]:
    """Return the rule's choice and at most five others.

    They have the other number of warps, weights in pieces where the rule keeps them in registers, half as many hidden
    units, twice as many, or twice as many rows.
    """
    spec, tile, sizes = launch.spec, launch.tile, (launch.hidden, launch.outputs)
    itemsize = kept_bytes(launch.dtype.itemsize, launch.precision)
    found = [(spec, tile)]
    start = Tile(tile.units, tile.rows, programs=tile.programs, shared=tile.shared)
    if not reduces(spec):  # those take many seconds to compile
        if tile.units * tile.rows <= LARGE:
            found.append((spec, replace(tile, warps=4 if tile.warps == 8 else 8)))
        if spec.resident and spec.all_blocks:
            found.append(in_pieces(spec, start, *sizes, itemsize))
        if tile.units // 2 >= fewest_units(spec):
            found.append(with_weights(spec, replace(start, units=tile.units // 2), *sizes, itemsize))
    largest = is_largest(spec, tile.units * tile.rows)
    if tile.units * 2 <= padded(max(sizes)) and not largest:
        found.append(with_weights(spec, replace(start, units=tile.units * 2), *sizes, itemsize))
    if tile.rows < min(launch.batch, most_rows(spec)) and not largest:
        found.append(with_weights(spec, replace(start, rows=tile.rows * 2), *sizes, itemsize))
    most = max(tile.programs, launch.programs[0])  # those that wait for one another must all run at once
    fits = [choice for choice in found if not _cut(launch, choice).waits or _cut(launch, choice).programs[0] <= most]
    return list(dict.fromkeys(fits))


def fastest(launch: Launch, time: Callable[[Launch], float]) -> Choice:
    """Return the candidate that takes least time; those that do not fit the device are passed over.

    Raises:
        OutOfResources: none fits; the error is that of the rule's choice.
    """
    changed = {arguments.state(name) for name in launch.spec.program.states}
    changed |= {arguments.total(name) for name in launch.spec.program.sums}
    given = {name: value.clone() if name in changed else value for name, value in launch.given.items()}
    scratch, times, errors = replace(launch, given=given), dict[Choice, float](), list[Exception]()
    for choice in candidates(launch):
        try:
            times[choice] = time(_cut(scratch, choice))
        except Exception as error:
            if not _is_too_large(error):
                raise
            errors.append(error)
    if not times:
        raise errors[0]
    return min(times, key=times.__getitem__)


def _is_too_large(error: Exception) -> bool:
    said = isinstance(error, RuntimeError) and any(words in str(error) for words in _TOO_LARGE)
    return said or isinstance(error, OutOfResources)


def _milliseconds(launch: Launch) -> float:
    launch.execute()  # compiles
    times = []
    with torch.cuda.device(launch.device):
        torch.cuda.synchronize()  # nothing else runs meanwhile: the other direction on its own stream, for example
        for _ in range(REPEATS):
            launch.execute()  # which keeps the device busy until all of what is timed is in its queue
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            launch.execute()
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end))
    return min(times)


def _cut(launch: Launch, choice: Choice) -> Launch:
    spec, tile = choice
    return replace(launch, spec=spec, tile=tile)


def _place(launch: Launch) -> tuple[Any, ...]:
    """What a choice depends on, in this process."""
    rows = padded(launch.batch)
    return launch.spec, launch.tile, launch.hidden, launch.outputs, rows, launch.dtype, launch.precision, launch.device


def _key(launch: Launch) -> str:
    """A digest of what a choice depends on, in all processes."""
    device, *sizes = device_name(launch.device), launch.hidden, launch.outputs, padded(launch.batch)
    kind = (device, triton.__version__, str(launch.dtype), launch.precision, *sizes, _plain((launch.spec, launch.tile)))
    return hashlib.sha256(json.dumps((*kind, kernel_of(launch.spec).text)).encode()).hexdigest()[:32]


def _known(launch: Launch) -> Choice | None:
    """Return the choice of this process or of an earlier one. What a file says must be one of the candidates."""
    place = _place(launch)
    if place not in _CHOSEN:
        body = read(_key(launch), "tile")
        said = None if body is None else json.loads(body)
        _CHOSEN[place] = next((choice for choice in candidates(launch) if _plain(choice) == said), None)
    return _CHOSEN[place]


def _plain(choice: Choice) -> dict[str, int | bool]:
    spec, tile = choice
    return {"resident": spec.resident, **asdict(tile)}


def device_name(device: torch.device) -> str:
    """Return the name of a GPU's kind."""
    return torch.cuda.get_device_name(device)
