"""Memory that kernels write to.

A fresh page costs as much as the arithmetic that fills it, and a training step asks for the same sizes again and again.
So large buffers are held, and reused once neither a tensor nor a graph refers to them. At most ``HELD_BYTES`` are held.
"""

from __future__ import annotations

import functools
import math
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.launch.replay.noting import launches as noting_launches

SMALL = 1 << 16  # bytes below which the allocator has no fresh pages to fetch
HELD_BYTES = 1 << 29

_LOCK = threading.Lock()
if hasattr(os, "register_at_fork"):  # a child must not find it locked by a thread that does not exist there
    os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)
_SCRATCH = threading.local()
_HELD: OrderedDict[int, list[torch.UntypedStorage]] = OrderedDict()  # by size, least recently used first


def empty(shape: Sequence[int] | int, like: Tensor) -> Tensor:
    """Return an uninitialised tensor of a shape, with the dtype and device of another."""
    shape = (shape,) if isinstance(shape, int) else shape
    size = math.prod(shape) * like.element_size()
    if size < SMALL or not like.is_cpu:
        return like.new_empty(shape)
    with _LOCK:
        same = _HELD.setdefault(size, [])
        _HELD.move_to_end(size)
        storage = None
        for k in range(len(same)):
            if _is_free(same, k, size):
                storage = same[k]
                break
        if storage is None:
            storage = torch.UntypedStorage(size)
            same.append(storage)
            _release_oldest()
        return like.new_empty(0).set_(storage, 0, shape)  # pyright: ignore[reportCallIssue]


def empty_like(other: Tensor) -> Tensor:
    """Return an uninitialised tensor with the shape, dtype and device of another, contiguous one."""
    return torch.empty_like(other) if other.nbytes < SMALL else empty(other.shape, other)


def zeros(shape: Sequence[int] | int, like: Tensor) -> Tensor:
    """Return a tensor of zeros of a shape, with the dtype and device of another."""
    return empty(shape, like).zero_()


def summed(like: Tensor) -> Tensor:
    """Return a tensor without elements, of the dtype in which products of another's numbers are summed."""
    return like.new_empty(0, dtype=torch.float32) if like.dtype == torch.bfloat16 else like


def shared_zeros(size: int, like: Tensor) -> Tensor:
    """Return a cached tensor of zeros, which must not be written to."""
    return _shared_zeros(size, like.dtype)


@functools.lru_cache(maxsize=64)
def _shared_zeros(size: int, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):
        return torch.zeros(size, dtype=dtype)


def scratch(size: int, like: Tensor) -> Tensor:
    """Return memory that this thread's next call may overwrite."""
    if noting_launches() is not None:  # a noted launch may run in any thread
        return torch.empty(size, dtype=like.dtype)
    room = _SCRATCH.rooms.get(like.dtype) if hasattr(_SCRATCH, "rooms") else None
    if room is None or room.numel() < size:
        room = torch.empty(size, dtype=like.dtype)
        _SCRATCH.__dict__.setdefault("rooms", {})[like.dtype] = room
    return room


def _is_free(same: list[torch.UntypedStorage], k: int, size: int) -> bool:
    """Whether a held buffer is in use nowhere else, in no other process either, and still has its size."""
    if _references(same, k) > _OURS:  # a tensor's untyped_storage() is this same object
        return False
    alone = torch._C._storage_Use_Count(same[k]._cdata) == 1  # pyright: ignore[reportAttributeAccessIssue]
    return alone and same[k].nbytes() == size and not same[k].is_shared()


def _references(things: list[Any], k: int) -> int:
    return sys.getrefcount(things[k])


_OURS = _references([object()], 0)


def release() -> None:
    """Drop all held buffers; those in use elsewhere are not affected."""
    with _LOCK:
        _HELD.clear()


def _release_oldest() -> None:
    while sum(size * len(same) for size, same in _HELD.items()) > HELD_BYTES:
        size, same = next(iter(_HELD.items()))
        same.pop(0)
        if not same:
            del _HELD[size]
