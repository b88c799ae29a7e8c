"""The Program's pointwise operations, as expressions of a kernel."""

from __future__ import annotations

OPERATIONS: dict[str, str] = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "sigmoid": "sigmoid({0})",
    "tanh": "tanh({0})",
    "relu": "tl.where({0} < 0, 0.0, {0})",
    "exp": "tl.exp({0})",
    "log": "tl.log({0})",
    "softplus": "softplus({0})",
    "sqrt": "tl.sqrt_rn({0})",
    "sin": "tl.sin({0})",
    "cos": "tl.cos({0})",
    "remainder": "remainder({0}, {1})",
    "absolute": "tl.abs({0})",
    "minimum": "tl.where(({0} < {1}) | ({0} != {0}), {0}, {1})",
    "maximum": "tl.where(({0} > {1}) | ({0} != {0}), {0}, {1})",
    "at_most": "tl.where({0} <= {1}, 1.0, 0.0)",
    "where_at_most": "tl.where({0} <= {1}, {2}, {3})",
    "where_less": "tl.where({0} < {1}, {2}, {3})",
    "rsqrt": "1 / tl.sqrt_rn({0})",
}
"""The arguments are names of tiles; NaN stays NaN as in torch."""
