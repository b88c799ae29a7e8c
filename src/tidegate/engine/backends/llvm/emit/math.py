"""The Program's pointwise operations on vectors."""

from __future__ import annotations

import math
from collections.abc import Callable

from tidegate.engine.backends.llvm.emit.builder import I1, Emit, V


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


# π/2 in three parts, of which a product with a whole number of up to about 20 bits (16 for float) is exact enough.
_HALF_PI = {
    False: (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15),
    True: (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
}
_FAR = {False: 1e5, True: 1e6}  # beyond, the parts are too few


def sine(e: Emit, x: V, quarters: int) -> V:
    """sin(x + quarters * π/2), to about one unit in the last place.

    With x = n π/2 + r and |r| <= π/4 it is ±sin(r) or ±cos(r), by their Taylor series (Cody & Waite 1980, chapter 8).
    Vectors with numbers so large that r has no digits left, or infinite ones, are left to the system's library.
    """
    b, double = e.b, e.double
    magic = 1.5 * 2.0 ** (52 if double else 23)  # adding it rounds to a whole number, in the low bits
    shifted = e.fma(x, e.const(2 / math.pi), e.const(magic))
    n, r = b.fsub(shifted, e.const(magic)), x
    for part in _HALF_PI[double]:
        r = e.fma(n, e.const(-part), r)
    square = b.fmul(r, r)
    terms = range(1, 9 if double else 5)
    tail = e.polynomial(square, [(-1) ** k / math.factorial(2 * k + 1) for k in terms])
    sin = e.fma(b.fmul(r, square), tail, r)
    tail = e.polynomial(square, [(-1) ** k / math.factorial(2 * k) for k in range(2, 10 if double else 6)])
    cos = e.fma(b.fmul(square, square), tail, e.fma(square, e.const(-0.5), e.const(1.0)))
    quadrant = b.add(b.bitcast(shifted, e.integers), e.integer(quarters))
    odd = b.icmp_unsigned("!=", b.and_(quadrant, e.integer(1)), e.integer(0))
    sign = b.shl(b.and_(quadrant, e.integer(2)), e.integer(62 if double else 30))
    found = b.bitcast(b.xor(b.bitcast(b.select(odd, cos, sin), e.integers), sign), e.vector)
    far = b.fcmp_unordered("ugt", e.math("fabs", x), e.const(_FAR[double]))
    result = e.variable(e.vector)
    e.store(found, result)
    with b.if_then(e.intrinsic("vector.reduce.or", I1, [far], f"v{e.lanes}i1")):
        e.store(e.math("cos" if quarters else "sin", x), result)
    return e.load(result)


def remainder(e: Emit, a: V, b: V) -> V:
    """a - b floor(a / b), exact, with the sign of b, as torch.remainder."""
    rest = e.b.frem(a, b)
    zero = e.const(0.0)
    turned = e.b.xor(e.b.fcmp_ordered("<", rest, zero), e.b.fcmp_ordered("<", b, zero))
    return e.b.select(e.b.and_(e.b.fcmp_ordered("!=", rest, zero), turned), e.b.fadd(rest, b), rest)


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
    "sqrt": lambda e, a: e.math("sqrt", a),
    "sin": lambda e, a: sine(e, a, 0),
    "cos": lambda e, a: sine(e, a, 1),
    "remainder": remainder,
    "absolute": lambda e, a: e.math("fabs", a),
    "minimum": lambda e, a, b: e.select_if("<", a, b, a, e.b.select(e.b.fcmp_unordered("uno", a, a), a, b)),
    "maximum": lambda e, a, b: e.select_if(">", a, b, a, e.b.select(e.b.fcmp_unordered("uno", a, a), a, b)),
    "at_most": lambda e, a, b: e.select_if("<=", a, b, e.const(1.0), e.const(0.0)),
    "where_at_most": lambda e, a, b, u, v: e.select_if("<=", a, b, u, v),
    "where_less": lambda e, a, b, u, v: e.select_if("<", a, b, u, v),
    "rsqrt": lambda e, a: e.b.fdiv(e.const(1.0), e.math("sqrt", a)),
}
