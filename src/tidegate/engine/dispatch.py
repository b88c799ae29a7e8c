"""Choose a backend. A backend that cannot run a call gives its reasons; an explicit choice never falls back."""

from __future__ import annotations

from tidegate.engine.backends.llvm import LLVM
from tidegate.engine.backends.reference import REFERENCE
from tidegate.engine.backends.triton import TRITON
from tidegate.engine.backends.vendor import VENDOR
from tidegate.engine.call import Backend, Call
from tidegate.errors import ArgumentError, BackendError

BACKENDS: tuple[Backend, ...] = (LLVM, TRITON, VENDOR, REFERENCE)
"""In order of preference: the first that supports a call runs it, unless it has to be asked for.

The reference supports everything.
"""


def choose(call: Call, wanted: str | Backend | None = None) -> Backend:
    """Return the backend that runs the call.

    Raises:
        ArgumentError: no backend has that name.
        BackendError: the backend asked for cannot run the call, or a batch-invariant call none; the message lists the
            reasons.
    """
    if wanted is None:
        for backend in BACKENDS:
            if not _reasons_against(backend, call) and not backend.not_by_default(call):
                return backend
        reasons = "; ".join(f"{b.name}: {', '.join(_reasons_against(b, call))}" for b in BACKENDS)
        raise BackendError(f"No backend can run {call.cell.name} inside batch_invariant() ({reasons}).")
    if isinstance(wanted, str):
        by_name = {backend.name: backend for backend in BACKENDS}
        if wanted not in by_name:
            raise ArgumentError(f"No backend is called {wanted!r}; choose one of: {', '.join(by_name)}.")
        wanted = by_name[wanted]
    if reasons := _reasons_against(wanted, call):
        raise BackendError(f"Backend {wanted.name!r} cannot run {call.cell.name}: {'; '.join(reasons)}.")
    return wanted


def passed_over(call: Call, chosen: Backend, wanted: str | Backend | None = None) -> dict[str, tuple[str, ...]]:
    """Return, for every other backend by name, the reasons why `choose` did not choose it."""
    order = "is preferred" if wanted is None else "was asked for"
    found: dict[str, tuple[str, ...]] = {}
    for backend in BACKENDS:
        if backend is not chosen:
            reasons = _reasons_against(backend, call) or (backend.not_by_default(call) if wanted is None else [])
            found[backend.name] = tuple(reasons) or (f"{chosen.name} {order}",)
    return found


def _reasons_against(backend: Backend, call: Call) -> list[str]:
    reasons = backend.unsupported(call)
    if call.batch_invariant and not backend.batch_invariant:
        reasons = ["its results depend on the batch, which batch_invariant() rules out", *reasons]
    return reasons
