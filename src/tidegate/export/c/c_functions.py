"""Functions of one number in C, which compilers turn into vectors: no tables, no calls, no branches."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from tidegate.export.c.int8_functions import ADD_ROWS, INSTRUCTIONS, TO_INT8, TO_INT8_BY_SCALE


class Function(NamedTuple):
    """A function in C.

    Attributes:
        source: its definition.
        needs: the functions that it calls.
    """

    source: str
    needs: tuple[str, ...] = ()


FUNCTIONS = {
    "to_int8": Function(TO_INT8, ("int8",)),
    "to_int8_by_scale": Function(TO_INT8_BY_SCALE, ("int8", "choose")),
    "add_rows": Function(ADD_ROWS, ("int8",)),
    "int8": Function(INSTRUCTIONS),
    "choose": Function("""\
/* condition ? a : b. GCC takes that for a branch, and makes no vectors of the loop unless the processor has masks. */
static inline float choose_(int condition, float a, float b) {
#if defined(__GNUC__) && !defined(__clang__)
  union { float f; int32_t i; } yes = {.f = a}, no = {.f = b};
  const int32_t mask = -(int32_t)(condition != 0);
  yes.i = (yes.i & mask) | (no.i & ~mask);
  return yes.f;
#else
  return condition ? a : b;
#endif
}"""),
    "exp": Function(
        """\
/* e^x = 2^n e^r with n whole and |r| <= ln(2)/2; e^r by its Taylor series. Error: at most 2 ulp.
   Below -87 it is e^-87, above 88 it is e^88. */
static inline float exp_(float x) {
  x = choose_(x > 88.0f, 88.0f, x);
  x = choose_(x < -87.0f, -87.0f, x);
  union { float f; uint32_t bits; } shifted, power;
  shifted.f = x * 1.44269504f + 12582912.0f; /* + 1.5 * 2^23 rounds to a whole number, in the low bits */
  const float n = shifted.f - 12582912.0f;
  const float r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
  const float square = r * r; /* several sums at a time, so that none waits for seven others */
  float p = (1.98412698e-4f * r + 1.38888889e-3f) * square + (8.33333333e-3f * r + 4.16666667e-2f);
  p = p * square + (1.66666667e-1f * r + 0.5f);
  power.bits = (shifted.bits << 23) + 0x3f800000u; /* 2^n */
  return (p * square + (r + 1.0f)) * power.f;
}""",
        ("choose",),
    ),
    "sigmoid": Function(
        """\
static inline float sigmoid_(float x) { return 1.0f / (1.0f + exp_(-x)); }""",
        ("exp",),
    ),
    "tanh": Function(
        """\
/* e / (e + 2) with the sign of x, where e = e^2|x| - 1 = 2^n (e^r - 1) + (2^n - 1): as exp_, but near zero no digits
   are lost. Error: at most 3 ulp. */
static inline float tanh_(float x) {
  union { float f; uint32_t u; } size, shifted, power, result;
  size.f = x;
  const uint32_t sign = size.u & 0x80000000u;
  size.u ^= sign;
  const float y = 2.0f * choose_(size.f > 10.0f, 10.0f, size.f);
  shifted.f = y * 1.44269504f + 12582912.0f;
  const float n = shifted.f - 12582912.0f;
  const float r = (y - n * 0.693145752f) - n * 1.42860677e-6f;
  const float square = r * r;
  float p = (1.98412698e-4f * r + 1.38888889e-3f) * square + (8.33333333e-3f * r + 4.16666667e-2f);
  p = p * square + (1.66666667e-1f * r + 0.5f);
  p = p * square + r;
  power.u = (shifted.u << 23) + 0x3f800000u;
  const float e = power.f * p + (power.f - 1.0f);
  result.f = e / (e + 2.0f);
  result.u |= sign;
  return result.f;
}""",
        ("choose",),
    ),
    "relu": Function("static inline float relu_(float x) { return choose_(x < 0.0f, 0.0f, x); }", ("choose",)),
    "absolute": Function("static inline float absolute_(float x) { return choose_(x < 0.0f, -x, x); }", ("choose",)),
    "minimum": Function(
        "static inline float minimum_(float a, float b) { return choose_(a < b || a != a, a, b); }", ("choose",)
    ),
    "maximum": Function(
        "static inline float maximum_(float a, float b) { return choose_(a > b || a != a, a, b); }", ("choose",)
    ),
    "softplus": Function(
        """\
/* log(1 + e^x) */
static inline float softplus_(float x) {
  return choose_(x > 0.0f, x, 0.0f) + log1pf(exp_(choose_(x < 0.0f, x, -x)));
}""",
        ("choose", "exp"),
    ),
    "remainder": Function("""\
/* a - b floor(a / b): with the sign of b */
static inline float remainder_(float a, float b) {
  const float rest = fmodf(a, b);
  return rest != 0.0f && (rest < 0.0f) != (b < 0.0f) ? rest + b : rest;
}"""),
}

SUM, PRODUCT, SIGN, ATOM = 1, 2, 3, 4


class Expression(NamedTuple):
    """How an operation is written.

    Attributes:
        template: of the operands.
        binding: how closely it binds.
        operands: how closely each operand has to bind, not to need brackets.
    """

    template: str
    binding: int = ATOM
    operands: tuple[int, ...] = ()

    def write(self, *given: tuple[str, int]) -> tuple[str, int]:
        """Write it, given each operand and how closely that binds; return it and how closely it binds."""
        needed = self.operands or (0,) * len(given)
        texts = [
            text if binding >= least else f"({text})" for (text, binding), least in zip(given, needed, strict=True)
        ]
        return self.template.format(*texts), self.binding


EXPRESSIONS = {
    "add": Expression("{0} + {1}", SUM, (SUM, PRODUCT)),
    "sub": Expression("{0} - {1}", SUM, (SUM, PRODUCT)),
    "mul": Expression("{0} * {1}", PRODUCT, (PRODUCT, SIGN)),
    "div": Expression("{0} / {1}", PRODUCT, (PRODUCT, SIGN)),
    "neg": Expression("-{0}", SIGN, (ATOM,)),
    "log": Expression("logf({0})"),
    "sqrt": Expression("sqrtf({0})"),
    "rsqrt": Expression("1.0f / sqrtf({0})", PRODUCT),
    "sin": Expression("sinf({0})"),
    "cos": Expression("cosf({0})"),
    "where_at_most": Expression("choose_({0} <= {1}, {2}, {3})", ATOM, (SUM, SUM, 0, 0)),
    "where_less": Expression("choose_({0} < {1}, {2}, {3})", ATOM, (SUM, SUM, 0, 0)),
    **{name: Expression(f"{name}_({{0}})") for name in ("exp", "sigmoid", "tanh", "relu", "absolute", "softplus")},
    **{name: Expression(f"{name}_({{0}}, {{1}})") for name in ("minimum", "maximum", "remainder")},
}
"""How each pointwise operation of a Program is written in C."""


def definitions(used: Iterable[str]) -> str:
    """Return the definitions of the functions of operations, and of those that they call, each once."""
    needed: dict[str, str] = {}

    def add(name: str) -> None:
        for other in FUNCTIONS[name].needs:
            add(other)
        needed.setdefault(name, FUNCTIONS[name].source)

    for name in used:
        for called in re.findall(r"(\w+)_\(", EXPRESSIONS[name].template) if name in EXPRESSIONS else [name]:
            add(called)
    return "\n\n".join(needed.values())
