"""How many cores a call may use: those that this process is allowed, less what others take, shared by its callers.

A thread that waits for another, whose core is taken by somebody else, waits until the scheduler has had enough of that.
So every tenth of a second, as a call begins, it is worked out from the system's count of idle time how many cores were
free for this process, and from the time spent in calls how many of them ran at once. Each then uses its share.
"""

from __future__ import annotations

import ctypes
import functools
import math
import os
import threading
import time
from pathlib import Path

import torch

from tidegate.engine.backends.llvm.launch.threads import openmp

LOOK_EVERY = 0.1  # seconds; the system counts in hundredths of one
SPENT_LOOKING = 0.01  # of the time, at most: with hundreds of cores the system takes a millisecond to count
FIELDS = 8  # of a core's times that do not contain one another: user, nice, system, idle, iowait, irq, softirq, steal
IDLE = slice(3, 5)


@functools.cache
def cores() -> int:
    """Return the number of cores that this process may use: no more parts than that should wait for one another."""
    if openmp() is not None:  # a thread that OMP_PROC_BIND has bound to one core would see no other
        allowed = ctypes.CDLL(None).omp_get_num_procs()
    else:
        allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, quota())))


def quota(groups: str = "/proc/self/cgroup", mounts: str = "/sys/fs/cgroup") -> float:
    """Return the processor seconds a second that control groups (of either version) leave a process; inf if any number.

    Args:
        groups: the file with the process's groups.
        mounts: the folder where they are mounted.
    """
    if not Path(groups).exists():  # not Linux
        return math.inf
    found = [math.inf]
    for line in Path(groups).read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            own = Path(mounts, "cpu" if controllers else "", path.lstrip("/"))
            around = own.parents[: len(own.parts) - len(Path(mounts).parts)]
            found += [_limit(folder, version=1 if controllers else 2) for folder in (own, *around)]
    return min(found)


def _limit(folder: Path, version: int) -> float:
    """Return the limit of one group; inf if it has none, or cannot be seen from here."""
    names = ["cpu.max"] if version == 2 else ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
    files = [folder / name for name in names]
    if not all(file.is_file() for file in files):
        return math.inf
    allowed, period = " ".join(file.read_text() for file in files).split()
    return math.inf if allowed in ("max", "-1") else int(allowed) / int(period)


class _Use:
    """What the cores did since the last look, and what follows from it."""

    def __init__(self) -> None:
        self.looked, self.in_calls, self.own = time.perf_counter(), 0.0, time.process_time()
        self.times = _times()
        self.share, self.pause = cores(), LOOK_EVERY
        self.looking = threading.Lock()

    def look_if_it_is_time(self, now: float) -> None:
        """Look, unless that was done lately or another thread is doing it."""
        if now - self.looked > self.pause and self.looking.acquire(blocking=False):
            try:
                if now - self.looked > self.pause:  # nor did another thread just before
                    self.look(now)
            finally:
                self.looking.release()

    def look(self, now: float) -> None:
        """Work out the share of a call from what happened since the last look."""
        passed, own, times = now - self.looked, time.process_time(), _times()
        free = float(cores())
        if times and self.times:
            everything, idle = (after - before for after, before in zip(times, self.times, strict=True))
            if everything > passed / 2:  # some systems count nothing
                free = min(free, (idle + own - self.own) / passed)
        self.share = max(1, round(free / max(1.0, self.in_calls / passed)))
        self.looked, self.in_calls, self.own, self.times = now, 0.0, own, times
        self.pause = max(LOOK_EVERY, (time.perf_counter() - now) / SPENT_LOOKING)


def _times() -> tuple[float, float] | None:
    """Return the seconds that have been counted for this process's cores, and those of them that were idle."""
    try:
        text = Path("/proc/stat").read_bytes()
        allowed = os.sched_getaffinity(0)
    except (OSError, AttributeError):
        return None
    rows = [line.split() for line in text.splitlines() if line[:3] == b"cpu"]
    ticks = {int(name[3:]): list(map(int, counts[:FIELDS])) for name, *counts in rows if name != b"cpu"}
    own = [counts for core, counts in ticks.items() if core in allowed or len(allowed) < cores()]
    second = os.sysconf("SC_CLK_TCK")
    return sum(map(sum, own)) / second, sum(sum(counts[IDLE]) for counts in own) / second


_use = functools.cache(_Use)
if hasattr(os, "register_at_fork"):  # a child's times begin anew, and no thread of it is looking
    os.register_at_fork(after_in_child=_use.cache_clear)


class AtWork:
    """A context for each call."""

    def __enter__(self) -> None:
        self.began = time.perf_counter()
        _use().look_if_it_is_time(self.began)

    def __exit__(self, *_: object) -> None:
        _use().in_calls += time.perf_counter() - self.began  # a count that is lost between two threads does no harm


def partner_was_late() -> None:
    """Use half as many threads until the next look: threads of a call waited for one that had no core."""
    use = _use()
    use.share = max(1, use.share // 2)


def threads_to_use() -> int:
    """Return how many threads a call had better use: PyTorch's number, or this call's share of the cores."""
    return min(torch.get_num_threads(), _use().share)
