"""A barrier for the threads of a kernel, in three words of memory: it spins for a moment, then the system wakes it.

A thread whose core is taken by somebody else arrives milliseconds late. Who waits for it must not keep a core from it
meanwhile, and must wake as soon as it has arrived; a sleep of a fixed time is too long each time.
"""

from __future__ import annotations

import platform

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import I32, I64, Emit, V

SPINS = 2048  # looks at the counter before sleeping: some 30 microseconds
LATE = 1_000_000  # nanoseconds of sleep after which the others count as late
SLEEPERS, WAS_LATE, WORDS = 1, 2, 3  # after the counter: how many threads sleep, and whether one slept for long
FUTEX = {"x86_64": 202, "aarch64": 98}  # the number of the system call, on Linux
WAIT, WAKE = 128, 129  # among the threads of one process


def wait_for_all(e: Emit, words: V, target: V) -> None:
    """Emit an arrival at the counter, and the wait until the arrivals are ``target``.

    Args:
        e: where to emit.
        words: the address of the counter of all arrivals so far, and of the two words after it.
        target: what the counter is when all threads have arrived.
    """
    b = e.b
    system_call = FUTEX.get(platform.machine()) if platform.system() == "Linux" else None
    sleepers = e.slot(words, SLEEPERS)
    before = b.atomic_rmw("add", words, e.i64(1), "seq_cst")
    is_last = b.icmp_signed("==", b.add(before, e.i64(1)), target)
    if system_call is not None:
        asleep = b.icmp_signed("!=", b.load_atomic(sleepers, "seq_cst", 8, typ=I64), e.i64(0))
        with b.if_then(b.and_(is_last, asleep), likely=False):
            _call(e, system_call, words, WAKE, e.i64(2**31 - 1))
    looks = e.variable(I64)
    b.store(e.i64(0), looks)
    head, waiting, here = (b.append_basic_block(name) for name in ("look", "waiting", "here"))
    b.branch(head)
    b.position_at_end(head)
    arrived = b.load_atomic(words, "seq_cst", 8, typ=I64)
    b.cbranch(b.icmp_signed(">=", arrived, target), here, waiting)
    b.position_at_end(waiting)
    if platform.machine().lower() in ("x86_64", "amd64"):
        b.call(_function(e, "llvm.x86.sse2.pause", ir.VoidType()), [])
    count = b.add(b.load(looks, typ=I64), e.i64(1))
    b.store(count, looks)
    with b.if_then(b.icmp_signed(">", count, e.i64(SPINS)), likely=False):
        if system_call is not None:
            _sleep(e, system_call, words, arrived)
        elif platform.system() != "Windows":
            b.call(_function(e, "sched_yield", I32), [])
    b.branch(head)
    b.position_at_end(here)


def _sleep(e: Emit, system_call: int, words: V, arrived: V) -> None:
    """Sleep until another thread arrives, if none has since the counter was ``arrived``; but no longer than `LATE`."""
    b, sleepers = e.b, e.slot(words, SLEEPERS)
    limit = e.variable(I64, 2)
    for k, number in enumerate((0, LATE)):  # seconds, nanoseconds
        b.store(e.i64(number), e.slot(limit, k))
    b.atomic_rmw("add", sleepers, e.i64(1), "seq_cst")
    # The system compares the low half of the counter before it lets this thread sleep.
    _call(e, system_call, words, WAIT, b.and_(arrived, e.i64(2**32 - 1)), b.ptrtoint(limit, I64))
    b.atomic_rmw("sub", sleepers, e.i64(1), "seq_cst")
    now = b.load_atomic(words, "seq_cst", 8, typ=I64)
    with b.if_then(b.icmp_signed("==", now, arrived)):
        b.store(e.i64(1), e.slot(words, WAS_LATE))


def _call(e: Emit, number: int, words: V, operation: int, value: V, limit: V | None = None) -> None:
    fn = e.module.globals.get("syscall") or ir.Function(e.module, ir.FunctionType(I64, [I64], var_arg=True), "syscall")
    none = e.i64(0)
    given = [e.i64(number), e.b.ptrtoint(words, I64), e.i64(operation), value, limit or none, none, none]
    e.b.call(fn, given)


def _function(e: Emit, name: str, result: ir.Type) -> V:
    return e.module.globals.get(name) or ir.Function(e.module, ir.FunctionType(result, []), name)
