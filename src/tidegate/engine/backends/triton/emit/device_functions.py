"""Functions that the emitted kernels call."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def sigmoid(x):
    """1 / (1 + e^-x)."""
    return 1 / (1 + tl.exp(-x))


@triton.jit
def tanh(x):
    """2 / (1 + e^-2x) - 1; near zero, where that loses digits, its Taylor series."""
    square = x * x
    series = x * (1 + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835)))))
    return tl.where(tl.abs(x) < 0.3, series, 2 / (1 + tl.exp(-2 * x)) - 1)


@triton.jit
def softplus(x):
    """log(1 + e^x) = max(x, 0) + log(1 + t) with t = e^-|x|, with what 1 + t rounds away made up for."""
    t = tl.exp(-tl.abs(x))
    u = 1 + t
    return tl.where(x < 0, 0.0, x) + tl.where(u == 1, t, tl.log(u) * (t / (u - 1)))


@triton.jit
def remainder(a, b):
    """a - b floor(a / b), with the sign of b."""
    rest = a % b
    return tl.where((rest != 0) & ((rest < 0) != (b < 0)), rest + b, rest)


@triton.jit
def wide(number):
    """A whole number in 64 bits."""
    return tl.full((), 0, tl.int64) + number


@triton.jit
def arrive(counter, PARTNERS: tl.constexpr):
    """Tell the programs that share the counter that what this one has written can be read."""
    if PARTNERS > 1:
        tl.debug_barrier()
        tl.atomic_add(counter, 1, sem="release", scope="gpu")


@triton.jit
def wait(counter, arrivals, PARTNERS: tl.constexpr):
    """Wait until the counter has this many arrivals; then what was written before them can be read."""
    if PARTNERS > 1:
        while tl.atomic_add(counter, 0, sem="acquire", scope="gpu") < arrivals:
            pass
    tl.debug_barrier()
