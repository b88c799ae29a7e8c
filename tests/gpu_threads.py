"""Run emitted GPU kernels with a thread for each program, so that programs really wait for one another.

Triton's interpreter runs programs one after the other; a kernel whose programs wait for one another would never end
there. Here a kernel's text runs on NumPy: `tl` is replaced by the few functions that kernels use. Threads sleep at
random before they read or write what others share, so a wait that is missing gives wrong numbers.
"""

import inspect
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.engine.backends.triton.launch.one_launch import OneLaunch
from tidegate.engine.backends.triton.launch.run_kernel import Launch

_PROGRAM = threading.local()
_LOCK = threading.Lock()
PATIENCE = 60  # seconds, for programs that wait for what never comes


class Tile(np.ndarray):
    """Numbers of one program."""

    def to(self, dtype: Any) -> Any:
        return self.astype(dtype)


def _tile(value: Any) -> Tile:
    return np.asarray(value).view(Tile)


class Pointer:
    """Addresses: an offset, or a tile of them, in a flat array."""

    def __init__(self, memory: np.ndarray, at: Any = 0):
        self.memory, self.at = memory, at
        self.dtype = SimpleNamespace(element_ty=memory.dtype)

    def __add__(self, offset: Any) -> "Pointer":
        return Pointer(self.memory, self.at + offset)


def _dawdle() -> None:
    if random.random() < 0.05:
        time.sleep(random.random() * 1e-3)


def _load(pointer: Pointer, mask: Any = True, other: Any = 0, cache_modifier: str = "") -> Tile:
    if cache_modifier:  # what other programs write
        _dawdle()
    at, inside = np.broadcast_arrays(pointer.at, mask)
    found = np.full(at.shape, other, pointer.memory.dtype)
    found[inside] = pointer.memory[at[inside]]
    return _tile(found)


def _store(pointer: Pointer, value: Any, mask: Any = True) -> None:
    _dawdle()
    at, inside, value = np.broadcast_arrays(pointer.at, mask, value)
    pointer.memory[at[inside]] = value[inside]


def _atomic_add(pointer: Pointer, number: int, sem: str, scope: str) -> int:
    assert (sem, scope) in {("release", "gpu"), ("acquire", "gpu")}
    with _LOCK:
        before = int(pointer.memory[pointer.at])
        pointer.memory[pointer.at] += number
    if not number:
        if time.monotonic() > _PROGRAM.until:
            raise TimeoutError("a program waits for arrivals that do not come")
        time.sleep(0)
    return before


def _dot(a: Any, b: Any, c: Any = 0, input_precision: str = "") -> Tile:
    del input_precision
    return _tile(np.matmul(a, b) + c)


def _split(value: Any) -> tuple[Any, Any]:
    return value[..., 0], value[..., 1]


TL = SimpleNamespace(
    constexpr=None,
    float32=np.float32,
    int64=np.int64,
    program_id=lambda axis: _PROGRAM.place[axis],
    arange=lambda start, stop: _tile(np.arange(start, stop)),
    load=_load,
    store=_store,
    atomic_add=_atomic_add,
    debug_barrier=lambda: None,
    dot=_dot,
    split=_split,
    trans=np.transpose,
    reshape=np.reshape,
    where=lambda condition, a, b: _tile(np.where(condition, a, b)),
    maximum=np.maximum,
    full=lambda shape, value, dtype: _tile(np.full(shape, value, dtype)),
    zeros=lambda shape, dtype: _tile(np.zeros(shape, dtype)),
    sum=lambda value, axis: _tile(np.sum(value, axis=axis)),
    max=lambda value, axis: _tile(np.max(value, axis=axis)),
    exp=np.exp,
    log=np.log,
    abs=np.abs,
    sqrt_rn=np.sqrt,
    sin=np.sin,
    cos=np.cos,
)


def _memory(tensor: torch.Tensor) -> Pointer:
    """The tensor's memory from its first number on, flat."""
    flat = torch.as_strided(
        tensor.detach(), (tensor.untyped_storage().nbytes() // tensor.itemsize - tensor.storage_offset(),), (1,)
    )
    return Pointer(flat.numpy())


def run_launch(launch: OneLaunch, edit: Any = lambda text: text) -> None:
    """Run one launch with a thread for each program; ``edit`` changes the kernel's text first."""
    from tidegate.engine.backends.triton.emit import device_functions

    space: dict[str, Any] = {"triton": SimpleNamespace(jit=lambda function: function), "tl": TL}
    functions = inspect.getsource(device_functions).split("import triton.language as tl")[1]
    exec(functions + edit(launch.kernel.text), space)
    given = {name: _memory(v) if isinstance(v, torch.Tensor) else v for name, v in launch.given.items()}
    given["FACTORS"] = np.float32
    own = {name: given[name] for name in inspect.signature(space["kernel"]).parameters}
    faults: list[BaseException] = []

    def program(place: tuple[int, int]) -> None:
        _PROGRAM.place, _PROGRAM.until = place, time.monotonic() + PATIENCE
        try:
            with np.errstate(all="ignore"):
                space["kernel"](**own)
        except BaseException as error:  # handed to the test's own thread
            faults.append(error)

    across, groups = launch.grid
    threads = [threading.Thread(target=program, args=((u, r),)) for u in range(across) for r in range(groups)]
    random.shuffle(threads)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


@contextmanager
def programs_on_threads(edit: Any = lambda text: text) -> Iterator[list[tuple[int, int]]]:
    """Within, launches run all steps with their programs on threads; yields the grids of the launches."""
    grids: list[tuple[int, int]] = []

    def execute(self: Launch) -> None:
        for launch in self.launches(apart=False):
            grids.append(launch.grid)
            run_launch(launch, edit)

    interval = sys.getswitchinterval()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Launch, "execute", execute)
        sys.setswitchinterval(1e-5)
        try:
            yield grids
        finally:
            sys.setswitchinterval(interval)
