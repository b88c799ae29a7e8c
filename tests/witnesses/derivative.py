"""Values and exact directional derivatives of a witness by the complex step.

For an analytic function computed in complex arithmetic, f(a + i h v) = f(a) + i h J v + O(h^2); with h so small that
h^2 underflows there is neither truncation nor cancellation (Squire & Trapp 1998, *Using complex variables to estimate
derivatives of real functions*). Run in complex64 the same code is the independent fp32 run that the error budget needs.
"""

from collections.abc import Mapping

import numpy as np
from tests.witnesses.cases import Case
from tests.witnesses.driver import Run, drive
from tests.witnesses.paper import Paper

_STEP = 1e-20
COMPLEX = {"float32": np.complex64, "float64": np.complex128}
Named = dict[str, np.ndarray]


def witness(
    paper: Paper,
    case: Case,
    given: Mapping[str, np.ndarray],
    precision: str,
    direction: Mapping[str, np.ndarray] | None = None,
) -> tuple[Named, Named]:
    """Every result by name ("output", "final h", "recorded i", ...) and its derivative along ``direction``."""
    kind = COMPLEX[precision]
    point = {name: value.astype(kind) for name, value in given.items()}
    for name, v in (direction or {}).items():
        point[name] = point[name] + kind(1j * _STEP) * v.astype(kind)
    width = case.projection or case.H
    sizes = {name: width if k == 0 else case.H for k, name in enumerate(paper.states)}
    state = {
        name: point[f"initial {name}"] if case.start else np.zeros((case.B, size), kind) for name, size in sizes.items()
    }
    run = drive(
        paper,
        point["x"],
        point,
        state,
        lengths=case.lengths,
        reset=case.reset_flags(),
        reverse=case.reverse,
        masks={name: point[f"mask {name}"] for name in paper.masks},
    )
    found = results(run, case.every)
    return (
        {name: np.real(value) for name, value in found.items()},
        {name: np.imag(value).astype(np.float64) / _STEP for name, value in found.items()},
    )


def results(run: Run, every: int) -> Named:
    found = {"output": run.output}
    found |= {f"final {name}": value for name, value in run.state.items()}
    if every:
        found |= {f"recorded {name}": value[::every] for name, value in run.trace.items()}
    return found
