"""The Program's pointwise operations on vectors."""

from __future__ import annotations

import math
from collections.abc import Callable

from tidegate.engine.backends.llvm.emit.builder import Emit, V


def exp(e: Emit, x: V) -> V:
    """e^x to about one unit in the last place: 2^n e^r with n whole and |r| <= ln(2)/2, e^r by its Taylor series.

    Beyond the range of the type the result is the largest or smallest normal number's neighbourhood; NaN stays NaN.
    """
    high, low = (709.0, -708.0) if e.double else (88.0, -87.0)
    x = e.select_if(">", x, e.const(high), e.const(high), x)
    x = e.select_if("<", x, e.const(low), e.const(low), x)
    magic = 1.5 * 2.0 ** (52 if e.double else 23)  # adding it rounds to a whole number, in the low bits
    shifted = e.fma(x, e.const(1 / math.log(2)), e.const(magic))
    n = e.b.fsub(shifted, e.const(magic))
    # ln 2 in two parts, the first with few enough bits that n times it is exact
    first = 0.693145751953125 if not e.double else 0.693147180369123816490
    r = e.fma(n, e.const(-first), x)
    r = e.fma(n, e.const(-(math.log(2) - first) if not e.double else -1.90821492927058770002e-10), r)
    p = e.polynomial(r, [1 / math.factorial(k) for k in range(14 if e.double else 8)])
    bits = e.b.shl(e.b.bitcast(shifted, e.integers), e.integer(52 if e.double else 23))
    return e.b.bitcast(e.b.add(e.b.bitcast(p, e.integers), bits), e.vector)


def sigmoid(e: Emit, x: V) -> V:
    """1 / (1 + e^-x)."""
    one = e.const(1.0)
    return e.b.fdiv(one, e.b.fadd(one, exp(e, e.b.fneg(x))))


_TANH_SERIES = [1, -1 / 3, 2 / 15, -17 / 315, 62 / 2835, -1382 / 155925, 21844 / 6081075, -929569 / 638512875]


def tanh(e: Emit, x: V) -> V:
    """(1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x; near zero, where that loses digits, its Taylor series."""
    one = e.const(1.0)
    size = e.math("fabs", x)
    t = exp(e, e.b.fmul(size, e.const(-2.0)))
    far = e.math("copysign", e.b.fdiv(e.b.fsub(one, t), e.b.fadd(one, t)), x)
    square = e.b.fmul(x, x)
    near = e.b.fmul(x, e.polynomial(square, _TANH_SERIES if e.double else _TANH_SERIES[:5]))
    return e.select_if("<", size, e.const(0.12 if e.double else 0.3), near, far)


def relu(e: Emit, x: V) -> V:
    """max(x, 0); NaN stays NaN."""
    return e.select_if("<", x, e.const(0.0), e.const(0.0), x)


def softplus(e: Emit, x: V) -> V:
    """log(1 + e^x) = max(x, 0) + log(1 + t) with t = e^-|x|.

    What 1 + t rounds away is made up for by t / ((1 + t) - 1), near 1 (Higham 2002, section 1.14.1).
    """
    one = e.const(1.0)
    t = exp(e, e.b.fneg(e.math("fabs", x)))
    u = e.b.fadd(one, t)
    exact = e.b.fmul(e.math("log", u), e.b.fdiv(t, e.b.fsub(u, one)))
    return e.b.fadd(relu(e, x), e.select_if("==", u, one, t, exact))


OPERATIONS: dict[str, Callable[..., V]] = {
    "add": lambda e, a, b: e.b.fadd(a, b),
    "sub": lambda e, a, b: e.b.fsub(a, b),
    "mul": lambda e, a, b: e.b.fmul(a, b),
    "div": lambda e, a, b: e.b.fdiv(a, b),
    "neg": lambda e, a: e.b.fneg(a),
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "exp": lambda e, a: e.math("exp", a),
    "log": lambda e, a: e.math("log", a),
    "softplus": softplus,
    "absolute": lambda e, a: e.math("fabs", a),
    "minimum": lambda e, a, b: e.select_if("<", a, b, a, e.b.select(e.b.fcmp_unordered("uno", a, a), a, b)),
    "maximum": lambda e, a, b: e.select_if(">", a, b, a, e.b.select(e.b.fcmp_unordered("uno", a, a), a, b)),
    "at_most": lambda e, a, b: e.select_if("<=", a, b, e.const(1.0), e.const(0.0)),
    "where_at_most": lambda e, a, b, u, v: e.select_if("<=", a, b, u, v),
    "rsqrt": lambda e, a: e.b.fdiv(e.const(1.0), e.math("sqrt", a)),
}
